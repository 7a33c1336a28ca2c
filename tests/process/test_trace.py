"""A message is followed through all stages by its id (mega trace), and what operators change is on record with who it was (mega audit)."""
import gzip
import json
import os
import pwd
import subprocess
import unittest

from ring import BIN, LIMIT_S, SIMPLE, Ring, pause, until
from tasks import Tasks

CUSTOM = json.dumps({"touser": "${OPENID}", "msgtype": "text", "text": {"content": "${n}"},
                     "$mega": {"kind": "custom", "fallback": "plain"}})
CONTENT = "content-of-a-message"
HOSTILE = 'a"b=c\\d{e'
USER = pwd.getpwuid(os.getuid()).pw_name
PEER = "uid:%d" % os.getuid()

# What happened, where, to a message whose first call is answered "busy", whose second is refused, and that falls back.
WAY = [("gateway", "message taken"), ("ledger", "accepted"), ("broker", "message accepted"),
       ("broker", "message given out"), ("templater", "message rendered"), ("sender", "call begun"), ("sender", "call ended"),
       ("ledger", "called"), ("broker", "message waits"),
       ("broker", "message given out"), ("templater", "message rendered"), ("sender", "call begun"), ("sender", "call ended"),
       ("ledger", "called"), ("broker", "message falls back"),
       ("broker", "message given out"), ("templater", "message rendered"), ("sender", "call begun"), ("sender", "call ended"),
       ("broker", "message settled"), ("ledger", "settled"), ("gateway", "message answered")]


def mega(ring, *arguments, status=0):
    """Runs mega with the set's configuration; returns what it printed."""
    words = [os.path.join(BIN, "mega"), *arguments, "-c", ring.conf_path]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout


def logs(ring):
    return [stage.log_path for stage in ring.stages.values()]


def trace(ring, id, *arguments):
    return [json.loads(line) for line in mega(ring, "trace", id, "--json", *arguments).splitlines()]


def way_of(events):
    return [(e["prog"].replace("mega-", ""), e["event"]) for e in events]


