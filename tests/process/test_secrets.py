"""Secrets, tokens and contents stay where they belong: not in a log at any level, in --dump-config, in what /proc shows of a
process to others, or in core files.

The whole set runs at log_level = debug through everything that handles them: tokens fetched, rejected, forced, refused by a
WeChat that repeats the secret, addresses that fail in several ways with the secret or the token in the URL.
"""
import json
import os
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

import msgpack
import zmq

import ring
from ring import LIMIT_S, Process, Ring, until
from sender_peers import Server, answer

SECRETS = {  # section -> app_secret
    "wechat": ring.SECRET,
    "wechat:leaky": "leaky-secret-0123456789abcdef",
    "wechat:echo": "echo/secret+0123456789abcdef",
    "wechat:away": "away-secret-0123456789abcdef",
    "wechat:lost": "lost-secret-0123456789abcdef",
    "wechat:cut": "cut-secret-0123456789abcdef",
    "wechat:chatty": "chatty-secret-0123456789abcdef",
}
CHATTY_TOKEN = "chatty+token/0123456789"
CALLBACK_TOKEN = "callback-token-0123456789"
DB_PASSWORD = "database-password-0123456789"
MARKER = "content-marker-0123456789"
FAULTS = ("g=43004", "h=http500", "i=garbage", "j=cut", "k=cut-after", "l=hang", "n=-1*1", "p=99999", "q=body:" + MARKER)


