"""The whole set in a folder of its own: real programs, the WeChat simulator, port 0, ipc sockets.

    with Ring(templates={"test": TEMPLATE}) as ring:
        ring.push(openid="o1", key="test")

Nothing here sleeps: readiness is asked for, sockets are waited on, every wait has a limit.
"""
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request

import msgpack
import zmq

BIN = os.environ.get("MEGA_BIN", os.path.join(os.path.dirname(__file__), "../../build/bin"))
LIMIT_S = 60  # no single wait is longer

APP_ID = "wx1234567890abcdef"
SECRET = "0123456789abcdef0123456789abcdef"

SIMPLE = '{"touser":"${OPENID}","template_id":"T1","data":{"first":{"value":"${n}"}}}'


def deadline(seconds=LIMIT_S):
    return time.monotonic() + seconds


def until(condition, what, seconds=LIMIT_S):
    """Asks a condition that itself waits a little (a socket, a process) until it holds."""
    end = deadline(seconds)
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (seconds, what))


def pause(ms=20):
    """Waits for nothing in particular: only between two looks at something that gives no event."""
    select.select([], [], [], ms / 1000)


class Process:
    def __init__(self, folder, name, program, arguments, env=None):
        self.name, self.program, self.arguments = name, program, arguments
        self.log_path = os.path.join(folder, name + ".log")
        self.env = dict(os.environ, **(env or {}))
        self.process = None

    def start(self):
        log = open(self.log_path, "ab")
        self.log_began = log.tell()
        self.process = subprocess.Popen([os.path.join(BIN, self.program)] + self.arguments, stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL, env=self.env)
        log.close()
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.alive():
            self.process.kill()
        return self.process.wait(LIMIT_S)

    def term(self):
        """Asks it to end and returns its exit status."""
        if self.alive():
            self.process.terminate()
        try:
            return self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(self.name + " did not end after TERM")

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def ended_well(self, status):
        """After TERM: 0. One that had said nothing yet since its start had not taken its signals yet either, and just ends."""
        return status == 0 or (status == -signal.SIGTERM and os.path.getsize(self.log_path) == self.log_began)


class Sim(Process):
    """The simulator; `get` and `post` reach its control addresses."""

    def __init__(self, folder, arguments):
        self.folder = folder
        self.ready_file = os.path.join(folder, "sim.ready")
        self.journal_path = os.path.join(folder, "journal.jsonl")
        super().__init__(folder, "sim", "wechat-sim", ["--http", "127.0.0.1:0", "--ready-file", self.ready_file,
                                                       "--journal", self.journal_path] + arguments)

    def start(self):
        if os.path.exists(self.ready_file):
            os.unlink(self.ready_file)
        super().start()
        until(lambda: os.path.exists(self.ready_file) or (self.check() and pause()), "simulator ready")
        with open(self.ready_file) as f:
            ports = dict(line.strip().split("=") for line in f if "=" in line)
        self.base = "http://127.0.0.1:" + ports["http"]
        return self

    def check(self):
        assert self.alive(), self.log()
        return True

    def get(self, path, timeout=LIMIT_S):
        with urllib.request.urlopen(self.base + path, timeout=timeout) as answer:
            return json.load(answer)

    def post(self, path, body=""):
        request = urllib.request.Request(self.base + path, data=body.encode(), method="POST")
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return answer.read()

    def wait(self, seconds=LIMIT_S, **counts):
        """Waits until the simulator has counted so much, such as delivered=10."""
        query = "&".join("%s=%d" % pair for pair in counts.items())
        stats = self.get("/sim/wait?%s&timeout_ms=%d" % (query, seconds * 1000), timeout=seconds + 10)
        for name, count in counts.items():
            assert stats[name] >= count, "%s: %d of %d: %s" % (name, stats[name], count, stats)
        return stats

    def call_back(self, url, token, aes_key="", **settings):
        """Tells the simulator where callbacks go, such as to a listener whose port is known only now; `mode`, `format` and `appid` as in
        tests/sim/README.md. What is set by `sim=["--callback", …]` of a Ring holds until then."""
        self.post("/sim/callback", json.dumps({"url": url, "token": token, "aes_key": aes_key, **settings}))

    def event(self, event, openid, **members):
        """Something that a user does, such as event("scan", "oUser1", key="12"). The number that its callback has in the journal."""
        return json.loads(self.post("/sim/event", json.dumps({"event": event, "openid": openid, **members})))["number"]

    def events(self, count, **members):
        """Begins a burst, such as events(73000, kinds="follow@0.5,text@0.5", per_second=250). wait(callbacks_ended=…) sees its end."""
        self.post("/sim/events", json.dumps({"count": count, **members}))

    def callbacks(self):
        """The tries of all callbacks."""
        return self.journal("callback")

    def journal(self, path="/cgi-bin/message/template/send"):
        """What was called at a path; at all of them when it is None."""
        self.get("/sim/stats")  # flushes
        with open(self.journal_path) as f:
            return [entry for entry in map(json.loads, f) if path is None or entry["path"] == path]

    def delivered(self):
        return [e for e in self.journal() if e["result"] in ("delivered", "cut-after")]


