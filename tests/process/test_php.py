"""The PHP examples of client/php as they are typed, against the real set: answers, asking again, reconnecting, and not a word from PHP."""
import json
import os
import re
import subprocess
import tempfile
import unittest

from mariadb import free_port
from ring import LIMIT_S, SIMPLE, Ring

PHP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../client/php")
STRICT = ["php", "-d", "error_reporting=-1", "-d", "display_errors=stderr", "-d", "log_errors=0"]
TWO = '{"touser":"${OPENID}","template_id":"T2","data":{"a":{"value":"${0}"},"b":{"value":"${1}"}}}'


class Case(unittest.TestCase):
    script = None

    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.ring = Ring(templates={"test": SIMPLE, "two": TWO}, sim=["--fault", "bad=43004", "--latency", "1-5"],
                        conf={"server": {"listen[]": "127.0.0.1:%d" % cls.port}})
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)
        cls.sim = cls.ring.sim

    def start(self, *arguments, stdin=None):
        process = subprocess.Popen(STRICT + [os.path.join(PHP, self.script)] + list(arguments), stdin=stdin or subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def end(self, process, status=0):
        out, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual((process.returncode, err), (status, ""), out)
        return out

    def body_to(self, openid):
        bodies = [json.loads(e["body"]) for e in self.sim.delivered() if e["openid"] == openid]
        self.assertEqual(len(bodies), 1, openid)
        return {name: value["value"] for name, value in bodies[0]["data"].items()}

    def check_lint(self):
        done = subprocess.run(STRICT + ["-l", os.path.join(PHP, self.script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=LIMIT_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def check_usage(self, *command_lines):
        for words in command_lines:
            process = self.start(*words)
            out, err = process.communicate(timeout=LIMIT_S)
            self.assertEqual((process.returncode, out), (2, ""), words)
            self.assertTrue(err.startswith("usage: "), err)


class TcpExample(Case):
    script = "tcp.php"

    def run_it(self, *arguments, status=0):
        return self.end(self.start("127.0.0.1:%d" % self.port, *arguments), status)

    def test_one_command(self):
        self.assertEqual(self.run_it("send", "tcp1", "test", '{"n":"绿茶"}'), "1 200\n")
        self.assertEqual(self.body_to("tcp1"), {"first": "绿茶"})
        self.assertEqual(self.run_it("push", "tcp2", "two", '["x","y"]'), "1 200\n")
        self.sim.wait(delivered=2)
        self.assertEqual(self.run_it("tset", "test"), "1 200\n")
        self.assertEqual(self.run_it("push", "tcp3", "nokey", status=1), "1 400 template key not exists\n")
        self.assertRegex(self.run_it("send", "bad1", "test", status=1), r'^1 400 \{"errcode":43004,.*"openid":"bad1"\}\n$')
        self.assertRegex(self.run_it("push", "tcp4", "test", "{", status=1), "^1 400 body")

    def test_parameters(self):
        self.assertEqual(self.run_it("push", "tcp5", "test", "null", "in=3600000", "id=mine"), "1 200\n")
        self.assertEqual(self.run_it("push", "tcp5", "test", "null", "in=3600000", "id=mine"), "1 200\n")
        entry = self.ring.operator().ask("show", filter={"id": "mine"})["data"]
        self.assertEqual((entry["openid"], entry["state"]), ("tcp5", "scheduled"))

    def test_many_through_killed_gateways(self):
        """Pushes and Sends under way at once; the gateway is killed twice; each arrives once, each has its own answer."""
        count, before = 600, self.sim.get("/sim/stats")["delivered"]
        with tempfile.TemporaryFile("w+", encoding="utf-8") as commands:
            for i in range(count):
                commands.write("%s %s%d %s {\"n\": \"%d\"}\n" % ("send" if i % 2 else "push", "bad-" if i % 10 == 9 else "many", i, "test", i))
            commands.seek(0)
            process = self.start("127.0.0.1:%d" % self.port, "-", stdin=commands)
        for part in (50, 250):
            self.sim.wait(delivered=before + part)
            self.ring.restart("gateway-1")
        answers = dict(line.split(" ", 2)[:2] for line in self.end(process, 1).splitlines())
        self.assertEqual(answers, {str(i + 1): "400" if i % 10 == 9 else "200" for i in range(count)})
        good = count - count // 10
        self.sim.wait(delivered=before + good)
        delivered = [e["openid"] for e in self.sim.delivered() if e["openid"].startswith("many")]
        self.assertEqual(sorted(delivered), sorted("many%d" % i for i in range(count) if i % 10 != 9))

    def test_wrong(self):
        self.check_lint()
        there = "127.0.0.1:%d" % self.port
        self.check_usage((), (there,), (there, "push", "o1"), (there, "cancel", "o1", "test"), (there, "tset"))
        process = self.start(there, "push", "o1", "x" * 100000, "null")
        self.assertRegex(self.end(process, 1), "^1 400 ")


class ZmqExample(Case):
    script = "zmq.php"

    def run_it(self, *arguments, status=0):
        return json.loads(self.end(self.start(self.ring.frontend, *arguments), status))

    def test_send(self):
        result = self.run_it("send", "zmq1", "test", "n=绿茶 = 39.8")
        self.assertEqual((result["code"], result["state"], result["ref"]), (200, "sent", 1))
        self.assertEqual(self.body_to("zmq1"), {"first": "绿茶 = 39.8"})
        self.assertEqual(self.run_it("send", "zmq2", "two", "0=x", "1=y")["code"], 200)
        self.assertEqual(self.body_to("zmq2"), {"a": "x", "b": "y"})  # numbered variables are a map too
        self.assertEqual(self.run_it("send", "zmq3", "test")["code"], 200)  # none is an empty map
        refused = self.run_it("send", "bad2", "test", "n=1", status=1)
        self.assertEqual((refused["code"], refused["errcode"]), (400, 43004))

    def test_push_status_cancel(self):
        pushed = self.run_it("push", "zmq4", "test", "n=1", "--id", "z-4711", "--in", "3600000", "--task", "may", "--ttl", "60000")
        self.assertEqual((pushed["code"], pushed["id"], pushed["state"]), (200, "z-4711", "waiting"))
        self.assertEqual(self.run_it("status", "z-4711")["code"], 100)
        self.assertEqual(self.run_it("cancel", "z-4711")["state"], "cancelled")
        self.assertEqual(self.run_it("status", "z-4711", status=1)["code"], 409)
        self.assertEqual(self.run_it("status", "nobody", status=1)["code"], 404)
        self.assertRegex(self.run_it("push", "zmq5", "test", "--id", "a b", status=1)["message"], "^id: ")

    def test_asks_again(self):
        """The broker is down when it is asked, and killed while it waits: one message, one answer."""
        self.ring["broker"].kill()
        first = self.start(self.ring.frontend, "push", "zmq6", "test", "n=1")
        self.ring["broker"].start()
        self.assertEqual(json.loads(self.end(first))["code"], 200)
        before = self.sim.get("/sim/stats")["calls"]
        self.sim.post("/sim/pause")
        second = self.start(self.ring.frontend, "send", "zmq7", "test", "n=1")
        self.sim.wait(calls=before + 1)
        self.ring.restart("broker")
        self.sim.post("/sim/resume")
        self.assertEqual(json.loads(self.end(second))["state"], "sent")
        for openid in ("zmq6", "zmq7"):
            self.assertEqual(self.body_to(openid), {"first": "1"})

    def test_wrong(self):
        self.check_lint()
        there = self.ring.frontend
        self.check_usage((), (there,), (there, "push", "o1"), (there, "push", "o1", "test", "n"), (there, "push", "o1", "test", "--id"),
                         (there, "status"), (there, "tset", "test"))


class Readme(unittest.TestCase):
    def test_names_what_there_is(self):
        with open(os.path.join(PHP, "README.md"), encoding="utf-8") as f:
            text = f.read()
        self.assertEqual(set(re.findall(r"\w+\.php", text)), {name for name in os.listdir(PHP) if name.endswith(".php")})


del Case  # it is no test itself

if __name__ == "__main__":
    unittest.main()