def token_of(endpoint, app):
    """What the keeper tells a sender: a token, or None."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    try:
        end = ring.deadline()
        while ring.time.monotonic() < end:
            socket.send(msgpack.packb({"t": "get", "app": app}))
            while socket.poll(200):
                told = msgpack.unpackb(socket.recv())
                if told["t"] in ("token", "none"):
                    return told.get("token")
        raise AssertionError("the keeper says nothing")
    finally:
        socket.close()


def repeat(connection, request):
    """A WeChat that repeats what it was asked, in its words and in a header."""
    said = json.dumps("invalid " + request.decode())
    return answer('{"errcode":40125,"errmsg":%s}' % said, headers=["X-Asked: " + request.decode().split("\r\n")[0]])(connection, request)


def chat(connection, request):
    """A WeChat that gives a token, and repeats it when it is used: in a refusal, in a failure, in an answer that is none."""
    line = request.decode().split("\r\n")[0]
    if line.startswith("GET"):
        body = '{"access_token":"%s","expires_in":7200}' % CHATTY_TOKEN
    else:
        code = {"1": 43004, "2": -1}.get(request.decode().split('"touser":"')[1][0])
        body = '{"errcode":%d,"errmsg":"for %s"}' % (code, line) if code else "<html>" + line
    return answer(body)(connection, request)


class Renewed:
    """A WeChat that rejects the first token for the message to "fast", and answers the one to "slow" when the second token is in
    use: with words that repeat the first, as the URL had it and as it is."""

    TOKEN = "renewed+token/%d-0123456789"

    def __init__(self):
        self.tokens, self.arrived, self.renewed = 0, threading.Event(), threading.Event()

    def serve(self, connection, request):
        line, body = request.decode().split("\r\n")[0], request.decode().split("\r\n\r\n", 1)[1]
        if line.startswith("GET"):
            self.tokens += 1
            return answer('{"access_token":"%s","expires_in":7200}' % (self.TOKEN % self.tokens))(connection, request)
        is_first = urllib.parse.quote(self.TOKEN % 1, safe="") in line
        if is_first and '"slow"' in body:
            self.arrived.set()
            self.renewed.wait(LIMIT_S)
            words = self.TOKEN % 1 if "raw" in body else line
            return answer('{"errcode":-1,"errmsg":"for %s"}' % words)(connection, request)
        if is_first:
            self.arrived.wait(LIMIT_S)
            return answer('{"errcode":40001,"errmsg":"invalid credential"}')(connection, request)
        self.renewed.set()
        return answer('{"errcode":0,"errmsg":"ok","msgid":1}')(connection, request)


class Secrets(unittest.TestCase):
    def setUp(self):
        self.echo, self.cut = Server(repeat), Server(lambda connection, request: 0)
        self.chatty = Server(chat)
        self.addCleanup(self.chatty.close)
        self.addCleanup(self.echo.close)
        self.addCleanup(self.cut.close)

    def conf(self):
        bases = {"wechat:leaky": self.echo.base, "wechat:echo": self.echo.base, "wechat:away": "http://127.0.0.1:1",
                 "wechat:lost": "http://wechat.invalid", "wechat:cut": self.cut.base, "wechat:chatty": self.chatty.base}
        conf = {section: {"app_id": "wx" + section[7:], "app_secret": SECRETS[section], "api_base": base, "token_mode":
                          "stable" if section == "wechat:leaky" else "classic"} for section, base in bases.items()}
        conf["log"] = {"log_level": "debug", "messages": "all"}
        conf["wechat"] = {"token": CALLBACK_TOKEN}
        conf["pdo"] = {"dsn": '"mysql:host=127.0.0.1;port=1;dbname=x"', "username": "u", "password": DB_PASSWORD}
        conf["sender"] = {"timeout": "1s", "slots": "8"}
        return conf

    def words(self):
        """All that must be nowhere, with the ways in which a URL or a text may write it."""
        plain = list(SECRETS.values()) + [CALLBACK_TOKEN, DB_PASSWORD, MARKER, CHATTY_TOKEN] + self.tokens
        return {form for word in plain for form in (word, urllib.parse.quote(word, safe=""), json.dumps(word)[1:-1])}

    def assert_clean(self, text, where):
        for word in self.words():
            self.assertNotIn(word, text, where)

    def work(self, whole):
        """Messages of every fate, while tokens come and go."""
        client = whole.client()
        endpoint = "ipc://%s/run/token.ipc" % whole.folder
        until(lambda: token_of(endpoint, "default"), "a token")
        client.ask(*[{"op": "push", "openid": openid, "app": "chatty", "key": "test", "vars": {"n": MARKER}} for openid in "123"])
        # before the others: a log line that is repeated too often in a while is left out
        until(lambda: "its words repeat the access token" in self.senders(whole) or ring.pause(), "the WeChat that repeats its token")
        for turn in range(3):
            self.tokens.append(token_of(endpoint, "default"))
            openids = ["o%d-%d" % (turn, i) for i in range(5)] + [fault[0] + str(turn) for fault in FAULTS]
            asked = [{"op": "push", "id": "id-" + openid, "openid": openid, "key": "test", "vars": {"n": MARKER}} for openid in openids]
            asked += [{"op": "push", "openid": "x", "app": section[7:], "key": "test", "vars": {"n": MARKER}}
                      for section in SECRETS if section != "wechat"]
            asked += [{"op": "push", "openid": "x", "key": key, "vars": {"n": MARKER}} for key in ("none", "custom", "broken")]
            client.ask(*asked)
            whole.sim.wait(calls=12 * (turn + 1))
            whole.sim.post("/sim/invalidate")
            old = self.tokens[-1]
            until(lambda: self.trigger(client, turn) and token_of(endpoint, "default") not in (None, old), "another token")
        self.tokens.append(token_of(endpoint, "default"))
        kinds = {fault[2:].split("*")[0].split(":")[0] for fault in FAULTS}
        until(lambda: kinds <= {str(entry["fault"]) for entry in whole.sim.journal()} or ring.pause(), "every fault")
        for section in SECRETS:
            if section not in ("wechat", "wechat:chatty"):
                self.assertIsNone(token_of(endpoint, section[7:]))

    def ask_wrongly(self, whole):
        """Requests that are refused by the gateway or the broker, each with the content where it is not expected; and an operator."""
        for header, body in (("push o1 test id=tcp1", '{"n":"%s"}' % MARKER), ("push o1 test id=tcp2", '{"n":"%s"' % MARKER),
                             ("push o1 test id=tcp3", '"%s"' % MARKER), ("push o1 test id=tcp4", '{"n":{"deep":"%s"}}' % MARKER),
                             ("push o1 test at=%s" % MARKER, "{}"), ("push o1 test lane=%s" % MARKER, "{}"), (MARKER + " x", "{}"), ("s" + MARKER + " x", "{}"),
                             ("push o1 none id=tcp5", '{"n":"%s"}' % MARKER)):
            tcp = whole.tcp()
            tcp.send(ring.frame(header, 1, body))
            self.assertIsNotNone(tcp.read(), header)
        client, operator = whole.client(), whole.operator()
        for request in ({"vars": MARKER}, {"vars": {"n": [MARKER]}}, {"vars": {"n": MARKER}, "lane": MARKER}, {"vars": {"n": MARKER}, "at": MARKER},
                        {"vars": {"n": MARKER}, "openid": ""}, {"vars": {"n": MARKER * 30000}, "id": "long"}):
            client.ask_one(**dict({"op": "push", "openid": "o", "key": "test"}, **request))
        client.ask_one(op="push", id="twice", openid="o", key="test", vars={"n": MARKER})
        client.ask_one(op="push", id="twice", openid="o", key="test", vars={"n": MARKER + "2"})
        operator.ask("cancel", filter={"openid": "o"})
        operator.ask("requeue", filter={"all": True})

    @staticmethod
    def senders(whole):
        return whole["sender-1"].log() + whole["sender-2"].log()

    def trigger(self, client, turn):
        """A message whose token is rejected brings the next one about."""
        result = client.ask_one(op="push", openid="again%d" % turn, key="test", vars={"n": MARKER})
        self.assertEqual(result["code"], 200, result)
        return True

    def test_whole_set(self):
        self.tokens = []
        templates = {"test": ring.SIMPLE, "broken": '{"touser":"${OPENID}",' + MARKER,
                     "custom": '{"$mega":{"kind":"custom"},"touser":"${OPENID}","msgtype":"text","text":{"content":"${n}"}}'}
        with Ring(templates=templates, senders=2, conf=self.conf(), sim=[a for f in FAULTS for a in ("--fault", f)]) as whole:
            environ = {name: self.proc(stage, "environ") for name, stage in whole.stages.items()}
            self.work(whole)
            self.ask_wrongly(whole)
            self.add_templater_without_database(whole)
            self.assertGreaterEqual(len(set(self.tokens)), 3)
            for name, stage in whole.stages.items():
                with self.subTest(name):
                    self.check_process(stage)
                    self.assertEqual(self.proc(stage, "environ"), environ.get(name, self.proc(stage, "environ")))
                    self.check_dump(whole, stage.program)
            for name, stage in whole.stages.items():
                self.assertEqual(stage.term(), 0, name)
                log = stage.log()
                self.assertIn('event="message ' if name.startswith(("gateway", "broker", "templater-1")) else "event=", log)
                self.assertIn("level=debug" if name.startswith("sender") else "level=", log)
                self.assert_clean(log, name + ".log")
            self.check_what_was_tried(whole)
            self.check_files(whole)

    def add_templater_without_database(self, whole):
        """One that cannot reach its database, in a run folder of its own."""
        with open(whole.conf_path) as f:
            text = f.read().replace("source = dir:" + whole.templates_dir, "source = mysql").replace("dir = run", "dir = run2")
        path = os.path.join(whole.folder, "mysql.conf")
        with open(path, "w") as f:
            f.write(text)
        stage = Process(whole.folder, "templater-db", "mega-templater", ["-c", path, "-n", "templater-db"]).start()
        whole.stages["templater-db"] = stage
        until(lambda: "127.0.0.1" in stage.log() or not stage.alive() or ring.pause(), "it has tried its database")
        self.assertTrue(stage.alive(), stage.log())

    @staticmethod
    def proc(stage, name):
        with open("/proc/%d/%s" % (stage.process.pid, name), "rb") as f:
            return f.read().decode(errors="replace")

    def check_process(self, stage):
        for name in ("cmdline", "environ", "comm", "status"):
            self.assert_clean(self.proc(stage, name), stage.name + " " + name)
        self.check_cores("/proc/%d/" % stage.process.pid)
        for task in os.listdir("/proc/%d/task" % stage.process.pid):
            self.assert_clean(self.proc(stage, "task/%s/comm" % task), stage.name + " thread")

    def test_token_that_was_replaced_meanwhile(self):
        for words in ("raw", "escaped"):
            with self.subTest(words):
                renewed = Renewed()
                server = Server(renewed.serve)
                self.addCleanup(server.close)
                conf = {"wechat:renewed": {"app_id": "wxrenewed", "app_secret": SECRETS["wechat:cut"], "api_base": server.base,
                                           "token_mode": "classic"}}
                with Ring(senders=1, conf=conf) as whole:
                    whole.client().ask(*[{"op": "push", "openid": openid, "app": "renewed", "key": "test", "vars": {"n": words}}
                                         for openid in ("slow", "fast")])
                    until(lambda: "errcode=-1 " in whole["sender-1"].log() or ring.pause(), "the answer to the first token")
                    log = whole["sender-1"].log()
                self.assertIn("repeat the access token", log)
                for word in (renewed.TOKEN % 1, urllib.parse.quote(renewed.TOKEN % 1, safe="")):
                    self.assertNotIn(word, log)

    def test_commands_make_no_core_files(self):
        """What an operator types reads the same configuration: looked at while it waits for it."""
        with tempfile.TemporaryDirectory() as folder:
            fifo = os.path.join(folder, "conf")
            os.mkfifo(fifo)
            for words in (["mega", "wechat", "quota"], ["mega", "wechat", "preview", "KEY"], ["mega-template", "check"],
                          ["mega", "token", "status"], ["mega", "send", "OPENID", "KEY"], ["mega", "queue", "status"]):
                with self.subTest(words):
                    process = subprocess.Popen([os.path.join(ring.BIN, words[0]), *words[1:], "-c", fifo], stdin=subprocess.DEVNULL)
                    try:
                        writer = os.open(fifo, os.O_WRONLY)  # from here on it has the file open, and reads it
                        self.check_cores("/proc/%d/" % process.pid)
                        os.close(writer)
                    finally:
                        process.kill()
                        process.wait()

    def check_cores(self, proc):
        with open(proc + "limits") as limits, open(proc + "coredump_filter") as memory:
            self.assertRegex(limits.read(), r"Max core file size +0 +0 ")
            self.assertEqual(int(memory.read(), 16), 0)

    def check_dump(self, whole, program):
        dump = subprocess.run([os.path.join(ring.BIN, program), "-c", whole.conf_path, "--dump-config"], capture_output=True,
                              text=True, timeout=LIMIT_S)
        self.assertEqual(dump.returncode, 0, dump.stderr)
        self.assertIn("****", dump.stdout)
        self.assert_clean(dump.stdout + dump.stderr, program + " --dump-config")

    def check_what_was_tried(self, whole):
        """The test is worth something only if all that happened."""
        token = whole["token"].log()
        for words in ("access token fetched", "40125", "WeChat not reached: 127.0.0.1:1", "WeChat not reached: wechat.invalid",
                      "WeChat closed the connection without an answer", "WeChat rejected an access token"):
            self.assertIn(words, token)
        asked = b"".join(self.echo.requests + self.cut.requests).decode()
        for section in ("wechat:leaky", "wechat:echo", "wechat:cut"):
            self.assertIn(urllib.parse.quote(SECRETS[section], safe="") if section != "wechat:leaky" else SECRETS[section], asked)
        self.assertIn(urllib.parse.quote(CHATTY_TOKEN, safe=""), b"".join(self.chatty.requests).decode())
        self.assertIn(MARKER, whole.sim.journal()[0]["body"])

    def check_files(self, whole):
        """What is in the folder of the installation beside the logs: tokens in the cache of 0600 only, secrets nowhere."""
        known = {whole.conf_path, os.path.join(whole.folder, "mysql.conf")}
        for folder, _, names in os.walk(whole.folder):
            for name in names:
                path = os.path.join(folder, name)
                if path in known or not os.path.isfile(path) or os.path.islink(path):
                    continue
                with open(path, "rb") as f:
                    data = f.read()
                for secret in list(SECRETS.values()) + [DB_PASSWORD, CALLBACK_TOKEN]:
                    self.assertNotIn(secret.encode(), data, path)
                if os.path.basename(path) == "audit.log":
                    self.assertIn(b"op=requeue", data)
                    self.assert_clean(data.decode(), path)
                if any(token.encode() in data for token in self.tokens + [CHATTY_TOKEN]):
                    self.assertEqual(os.path.basename(path), "token.cache")
                    self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)


if __name__ == "__main__":
    unittest.main()