class Zmq:
    """A client of the frontend, DEALER. Asks again, under the same id and ref, what is not answered."""

    def __init__(self, endpoint, curve=None):
        self.context = zmq.Context.instance()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        if curve:
            curve(self.socket)
        self.socket.connect(endpoint)
        self.next_ref = 1

    def close(self):
        self.socket.close()

    def submit(self, requests):
        """Gives every request a ref and sends them; returns ref -> request."""
        asked = {}
        for request in requests:
            request = dict(request, ref=self.next_ref)
            self.next_ref += 1
            asked[request["ref"]] = request
        self.send(asked.values())
        return asked

    def send(self, requests):
        frames = [msgpack.packb(request) for request in requests]
        for i in range(0, len(frames), 200):
            self.socket.send_multipart(frames[i:i + 200])

    def collect(self, asked, seconds=LIMIT_S, again_s=2.0):
        """Waits for the answers to `asked`; returns ref -> result."""
        results, end, again = {}, deadline(seconds), time.monotonic() + again_s
        while len(results) < len(asked):
            if self.socket.poll(100):
                for frame in self.socket.recv_multipart():
                    result = msgpack.unpackb(frame)
                    if result.get("ref") in asked:
                        results[result["ref"]] = result
            now = time.monotonic()
            assert now < end, "no answer to %d of %d requests" % (len(asked) - len(results), len(asked))
            if now > again:
                self.send([r for ref, r in asked.items() if ref not in results])
                again = now + again_s
        return results

    def ask(self, *requests, seconds=LIMIT_S):
        """The results of the requests, in their order."""
        asked = self.submit(requests)
        results = self.collect(asked, seconds)
        return [results[ref] for ref in asked]

    def ask_one(self, **request):
        return self.ask(request)[0]


class Operator:
    """What `mega queue` is to the broker: asks on the control socket."""

    def __init__(self, endpoint, curve=None):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        if curve:
            curve(self.socket)
        self.socket.setsockopt(zmq.IDENTITY, b"op-" + os.urandom(8).hex().encode())
        self.socket.connect(endpoint)
        self.next_ref = 1

    def close(self):
        self.socket.close()

    def answers(self, op, seconds=LIMIT_S, **members):
        """Every answer to one ask, the last one included. Asked again when the broker is away, or slow: what it says then of what was
        done meanwhile is not taken."""
        ref, self.next_ref = self.next_ref, self.next_ref + 1
        ask, end, answers = dict(members, t="ask", op=op, ref=ref), deadline(seconds), []
        while not answers or (answers[-1]["code"] == 100 and op not in ("list",)):
            assert time.monotonic() < end, "no answer to %s" % ask
            if not answers:
                self.socket.send(msgpack.packb(ask))
            for answer in map(msgpack.unpackb, self.socket.recv_multipart() if self.socket.poll(2000) else []):
                if answer.get("ref") == ref and (not answers or answers[-1]["code"] == 100):
                    answers.append(answer)
        return answers

    def ask(self, op, **members):
        return self.answers(op, **members)[-1]

    def list(self, limit=1000, **filter):
        """All pages of a list."""
        entries, page = [], {"next": None}
        while page is not None:
            members = {"from": page["next"]} if page["next"] else {}
            answer = self.ask("list", filter=filter, limit=limit, **members)
            assert answer["code"] in (100, 200), answer
            entries += answer.get("data", [])
            page = answer if answer["code"] == 100 else None
        return entries

    def status(self):
        return self.ask("status")["data"]