class All(unittest.TestCase):
    """[log] messages = all, in JSON in one half of the stages."""

    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(templates={"plain": SIMPLE, "custom": CUSTOM}, senders=1, task=True, conf={"log": {"messages": "all"}},
                        sim=["--fault", "way=-1*1", "--fault", "way=45015*1", "--fault", "no=43004"])
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)

    def test_way_of_a_message(self):
        tcp, client = self.ring.tcp(), self.ring.client()
        self.assertEqual(tcp.ask("send way1 custom id=w1", 7, json.dumps({"n": CONTENT})), (200, 7, b""))
        self.assertEqual(client.ask_one(op="send", id="w12", openid="no1", key="plain", vars={"n": CONTENT})["code"], 400)
        events = trace(self.ring, "w1", "--logs", *logs(self.ring))
        # The ledger's times are those at which a turn of the broker began: that may be before what it read in it.
        for is_ledger in (True, False):
            self.assertEqual([w for w in way_of(events) if (w[0] == "ledger") == is_ledger],
                             [w for w in WAY if (w[0] == "ledger") == is_ledger], "\n".join(map(str, events)))
        self.assertEqual({e["id"] for e in events}, {"w1"})
        self.assertEqual([e["turn"] for e in events if e["event"] == "call ended"], ["1", "2", "3"])
        self.assertEqual([e.get("errcode") for e in events if e["event"] == "call ended"], ["-1", "45015", None])
        ended = [e for e in events if e["event"] == "call ended"][0]
        self.assertEqual((ended["outcome"], ended["http_status"], ended["stage"]), ("retry", "200", "sender-1"))
        self.assertRegex(ended["rid"], "^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$")
        self.assertRegex(ended["latency_ms"], "^[0-9]+$")
        port = tcp.socket.getsockname()[1]
        self.assertEqual({e["from"] for e in events if e["prog"] == "mega-gateway"}, {"127.0.0.1:%d" % port})
        self.assertEqual([e["key"] for e in events if e["event"] == "message given out"], ["custom", "custom", "plain"])
        self.assertNotIn(CONTENT, str(events))
        text = mega(self.ring, "trace", "w1", "--logs", *logs(self.ring))
        self.assertIn("w1: sent, app default, openid way1, key custom, fallback plain, calls 3", text)
        self.assertEqual(len(text.splitlines()), 2 + len(WAY))
        self.assertNotIn(CONTENT, text)
        self.check_other_sources(events)

    def check_other_sources(self, events):
        """The same out of one rotated file that gzip has packed, read twice; the ledger alone; no broker at all."""
        packed = os.path.join(self.ring.folder, "all.log.2.gz")
        with gzip.open(packed, "wb") as out:
            for path in logs(self.ring):
                with open(path, "rb") as one:
                    out.write(one.read())
        self.assertEqual(trace(self.ring, "w1", "--logs", packed, packed), events)
        self.assertEqual(way_of(trace(self.ring, "w1", "--logs", "-")), [w for w in WAY if w[0] == "ledger"])
        self.assertEqual(way_of(trace(self.ring, "w1", "--control", "ipc:///nowhere", "--timeout", "50ms", "--logs", packed)),
                         [w for w in WAY if w[0] != "ledger"])
        mega(self.ring, "trace", "w1", "--app", "other", "--logs", packed, status=3)
        mega(self.ring, "trace", "w", "--logs", packed, status=3)
        mega(self.ring, "trace", "w", "--control", "ipc:///nowhere", "--timeout", "50ms", "--logs", packed, status=5)

    def test_hostile_id(self):
        """Quoted in the log, and found all the same."""
        result = self.ring.client().ask_one(op="send", id=HOSTILE, openid="o", key="plain", vars={"n": CONTENT})
        self.assertEqual(result["code"], 200)
        events = trace(self.ring, HOSTILE, "--logs", *logs(self.ring))
        self.assertIn(("sender", "call ended"), way_of(events))
        self.assertEqual({e["id"] for e in events}, {HOSTILE})

    def test_task(self):
        """A row of a bulk task, from mega-task to WeChat and back; and who made, started, paused and deleted it."""
        tasks = Tasks(self.ring)
        with open(os.path.join(self.ring.folder, "rows.csv"), "w") as f:
            f.write("openid,n\nrow1,1\n")
        mega(self.ring, "task", "create", "--name", "may", "--key", "plain", "--file", f.name)
        mega(self.ring, "task", "start", "may")
        until(lambda: tasks.show("may")["state"] == "done" or pause(), "the task is done")
        entry, = self.ring.operator().list(task="may")
        way = way_of(trace(self.ring, entry["id"], "--logs", *logs(self.ring)))
        self.assertEqual((way[0], way[-1]), (("task", "row handed over"), ("task", "row ended")))
        self.assertIn(("sender", "call ended"), way)
        mega(self.ring, "task", "delete", "may", "--yes")
        lines = [a for a in self.audit() if a.get("task") == "may" and a["prog"] == "mega-task"]
        self.assertEqual([(a["op"], a["code"], a["peer"], a["user"]) for a in lines],
                         [("task " + op, "200", PEER, USER) for op in ("create", "start", "delete")])

    def audit(self, *arguments):
        return [json.loads(line) for line in mega(self.ring, "audit", "--json", *arguments).splitlines()]

    def test_audit(self):
        client, operator = self.ring.client(), self.ring.operator()
        client.ask(*[{"op": "push", "id": "later%d" % i, "openid": "o%d" % i, "key": "plain", "task": "later", "in": 10**7}
                     for i in range(3)])
        mega(self.ring, "queue", "pause", "--key", "plain", "--for", "1h", "--yes")
        mega(self.ring, "queue", "resume", "--key", "plain")
        mega(self.ring, "queue", "resume", "--key", "plain", status=3)
        mega(self.ring, "queue", "rate", "7", "--app", "default")
        mega(self.ring, "queue", "rate", "default", "--app", "default")
        mega(self.ring, "queue", "cancel", "--task", "later", "--yes")
        mega(self.ring, "queue", "requeue", "--errcode", "-3", "--ttl", "1m", "--yes")
        operator.ask("discard", filter={"openid": "nobody"}, by="eve@there")
        client.ask_one(op="cancel", openid="nobody")
        client.ask_one(op="tset", key="plain")
        lines = [a for a in self.audit() if a["prog"] == "mega-broker" and a.get("task") != "may"]
        self.assertEqual([(a["op"], a["code"], a.get("changed")) for a in lines],
                         [("pause", "200", None), ("resume", "200", None), ("resume", "404", None), ("rate", "200", None),
                          ("rate", "200", None), ("cancel", "100", None), ("cancel", "200", "3"), ("requeue", "100", None),
                          ("requeue", "200", "0"), ("purge", "100", None), ("purge", "200", "0"), ("cancel", "100", None),
                          ("cancel", "200", "0"), ("tset", "200", None)])
        self.assertEqual({(a["peer"], a["user"]) for a in lines}, {(PEER, USER)})
        self.assertEqual((lines[0]["key"], lines[0]["for_ms"]), ("plain", "3600000"))
        self.assertEqual([a["rate_per_s"] for a in lines if a["op"] == "rate"], ["7", "default"])
        self.assertEqual((lines[7]["errcode"], lines[7]["ttl_ms"]), ("-3", "60000"))
        self.assertEqual(lines[9]["openid"], "nobody")
        self.assertEqual({a["by"].split("@")[0] for a in lines[:9]}, {USER})
        self.assertEqual(len(self.audit("--by", "eve")), 2)
        self.assertEqual(len(self.audit("--op", "rate", "--by", PEER, "--since", "1h")), 2)
        self.assertEqual(self.audit("--until", "1h"), [])
        text = mega(self.ring, "queue", "audit", "--op", "pause")
        self.assertRegex(text, r"^TIME .*\n\S+Z +pause +%s\S* +%s +%s +200 +key=plain  for_ms=3600000" % (USER, USER, PEER))
        self.check_rotation(operator, len(self.audit()))

    def check_rotation(self, operator, before):
        """A file that is moved away is let go of without a signal."""
        path = os.path.join(self.ring.folder, "store", "audit.log")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        os.rename(path, path + ".1")
        operator.ask("rate", filter={"app": "default"}, rate=9)
        self.assertEqual([a["op"] for a in self.audit()], ["rate"])
        self.assertEqual(len(self.audit(path + ".1", path)), before + 1)
        os.rename(path + ".1", path)


