"""CURVE on every tcp socket: who comes in, who does not, and what a revoked key can do."""
import os
import stat
import subprocess
import sys
import time
import unittest

import msgpack
import zmq

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "../../client/python")]
from curve_ring import BAD, GOOD, CurveRing, Watched, mega  # noqa: E402
from mega_wechat import Client, Curve, InvalidRequest  # noqa: E402
from ring import BIN, LIMIT_S, until  # noqa: E402

PING = msgpack.packb({"op": "ping"})
STATUS = msgpack.packb({"t": "ask", "op": "status", "ref": 1})
LIST = msgpack.packb({"t": "ask", "op": "list", "ref": 1})
GET = msgpack.packb({"t": "get", "app": "default"})
HELLO = msgpack.packb({"t": "hello", "kind": "sender", "epoch": 7, "version": "1", "slots": 5, "endpoint": "tcp://127.0.0.1:1", "clock": 1})


class CurveSockets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = CurveRing().__enter__()
        for name, role in (("ann", "client"), ("olga", "operator"), ("tom", "token"), ("spy", "templater")):
            cls.ring.pair(name, role, add=True)
        cls.ring.pair("stranger", "stage")

    @classmethod
    def tearDownClass(cls):
        cls.ring.__exit__(None, None, None)

    def sockets(self):
        """Every socket of the installation: its address and key, and what a peer of it is and says."""
        r = self.ring
        address, key = r.inbox()
        return {"frontend": (r.frontend, r.server, zmq.DEALER, PING), "control": (r.control, r.server, zmq.DEALER, STATUS),
                "jobs": (r.jobs, r.server, zmq.PULL, None), "inbox": (address, key, zmq.PUSH, b"\x90"),
                "token": (r.token, r.server, zmq.DEALER, GET), "task": (r.task, r.server, zmq.DEALER, LIST)}

    def push_all(self, client, name, count):
        results = client.ask(*[{"op": "push", "id": "%s-%d" % (name, i), "openid": "%s-%d" % (name, i), "key": "test",
                                "vars": {"n": "1"}} for i in range(count)])
        self.assertEqual([r["code"] for r in results], [200] * count, results[:3])

    def wait_sent(self, client, name, count):
        results = client.ask(*[{"op": "status", "id": "%s-%d" % (name, i), "wait": True} for i in range(count)])
        self.assertEqual([r["state"] for r in results], ["sent"] * count)
        calls = [c["openid"] for c in self.ring.sim.delivered() if c["openid"].startswith(name + "-")]
        self.assertEqual(len(calls), len(set(calls)))
        self.assertEqual(len(calls), count)

    def test_comes_in(self):
        r = self.ring
        client = r.client()
        self.push_all(client, "way", 200)
        self.wait_sent(client, "way", 200)
        conf = ["-c", r.conf_path]
        self.assertIn("200 ", mega("send", "cli", "test", "n=1", *conf))
        self.assertIn("sender-1", mega("queue", "status", *conf))
        self.assertIn("token", mega("token", "status", *conf))
        mega("task", "list", *conf)
        with_key = ["--server-key", r.server, "--curve-key"]
        self.assertIn("200 ", mega("push", "cli2", "test", "n=1", "--frontend", r.frontend, *with_key, r.keys + "/ann.key"))
        mega("queue", "status", "--control", r.control, *with_key, r.keys + "/olga.key")
        mega("task", "list", "--endpoint", r.task, *with_key, r.keys + "/olga.key")
        mega("token", "show", "--endpoint", r.token, *with_key, r.keys + "/tom.key")

    def test_clients(self):
        """The Python client and, in mega-task, libmega; a task goes from mega through mega-task to the senders."""
        r = self.ring
        curve = Curve(r.keys + "/ann.key", r.server)
        with Client(r.frontend, curve=curve) as client:
            self.assertEqual(client.send("python", "test", vars={"n": "1"}).state, "sent")
        with self.assertRaisesRegex(InvalidRequest, "curve.key: .*holds no secret-key"):
            Client(r.frontend, curve=Curve(r.keys + "/ann.pub", r.keys + "/mega-wechat.pub"))
        rows = os.path.join(r.folder, "rows.csv")
        with open(rows, "w") as f:
            f.write("openid,n\n" + "".join("row-%d,1\n" % i for i in range(20)))
        mega("task", "create", "--key", "test", "--file", rows, "--name", "all", "--start", "--watch", "-c", r.conf_path)
        self.assertEqual(len({c["openid"] for c in r.sim.delivered() if c["openid"].startswith("row-")}), 20)

    def test_nobody_else_comes_in(self):
        """Each socket without keys, with another server's key, an unknown key, and keys whose role does not open it."""
        r, tries = self.ring, []
        may = {"ann": ["frontend"], "olga": ["frontend", "control", "token", "task"], "tom": ["token"],
               "spy": ["control", "jobs", "inbox"]}
        for socket, (endpoint, key, kind, ask) in self.sockets().items():
            curves = {"nothing": None, "wrong server": r.as_key("ann", r.public("stranger")), "unknown": r.as_key("stranger", key)}
            curves.update({name: r.as_key(name, key) for name in may if socket not in may[name]})
            for name, curve in curves.items():
                tries.append((socket + " with " + name, Watched(kind, endpoint, curve)))
                if ask:
                    try:
                        tries[-1][1].socket.send(ask, zmq.DONTWAIT)
                    except zmq.Again:  # a PUSH without a peer
                        pass
        client = r.client()
        self.push_all(client, "apart", 100)
        self.wait_sent(client, "apart", 100)
        for what, t in tries:
            t.wait(BAD, what)
            self.assertNotIn(GOOD, t.events, what)
            if t.socket.type != zmq.PUSH:
                self.assertFalse(t.socket.poll(0), what)
            t.close()

    def test_audit_names_the_key(self):
        """Whatever he calls himself, on both sockets."""
        r = self.ring
        for endpoint, name, ask in ((r.control, "olga", {"t": "ask", "op": "rate", "ref": 1, "by": "eve", "filter": {"app": "default"}, "rate": 0}),
                                    (r.frontend, "ann", {"op": "tset", "ref": 1, "key": "test"})):
            asker = Watched(zmq.DEALER, endpoint, r.as_key(name), name=b"op-" + name.encode())
            asker.socket.send(msgpack.packb(ask))
            self.assertTrue(asker.socket.poll(LIMIT_S * 1000))
            self.assertEqual(msgpack.unpackb(asker.socket.recv())["code"], 200)
            asker.close()
            self.assertRegex(mega("audit", "--json", "--by", name, "-c", r.conf_path),
                             r'"op":"%s".*"peer":"%s","address":"127.0.0.1".*"code":"200"' % (ask["op"], name))

    def test_operator_is_no_stage(self):
        """On the control socket an operator asks; what only a stage says is not obeyed, not even a hello."""
        r = self.ring
        olga = Watched(zmq.DEALER, r.control, r.as_key("olga"), name=b"sender-9")
        olga.socket.send(HELLO)
        olga.socket.send(STATUS)
        self.assertTrue(olga.socket.poll(LIMIT_S * 1000))
        answer = msgpack.unpackb(olga.socket.recv())
        self.assertEqual(answer.get("code"), 200, answer)
        self.assertNotIn("sender-9", mega("queue", "status", "-c", r.conf_path))
        self.assertIn("a message is not obeyed", r["broker"].log())
        olga.close()

    def test_operator_has_no_token(self):
        """An operator may ask how the token keeper is, and is given no token."""
        r = self.ring
        olga = Watched(zmq.DEALER, r.token, r.as_key("olga"))
        olga.socket.send(GET)
        olga.socket.send(msgpack.packb({"t": "status", "ref": 3}))
        self.assertTrue(olga.socket.poll(LIMIT_S * 1000))
        self.assertEqual(msgpack.unpackb(olga.socket.recv()).get("ref"), 3)
        self.assertIn("mega: token:", mega("token", "show", "--endpoint", r.token, "--timeout", "500ms", "--server-key", r.server,
                                           "--curve-key", r.keys + "/olga.key", status=1))
        olga.close()

    def test_revoked(self):
        """A client that is revoked: what it asks afterwards has no answer; the others go on."""
        r = self.ring
        r.pair("bob", "client", add=True)
        bob = Watched(zmq.DEALER, r.frontend, r.as_key("bob"))
        bob.socket.send(PING)
        self.assertTrue(bob.socket.poll(LIMIT_S * 1000))
        bob.socket.recv()
        client = r.client()
        self.push_all(client, "before", 50)
        began = time.monotonic()
        r.revoke("bob")
        bob.wait([zmq.EVENT_DISCONNECTED], "bob is cut")
        self.assertLess(time.monotonic() - began, 3)
        bob.events.clear()
        bob.socket.send(msgpack.packb({"op": "push", "ref": 1, "id": "bob-1", "openid": "bob", "key": "test", "vars": {"n": "1"}}))
        bob.wait(BAD, "bob is turned away")
        self.push_all(client, "after", 50)
        self.wait_sent(client, "before", 50)
        self.wait_sent(client, "after", 50)
        self.assertEqual(client.ask_one(op="status", id="bob-1")["code"], 404)
        self.assertFalse(bob.socket.poll(0))
        # His key comes back, and he with it.
        r.let_in("bob")
        self.assertTrue(bob.socket.poll(LIMIT_S * 1000))
        self.assertEqual(msgpack.unpackb(bob.socket.recv())["code"], 200)
        bob.close()

    def test_revoked_takes_no_jobs(self):
        """Somebody with a templater's key takes jobs; revoked he gets none, and what he took goes to the others."""
        r = self.ring
        r.pair("thief", "templater", add=True)
        thief = Watched(zmq.PULL, r.jobs, r.as_key("thief"))
        thief.wait([GOOD], "he comes in")
        client = r.client()
        self.push_all(client, "stolen", 60)
        self.assertTrue(thief.socket.poll(LIMIT_S * 1000), "he takes jobs while he may")
        r.revoke("thief")
        thief.wait([zmq.EVENT_DISCONNECTED], "he is cut")
        self.wait_sent(client, "stolen", 60)
        while thief.socket.poll(0):
            thief.socket.recv()
        self.push_all(client, "kept", 60)
        self.wait_sent(client, "kept", 60)
        self.assertFalse(thief.socket.poll(0))
        thief.close()

    def test_bind(self):
        """What other hosts could reach is not bound without CURVE; every program says so before it starts."""
        r = self.ring
        open_conf = os.path.join(r.folder, "open.conf")
        for program, section, key in (("broker", "broker", "frontend"), ("broker", "broker", "control"), ("broker", "broker", "jobs"),
                                      ("sender", "sender", "endpoint"), ("token", "token", "endpoint"), ("task", "task", "endpoint")):
            for endpoint, curve, status in (("tcp://0.0.0.0:9999", "", 1), ("tcp://*:9999", "", 1), ("tcp://[::]:9999", "", 1),
                                            ("tcp://127.0.0.1:9999", "", 0), ("tcp://0.0.0.0:9999", "plaintext = allow", 0),
                                            ("tcp://0.0.0.0:9999", "key = keys/mega-wechat.key", 0)):
                with open(open_conf, "w") as f:
                    f.write("[wechat]\napp_id = x\napp_secret = y\n[%s]\n%s = %s\n[curve]\n%s\n" % (section, key, endpoint, curve))
                done = subprocess.run([os.path.join(BIN, "mega-" + program), "--check-config", "-c", open_conf], capture_output=True, text=True)
                self.assertEqual(done.returncode, status, (program, key, endpoint, curve, done.stderr))
                if status:
                    self.assertIn("[%s] %s: \"%s\" is reachable from other hosts" % (section, key, endpoint), done.stderr)

    def test_keygen(self):
        r = self.ring
        mode = stat.S_IMODE(os.stat(r.keys + "/ann.key").st_mode)
        self.assertEqual(mode, 0o600)
        self.assertIn("is there already", mega("keygen", "ann", "--dir", r.keys, status=4))
        self.assertNotIn("secret", open(r.allowed + "/ann.pub").read())
        listed = mega("keys", "list", "--clients", r.allowed)
        self.assertRegex(listed, r"(?m)^olga +operator +")
        self.assertIn("no key of this name", mega("keys", "revoke", "nobody", "--clients", r.allowed, status=3))
        mega("keygen", "a/b", "--dir", r.keys, status=2)
        mega("keygen", "x", "--role", "king", "--dir", r.keys, status=2)
        os.chmod(r.keys + "/ann.key", 0o644)
        self.assertIn("open to everybody", mega("push", "o", "test", "--frontend", r.frontend, "--server-key", r.server,
                                                "--curve-key", r.keys + "/ann.key", status=2))
        os.chmod(r.keys + "/ann.key", 0o600)

    def test_no_file_is_open(self):
        """What the processes make is for their user and group alone."""
        r = self.ring
        for folder, _, names in os.walk(r.folder):
            for name in names:
                path = os.path.join(folder, name)
                mode = stat.S_IMODE(os.lstat(path).st_mode)
                made = folder.startswith((r.folder + "/run", r.folder + "/store"))
                if made:
                    self.assertEqual(mode & 0o007, 0, "%s %o" % (path, mode))


if __name__ == "__main__":
    unittest.main()
