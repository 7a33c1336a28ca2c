"""`mega queue` against a real broker with a full queue: each command as an operator types it."""
import csv
import io
import json
import os
import subprocess
import unittest

from ring import BIN, LIMIT_S, Ring, SIMPLE, pause, until


class QueueCommands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(templates={"test": SIMPLE, "other": SIMPLE}, sim=["--fault", "o-never=http500", "--fault", "bad=43004"],
                        conf={"wechat": {"max_attempts": "2"}})
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)
        cls.client, cls.operator = cls.ring.client(), cls.ring.operator()

    def mega(self, *arguments, status=0):
        done = subprocess.run([os.path.join(BIN, "mega"), "queue", *arguments, "-c", self.ring.conf_path], capture_output=True,
                              text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def lines(self, *arguments):
        return [json.loads(line) for line in self.mega(*arguments, "--json").splitlines()]

    def push(self, count, prefix, **members):
        for result in self.client.ask(*[dict(dict(op="push", id="%s%d" % (prefix, i), openid="o-%s%d" % (prefix, i), key="test",
                                                  vars={"n": "%s%d" % (prefix, i)}), **members) for i in range(count)]):
            self.assertEqual(result["code"], 200, result)

    def wait_settled(self, **filter):
        until(lambda: not self.operator.list(state="live", **filter) or pause(), "settled: %s" % filter)

    def test_pause_list_resume(self):
        self.assertIn("template", self.mega("pause", "--key", "other"))
        self.push(30, "p", key="other", task="pausing")
        listed = self.mega("list", "--task", "pausing", "--limit", "5")
        self.assertEqual(listed.count("\npaused "), 5, listed)
        self.assertEqual(len(self.lines("list", "--task", "pausing", "--limit", "0")), 30)
        self.assertEqual(json.loads(self.mega("status", "--json"))["depth"]["paused"], 30)
        self.assertIn("PAUSED", self.mega("status"))
        self.assertEqual(json.loads(self.mega("show", "p3", "--json"))["vars"], {"n": "p3"})
        self.mega("resume", "--key", "other")
        self.wait_settled(task="pausing")
        self.mega("resume", "--key", "other", status=3)

    def test_windows(self):
        self.assertEqual(self.mega("windows", "o-window", status=3), "")
        for action, at in (("message", 1700000000000), ("pay", None), ("menu", None), ("unfollow", 1700000001000)):
            self.assertEqual(self.client.ask_one(op="window", openid="o-window", action=action, at=at)["code"], 200)
        title, *rows = [line.split() for line in self.mega("windows", "o-window", "--app", "default").splitlines()]
        self.assertEqual(title, ["ACTION", "AT", "UNTIL", "STATE", "LEFT"])
        self.assertEqual([(row[0], row[-1]) for row in rows],
                         [("message", "closed"), ("menu", "20"), ("pay", "any"), ("unfollow", "2023-11-14T22:13:21.000Z")])
        shown = json.loads(self.mega("windows", "o-window", "--json"))
        self.assertEqual(shown[0], {"action": "message", "at": 1700000000000})
        self.assertEqual((shown[1]["open"], shown[1]["left"]), (True, 20))
        self.mega("windows", "o-window", "--app", "nobody", status=1)
        self.mega("windows", status=2)

    def test_export(self):
        self.push(20, "e", task="export")
        self.push(2, "f", task="export", openid="bad1")
        self.wait_settled(task="export")
        rows = list(csv.DictReader(io.StringIO(self.mega("export", "--task", "export"))))
        self.assertEqual([r["id"] for r in rows], ["e%d" % i for i in range(20)] + ["f0", "f1"])
        self.assertEqual({(r["state"], r["errcode"]) for r in rows}, {("sent", ""), ("refused", "43004")})
        path = os.path.join(self.ring.folder, "out.jsonl")
        self.mega("export", "--task", "export", "--state", "refused", "--format", "jsonl", "--output", path)
        with open(path) as f:
            self.assertEqual([json.loads(line)["id"] for line in f], ["f0", "f1"])

    def test_dead_letters(self):
        self.push(10, "never", task="dying")
        until(lambda: len(self.operator.list(task="dying", state="dead")) == 10 or pause(), "dead")
        self.assertIn("HTTP", self.mega("dead", "--task", "dying"))
        self.mega("requeue", "--task", "dying", status=2)  # asks, and there is nobody to answer
        self.ring.sim.post("/sim/faults", "bad=43004")
        self.mega("requeue", "never1")
        self.mega("requeue", "--task", "dying", "--since", "1h", "--yes")
        self.wait_settled(task="dying")
        self.assertEqual({e["state"] for e in self.operator.list(task="dying")}, {"sent"})
        self.ring.sim.post("/sim/faults", "bad=43004\no-never=http500")
        self.push(3, "never-again", task="dying2")
        until(lambda: len(self.operator.list(task="dying2", state="dead")) == 3 or pause(), "dead")
        self.mega("purge", "--task", "dying2", "--yes")
        self.assertEqual({e["state"] for e in self.operator.list(task="dying2")}, {"purged"})

    def test_cancel(self):
        self.push(50, "c", task="cancelling", **{"in": 600000})
        self.mega("cancel", "c1", "c2")
        self.mega("cancel", "--task", "cancelling", status=2)
        self.assertIn("48", self.mega("cancel", "--task", "cancelling", "--yes"))
        self.mega("cancel", "nothing-of-that-name", status=3)

    def test_drain(self):
        self.mega("drain", "--yes")
        self.push(5, "d", task="drained")
        self.assertEqual(json.loads(self.mega("status", "--json"))["depth"]["out"], 0)
        self.assertEqual(json.loads(self.mega("pauses", "--json"))[0]["kind"], "all")
        self.mega("resume", "--all")
        self.wait_settled(task="drained")


if __name__ == "__main__":
    unittest.main()