class Failed(unittest.TestCase):
    def test_only_what_failed(self):
        """The default: of a message that goes well no stage says anything, of one that is refused each says what it did. JSON."""
        conf = {"log": {"log_format": "json", "log_level": "error"}}
        with Ring(senders=1, conf=conf, sim=["--fault", "no=43004"]) as ring:
            tcp, client = ring.tcp(), ring.client()
            self.assertEqual(tcp.ask("send yes1 test id=good", 1, json.dumps({"n": CONTENT}))[0], 200)
            self.assertEqual(tcp.ask("send no1 test id=bad", 2, json.dumps({"n": CONTENT}))[0], 400)
            client.ask_one(op="push", id="odd", openid="o", key="nokey")
            text = "".join(stage.log() for stage in ring.stages.values())
            self.assertNotIn('"good"', text)
            self.assertNotIn(CONTENT, text)
            for line in text.splitlines():
                json.loads(line)
            way = way_of(trace(ring, "bad", "--logs", *logs(ring)))
            self.assertEqual([w for w in way if w[0] != "ledger"],
                             [("sender", "call ended"), ("broker", "message settled"), ("gateway", "message answered")])
            self.assertEqual(way_of(trace(ring, "odd", "--logs", *logs(ring))), [("broker", "message not accepted")])


if __name__ == "__main__":
    unittest.main()