def frame(header, opaque, body=None):
    """A frame of the TCP protocol; no body at all when it is None."""
    header = header if isinstance(header, bytes) else header.encode()
    inner = struct.pack(">I", len(header)) + header + struct.pack(">I", opaque)
    if body is not None:
        body = body if isinstance(body, bytes) else body.encode()
        inner += struct.pack(">I", len(body)) + body
    return struct.pack(">I", len(inner)) + inner


class Tcp:
    """A client of the TCP protocol."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        self.buffer = b""

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read(self, timeout=LIMIT_S):
        """The next answer as (code, opaque, message); None when the connection is closed."""
        self.socket.settimeout(timeout)
        while True:
            if len(self.buffer) >= 4:
                size, = struct.unpack_from(">I", self.buffer)
                if len(self.buffer) >= 4 + size:
                    packet, self.buffer = self.buffer[4:4 + size], self.buffer[4 + size:]
                    return self.parse(packet)
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buffer += data

    @staticmethod
    def parse(packet):
        length, = struct.unpack_from(">I", packet)
        header = packet[4:4 + length].decode()
        assert header.startswith("result "), header
        opaque, size = struct.unpack_from(">II", packet, 4 + length)
        return int(header[7:]), opaque, packet[12 + length:12 + length + size]

    def ask(self, header, opaque, body=None):
        self.send(frame(header, opaque, body))
        return self.read()


class Ring:
    """All programs. Sections given as `conf` are added to or take the place of the defaults below."""

    def __init__(self, templates=None, source=None, senders=2, templaters=1, gateways=1, sim=(), conf=None, ini=None,
                 task=False):
        self.folder = tempfile.mkdtemp(prefix="mega-test-")
        self.templates_dir = os.path.join(self.folder, "templates")
        os.mkdir(self.templates_dir)
        for key, text in (templates or {"test": SIMPLE}).items():
            self.write_template(key, text)
        self.source = source or "dir:" + self.templates_dir
        self.frontend = "ipc://%s/run/frontend.ipc" % self.folder
        self.control = "ipc://%s/run/control.ipc" % self.folder
        self.curve = None  # makes a socket ready for a frontend under CURVE
        self.conf, self.ini = conf or {}, ini
        self.sim = Sim(self.folder, list(sim))
        self.stages = {}
        self.has_task = task
        self.counts = {"templater": templaters, "sender": senders, "gateway": gateways}
        self.clients = []

    def write_template(self, key, text):
        with open(os.path.join(self.templates_dir, key + ".json"), "w", encoding="utf-8") as f:
            f.write(text)

    def write_conf(self):
        sections = {
            "server": {"listen[]": "127.0.0.1:0", "queue_file_path": "store"},
            "wechat": {"app_id": APP_ID, "app_secret": SECRET, "api_base": self.sim.base},
            "log": {"log_level": "info"},
            "broker": {"frontend": self.frontend, "lease": "500ms", "backoff": "50ms, 100ms, 200ms", "min_free_space": "1M"},
            "gateway": {"answer_timeout": "1s"},
            "templater": {"source": self.source},
            "sender": {"slots": "64", "timeout": "3s", "connect_timeout": "1s"},
            "run": {"dir": "run"},
        }
        if self.ini is not None:
            sections = self.ini(self, sections)
        for name, keys in self.conf.items():
            sections.setdefault(name, {}).update(keys)
        path = os.path.join(self.folder, "mega.conf")
        with open(path, "w") as f:
            for name, keys in sections.items():
                f.write("[%s]\n" % name)
                for key, value in keys.items():
                    f.write("%s = %s\n" % (key, value))
        return path

    def __enter__(self):
        try:
            self.sim.start()
            self.conf_path = self.write_conf()
            self.add("broker", "mega-broker").start()
            self.add("token", "mega-token").start()
            for kind, count in self.counts.items():
                for i in range(count):
                    self.add("%s-%d" % (kind, i + 1), "mega-" + kind).start()
            if self.has_task:
                self.add("task", "mega-task").start()
            self.wait_ready()
        except BaseException:
            self.__exit__(*[Exception("start")] * 3)
            raise
        return self

    def add(self, name, program):
        self.stages[name] = Process(self.folder, name, program, ["-c", self.conf_path, "-n", name])
        return self.stages[name]

    def __getitem__(self, name):
        return self.stages[name]

    def __exit__(self, kind, value, trace):
        for client in self.clients:
            client.close()
        for stage in list(self.stages.values()) + [self.sim]:
            if stage.alive():
                stage.signal(signal.SIGCONT)
                stage.kill()
        errors = self.sanitizer_reports()
        if kind is not None:
            self.show_logs()
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None and errors:
            raise AssertionError(errors)

    def sanitizer_reports(self):
        found = ""
        for stage in list(self.stages.values()) + [self.sim]:
            if os.path.exists(stage.log_path):
                text = stage.log()
                if "ERROR: AddressSanitizer" in text or "runtime error:" in text or "Assertion" in text:
                    found += "%s:\n%s\n" % (stage.name, text[-4000:])
        return found

    def show_logs(self):
        for stage in list(self.stages.values()) + [self.sim]:
            if os.path.exists(stage.log_path):
                print("--- %s\n%s" % (stage.name, stage.log()[-3000:]))

    def client(self):
        self.clients.append(Zmq(self.frontend, self.curve))
        return self.clients[-1]

    def operator(self):
        self.clients.append(Operator(self.control, self.curve if self.control.startswith("tcp:") else None))
        return self.clients[-1]

    def tcp(self, gateway="gateway-1"):
        self.clients.append(Tcp(self.port(gateway)))
        return self.clients[-1]

    def port(self, gateway="gateway-1"):
        path = os.path.join(self.folder, "run", gateway + ".ports")
        until(lambda: os.path.exists(path) or pause(), "gateway listens")
        with open(path) as f:
            return int(f.readline().rsplit(":", 1)[1])

    def wait_ready(self, seconds=LIMIT_S):
        """Until the broker says ready and every gateway listens."""
        client = Zmq(self.frontend, self.curve)
        last = None
        try:
            def ready():
                nonlocal last
                for stage in self.stages.values():
                    assert stage.alive(), "%s ended: %s" % (stage.name, stage.log()[-2000:])
                client.socket.send(msgpack.packb({"op": "ping"}))
                if client.socket.poll(200):
                    last = msgpack.unpackb(client.socket.recv())
                    return last.get("state") == "ready" or pause()
                return False
            until(ready, "ready", seconds)
        except AssertionError as error:
            raise AssertionError("%s; last ping: %s" % (error, last))
        finally:
            client.close()
        for name in self.stages:
            if name.startswith("gateway"):
                self.port(name)

    def restart(self, name, how="kill"):
        """Ends a stage and starts it anew under its name."""
        stage = self.stages[name]
        if how == "kill":
            stage.kill()
        else:
            status = stage.term()
            assert stage.ended_well(status), "%s ended with %d after TERM: %s" % (name, status, stage.log()[-2000:])
        self.forget_ports(name)
        stage.start()
        return stage

    def restart_all(self, number):
        """Sends every stage the signal at once, waits for their ends and starts them anew."""
        stages = list(self.stages.values())
        for stage in stages:
            stage.signal(number)
        for stage in stages:
            status = stage.process.wait(LIMIT_S)
            if number == signal.SIGTERM:
                assert stage.ended_well(status), "%s ended with %d: %s" % (stage.name, status, stage.log()[-1500:])
        for stage in stages:
            self.forget_ports(stage.name)
            stage.start()

    def forget_ports(self, name):
        path = os.path.join(self.folder, "run", name + ".ports")
        if os.path.exists(path):
            os.unlink(path)
