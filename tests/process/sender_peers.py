"""What a sender and a token keeper talk to, played by the test: a broker, a templater, a keeper, broken HTTP servers.

Nothing here sleeps: every wait is one for a message, with a limit.
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import msgpack
import zmq

import ring

LEASE_MS = 500
TOKENS = {"default": "T0"}

PATHS = {"template": "/cgi-bin/message/template/send", "custom": "/cgi-bin/message/custom/send",
         "subscribe": "/cgi-bin/message/subscribe/send", "bizsubscribe": "/cgi-bin/message/subscribe/bizsend",
         "onetime": "/cgi-bin/message/template/subscribe"}


def pack(value):
    return msgpack.packb(value, use_bin_type=True)


def make_certificates(folder):
    """A CA, a certificate for 127.0.0.1 by it, one for another name by it, and another CA."""
    def run(*arguments):
        subprocess.run(["openssl"] + list(arguments), cwd=folder, check=True, capture_output=True)
    for ca in ("ca", "other"):
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + ca,
            "-keyout", ca + ".key", "-out", ca + ".pem")
    for name, subject in (("good", "IP:127.0.0.1"), ("wrong", "DNS:example.invalid")):
        with open(os.path.join(folder, name + ".ext"), "w") as f:
            f.write("subjectAltName=%s\n" % subject)
        run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key",
            "-out", name + ".csr")
        run("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", name + ".ext", "-out", name + ".pem")


class Listener(threading.Thread):
    """Accepts connections on a port of its own; serve(connection) runs for each on a thread of its own."""

    def __init__(self):
        super().__init__(daemon=True)
        self.lock, self.connections = threading.Lock(), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        self.listener.close()


class Server(Listener):
    """An HTTP server that does with each request what the next function of a list does (the last one repeats):
    serve(connection, request) returns 1 to keep the connection."""

    def __init__(self, *serves):
        super().__init__()
        self.serves, self.requests = list(serves), []
        self.base = "http://127.0.0.1:%d" % self.port
        self.start()

    def read(self, connection, data):
        """One whole request, or None when the client has gone."""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return None, b""
            data += more
        head, rest = data.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        while len(rest) < length:
            more = connection.recv(65536)
            if not more:
                return None, b""
            rest += more
        return head + b"\r\n\r\n" + rest[:length], rest[length:]

    def serve(self, connection):
        rest = b""
        try:
            while True:
                request, rest = self.read(connection, rest)
                if request is None:
                    break
                with self.lock:
                    self.requests.append(request)
                    serve = self.serves.pop(0) if len(self.serves) > 1 else self.serves[0]
                if not serve(connection, request):
                    break
        except OSError:
            pass
        connection.close()


def answer(body, status="200 OK", headers=()):
    """A serve function: answers and keeps the connection."""
    body = body if isinstance(body, bytes) else body.encode()

    def serve(connection, request):
        lines = ["HTTP/1.1 " + status, "Content-Length: %d" % len(body)] + list(headers)
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return 1
    return serve


def raw(data):
    """A serve function: writes bytes and closes."""
    def serve(connection, request):
        connection.sendall(data)
    return serve


def ok():
    return answer('{"errcode":0,"errmsg":"ok","msgid":1}')


class Bench:
    """A folder with a configuration, and the programs that are started in it. Accounts: name -> settings."""

    def __init__(self, accounts, sections=None):
        self.folder = tempfile.mkdtemp(prefix="mega-test-")
        os.mkdir(os.path.join(self.folder, "run"))
        self.control = "ipc://%s/run/control.ipc" % self.folder
        self.token = "ipc://%s/run/token.ipc" % self.folder
        self.processes, self.closers = [], []
        self.write(accounts, sections)

    def write(self, accounts, sections=None):
        conf = {
            "server": {"queue_file_path": self.folder},
            "log": {"log_level": "debug"},
            "broker": {"control": self.control, "lease": "%dms" % LEASE_MS},
            "sender": {"slots": "4", "timeout": "1s", "connect_timeout": "400ms"},
            "token": {"endpoint": self.token, "cache_file": os.path.join(self.folder, "token.cache")},
            "run": {"dir": os.path.join(self.folder, "run")},
        }
        for name, keys in accounts.items():
            section = "wechat" if name == "default" else "wechat:" + name
            conf[section] = dict({"app_id": ring.APP_ID, "app_secret": ring.SECRET}, **keys)
        for name, keys in (sections or {}).items():
            conf.setdefault(name, {}).update(keys)
        self.conf_path = os.path.join(self.folder, "mega.conf")
        with open(self.conf_path, "w") as f:
            for name, keys in conf.items():
                f.write("[%s]\n" % name)
                for key, value in keys.items():
                    f.write("%s = %s\n" % (key, value))

    def start(self, program, name, env=None):
        process = ring.Process(self.folder, name, program, ["-c", self.conf_path, "-n", name], env)
        self.processes.append(process)
        return process.start()

    def on_close(self, function):
        self.closers.append(function)

    def close(self):
        for process in self.processes:
            if process.alive():
                process.signal(signal.SIGCONT)
                process.kill()
        for function in self.closers:
            function()
        texts = [(p.name, p.log()) for p in self.processes if os.path.exists(p.log_path)]
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, text in texts:
            for word in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "Assertion"):
                assert word not in text, "%s: %s" % (name, text[-4000:])
            assert ring.SECRET not in text, "%s logs the secret" % name


def make_body(kind, openid, seq):
    """What the templater makes of a job: only a template message has a client_msg_id."""
    if kind == "custom":
        return ('{"touser":"%s","msgtype":"text","text":{"content":"job %d"}}' % (openid, seq)).encode()
    if kind == "onetime":
        return ('{"touser":"%s","template_id":"T","scene":"1","title":"t","data":{"content":{"value":"job %d"}}}' % (openid, seq)).encode()
    key = ',"client_msg_id":"%032x"' % seq if kind == "template" else ""
    return ('{"touser":"%s","template_id":"T","data":{"a":{"value":"job %d"}}%s}' % (openid, seq, key)).encode()


def start_sim(bench, *arguments):
    sim = ring.Sim(bench.folder, list(arguments)).start()
    bench.processes.append(sim)
    return sim


class Keeper:
    """The token keeper, played by the test. `tokens`: account -> token; no entry: no answer; an Exception: none,
    with its text as the reason."""

    def __init__(self, bench, tokens):
        self.tokens, self.gets, self.rejected = tokens, 0, []
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(bench.token)
        bench.on_close(self.socket.close)
        self.on_rejected = lambda app, token: None

    def take(self):
        peer, packed = self.socket.recv_multipart()
        message = msgpack.unpackb(packed)
        if message["t"] == "rejected":
            self.rejected.append(message["token"])
            self.on_rejected(message["app"], message["token"])
        else:
            self.gets += 1
        self.tell(peer, message["app"])

    def tell(self, peer, app):
        token = self.tokens.get(app)
        if isinstance(token, Exception):
            reply = {"t": "none", "app": app, "message": str(token), "retry": 1000}
        elif token:
            reply = {"t": "token", "app": app, "token": token, "ttl": 60000}
        else:
            return
        self.socket.send_multipart([peer, pack(reply)])


class Broker:
    """The broker and the templater of one sender, played by the test."""

    def __init__(self, bench, keeper=None):
        self.bench, self.keeper = bench, keeper
        self.bind()
        self.push = None
        self.generation, self.seq = 1, 0
        self.hello = None           # the last one
        self.reports = []           # all that came, repeated ones too
        self.held = []              # (generation, holdings)
        self.begins = []            # the holdings of each begin
        self.stopped = {}           # of the last beat
        self.byes = self.hellos = self.beats = 0
        self.welcomes = self.beats_back = self.confirms = self.grants = True
        bench.on_close(self.close)

    def bind(self):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self.socket.bind(self.bench.control)

    def close(self):
        self.socket.close()
        if self.push:
            self.push.close()

    def say(self, message):
        self.socket.send_multipart([self.name, pack(message)])

    def pump(self, wait_ms):
        """Handles what comes within that time. Returns 1 when something came."""
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        if self.keeper:
            poller.register(self.keeper.socket, zmq.POLLIN)
        ready = dict(poller.poll(wait_ms))
        if self.keeper and self.keeper.socket in ready:
            self.keeper.take()
        if self.socket in ready:
            frames = self.socket.recv_multipart()
            self.name = frames[0]
            for frame in frames[1:]:
                self.take(msgpack.unpackb(frame, strict_map_key=False))
        return bool(ready)

    def take(self, m):
        getattr(self, "on_" + m["t"])(m)

    def on_hello(self, m):
        self.hello, self.hellos = m, self.hellos + 1
        if self.welcomes:
            self.say({"t": "welcome", "epoch": m["epoch"], "clock": m["clock"], "generation": self.generation,
                      "broker": 77, "lease": LEASE_MS})

    def on_beat(self, m):
        self.beats += 1
        self.stopped = m.get("stopped", {})
        if self.beats_back:
            self.say({"t": "beat", "epoch": m["epoch"], "clock": m["clock"], "generation": self.generation,
                      "broker": 77})

    def on_held(self, m):
        self.held.append((m["generation"], [tuple(h) for h in m["holdings"]]))

    def on_begin(self, m):
        assert m["epoch"] == self.hello["epoch"], m
        self.begins.append([tuple(h) for h in m["holdings"]])
        if self.grants:
            self.begun(*self.begins[-1])

    def begun(self, *holdings):
        """Leave for these (seq, turn)."""
        self.say({"t": "begun", "holdings": [list(h) for h in holdings]})

    def asked(self):
        """All that leave was asked for, each as often as it was."""
        return [h for begin in self.begins for h in begin]

    def on_results(self, m):
        names = ("seq", "turn", "outcome", "errcode", "msgid", "http_status", "calls", "message", "cause")
        reports = [dict(zip(names, values)) for values in m["results"]]
        self.reports += reports
        if self.confirms:
            self.confirm(reports)

    def on_bye(self, m):
        self.byes += 1

    def confirm(self, reports):
        self.say({"t": "confirm", "holdings": [[r["seq"], r["turn"]] for r in reports]})

    def fence(self):
        self.generation += 1
        self.say({"t": "fence", "generation": self.generation})

    def lose_connection(self):
        """Every connection breaks, with all that is on its way in it; the broker itself goes on."""
        self.socket.close()
        self.bind()

    def until(self, condition, what, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                logs = "".join(p.log()[-3000:] for p in self.bench.processes)
                raise AssertionError("not within %d s: %s\n%s\n%s" % (seconds, what, self.reports, logs))
            self.pump(50)

    def for_ms(self, ms):
        """Goes on talking for that time: where the test is that nothing happens, or a lease has to run out."""
        end = time.monotonic() + ms / 1000
        while time.monotonic() < end:
            self.pump(10)

    def connect(self):
        """Waits until the sender is welcome, and connects to it as a templater does."""
        self.until(lambda: self.held, "the sender answers its welcome")
        if self.push is None:
            self.push = zmq.Context.instance().socket(zmq.PUSH)
            self.push.linger = 0
            self.push.connect(self.hello["endpoint"])

    def job(self, openid="o1", app="default", seq=None, turn=1, generation=None, kind="template", body=None):
        """Sends a rendered job. Returns its seq."""
        if seq is None:
            self.seq += 1
            seq = self.seq
        if body is None:
            body = make_body(kind, openid, seq)
        if generation is None:
            generation = self.generation
        self.push.send(pack([seq, turn, generation, "id-%d" % seq, app, openid, kind, body]))
        return seq

    def report(self, seq, turn=None, seconds=20):
        """The last report of a job, waited for."""
        def found():
            return [r for r in self.reports if r["seq"] == seq and turn in (None, r["turn"])]
        self.until(found, "report of %s" % seq, seconds)
        return found()[-1]

    def result(self, **job):
        return self.report(self.job(**job))


class Case(unittest.TestCase):
    def bench(self, accounts=None, sections=None):
        bench = Bench(accounts or {"default": {}}, sections)
        self.addCleanup(bench.close)
        return bench

    def with_sim(self, *arguments, sections=None):
        """A real keeper and the simulator: the bench, the simulator, and the broker of a sender that is ready."""
        bench = self.bench()
        self.sim = start_sim(bench, *arguments)
        bench.write({"default": {"api_base": self.sim.base}}, sections)
        self.keeper = bench.start("mega-token", "token")
        self.sender = bench.start("mega-sender", "sender-1")
        broker = Broker(bench)
        broker.connect()
        return bench, broker

    def with_server(self, *serves, base=None, tokens=None, sections=None):
        """A server of our own instead of WeChat, and a keeper played by the test."""
        bench = self.bench()
        self.server = Server(*serves) if serves else None
        if self.server:
            bench.on_close(self.server.close)
        bench.write({"default": {"api_base": base or self.server.base}}, sections)
        self.token = Keeper(bench, tokens or dict(TOKENS))
        self.sender = bench.start("mega-sender", "sender-1")
        broker = Broker(bench, self.token)
        broker.connect()
        return bench, broker

    def check(self, report, outcome, message="", calls=1, **more):
        self.assertEqual(report["outcome"], outcome, report)
        self.assertIn(message, report["message"])
        self.assertEqual(report["calls"], calls, report)
        for name, value in more.items():
            self.assertEqual(report[name], value, report)
