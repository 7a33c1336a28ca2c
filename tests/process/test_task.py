"""Bulk tasks: made, started, paused, stopped, sent again, restarted; each row once, counts exact."""
import os
import signal
import time
import unittest

import msgpack

from ring import Ring, SIMPLE, pause, until
from tasks import Refused, Tasks

NOTE = '{"touser":"${OPENID}","msgtype":"text","text":{"content":"${n}"},"$mega":{"kind":"custom"}}'


def rows(count, prefix="o"):
    return [("%s%d" % (prefix, i), {"n": str(i)}) for i in range(count)]


class Task(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(task=True, templates={"test": SIMPLE, "note": NOTE},
                        sim=["--latency", "5-20", "--fault", "bad=43004", "--fault", "flaky=-1*2", "--fault", "never=http500", "--fault", "later=-1*3",
                             "--fault", "slow=slow:700"],
                        conf={"templater": {"missing_variable": "reject"}, "wechat": {"max_attempts": "3"}})
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)

    def setUp(self):
        self.tasks = Tasks(self.ring)
        self.name = self.id().rsplit(".", 1)[1][5:32].replace("_", "-")

    def delivered(self, prefix):
        """Recipients that got something, as often as they did."""
        return [e["openid"] for e in self.ring.sim.delivered() if e["openid"].startswith(prefix)]

    def refused(self, op, **members):
        with self.assertRaises(Refused) as refused:
            self.tasks.ask(op, **members)
        return refused.exception

    def test_done(self):
        self.tasks.make(self.name, rows(500, "done-") + [("bad1", {"n": "x"}), ("flaky1", {"n": "y"}), ("never1", {"n": "z"})],
                        source="list.csv", columns=["n"], rate=0)
        self.assertEqual(self.tasks.show(self.name)["state"], "ready")
        self.assertEqual(self.delivered("done-"), [])
        self.tasks.ask("start", name=self.name)
        task = self.tasks.wait(self.name, "done")
        self.assertEqual({k: task.get(k) for k in ("rows", "sent", "refused", "dead", "round", "source", "columns")},
                         {"rows": 503, "sent": 501, "refused": 1, "dead": 1, "round": 1, "source": "list.csv", "columns": ["n"]})
        self.assertEqual(sorted(self.delivered("done-")), sorted(o for o, _ in rows(500, "done-")))
        failed = {e["openid"]: e for e in self.tasks.failed(self.name, limit=1)}
        self.assertEqual({o: (e["state"], e["code"], e["row"], e["line"], e["vars"]) for o, e in failed.items()},
                         {"bad1": ("refused", 400, 500, 502, {"n": "x"}), "never1": ("dead", 500, 502, 504, {"n": "z"})})
        self.assertEqual(failed["bad1"]["errcode"], 43004)
        self.assertIn('"openid":"bad1"', failed["bad1"]["message"])
        self.assertEqual(self.ring.client().ask_one(op="status", id=failed["bad1"]["id"])["state"], "refused")
        self.assertIn("has been started before", self.refused("start", name=self.name).message)
        self.assertIn("nothing left", self.refused("stop", name=self.name).message)

    def test_resend_to_failed_only(self):
        """Those whose calls have failed three times, and then do not."""
        late = [("later%d" % i, {"n": "z"}) for i in range(20)]
        self.tasks.make(self.name, rows(50, "re-") + [("bad2", {"n": "x"})] + late, start=True)
        task = self.tasks.wait(self.name, "done")
        self.assertEqual((task["sent"], task["dead"], task["refused"]), (50, 20, 1))
        self.tasks.ask("resend", name=self.name, failed=True)
        task = self.tasks.wait(self.name, "done")
        self.assertEqual((task["sent"], task.get("dead"), task["refused"], task["round"]), (70, None, 1, 2))
        self.assertEqual((len(self.delivered("re-")), len(self.delivered("later"))), (50, 20))
        self.assertEqual([(e["openid"], e["round"]) for e in self.tasks.failed(self.name)], [("bad2", 2)])
        self.assertEqual(self.ring.operator().list(state="dead", task=self.name), [])
        self.assertIn("nobody", self.refused("resend", name=self.name, cancelled=True).message)

    def test_dead_that_was_sent_by_hand_is_not_sent_again(self):
        self.tasks.make(self.name, [("flaky-hand", {"n": "x"}), ("never-hand", {"n": "y"})], start=True)
        self.tasks.wait(self.name, "done")
        dead, = self.tasks.failed(self.name)
        self.assertEqual(dead["openid"], "never-hand")
        operator = self.ring.operator()
        operator.ask("discard", filter={"id": dead["id"]})
        self.tasks.ask("resend", name=self.name, failed=True)
        task = self.tasks.wait(self.name, "done")
        self.assertEqual((task.get("sent"), task.get("dead"), task["round"]), (1, 1, 2))

    def test_pause_stops_at_once_and_resume_goes_on(self):
        count = 3000
        self.tasks.make(self.name, rows(count, "pause-"), start=True)
        until(lambda: len(self.delivered("pause-")) > 200 or pause(), "under way")
        task = self.tasks.ask("pause", name=self.name)["data"]
        self.assertEqual(task["state"], "paused")
        operator = self.ring.operator()
        until(lambda: not operator.status()["depth"].get("out") or pause(), "nothing out")
        before = len(self.delivered("pause-"))
        self.assertLess(before, count)
        self.tasks.ask("pause", name=self.name)
        until(lambda: self.tasks.show(self.name).get("sent", 0) == before or pause(), "counted")
        self.assertEqual(len(self.delivered("pause-")), before)
        self.tasks.ask("resume", name=self.name)
        self.assertEqual(self.tasks.wait(self.name, "done")["sent"], count)
        self.assertEqual(len(self.delivered("pause-")), count)
        self.assertEqual(len(set(self.delivered("pause-"))), count)
        self.assertEqual(operator.ask("pauses").get("data", []), [])

    def test_stop_and_send_the_rest(self):
        count = 3000
        self.tasks.make(self.name, rows(count, "stop-"), start=True)
        until(lambda: len(self.delivered("stop-")) > 200 or pause(), "under way")
        self.tasks.ask("stop", name=self.name)
        task = self.tasks.wait(self.name, "stopped")
        self.assertEqual(task["sent"] + task["cancelled"], count)
        self.assertEqual(len(self.delivered("stop-")), task["sent"])
        failed = self.tasks.failed(self.name)
        self.assertEqual(len({e["openid"] for e in failed}), task["cancelled"])
        self.assertEqual(len(failed), task["cancelled"])
        self.tasks.ask("resend", name=self.name, cancelled=True)
        task = self.tasks.wait(self.name, "done")
        self.assertEqual((task["sent"], task.get("cancelled")), (count, None))
        self.assertEqual(len(self.delivered("stop-")), count)

    def test_restarts_of_the_runner(self):
        count = 4000
        self.tasks.make(self.name, rows(count, "again-"), start=True)
        for i in range(6):
            until(lambda: len(self.delivered("again-")) > count * (i + 1) / 8 or pause(), "under way")
            self.ring.restart("task", "kill" if i % 2 else "term")
        self.assertEqual(self.tasks.wait(self.name, "done")["sent"], count)
        self.assertEqual(len(self.delivered("again-")), count)

    def test_paused_over_restarts(self):
        self.tasks.make(self.name, rows(2000, "keep-"), start=True)
        until(lambda: len(self.delivered("keep-")) > 100 or pause(), "under way")
        self.tasks.ask("pause", name=self.name)
        self.ring.restart("task", "kill")
        self.ring.restart("broker", "kill")
        self.ring.wait_ready()
        operator = self.ring.operator()
        until(lambda: not operator.status()["depth"].get("out") or pause(), "nothing out")
        sent = len(self.delivered("keep-"))
        until(lambda: self.tasks.show(self.name).get("sent", 0) == sent or pause(), "what ended meanwhile is counted")
        self.assertEqual(self.tasks.show(self.name)["state"], "paused")
        self.tasks.ask("stop", name=self.name)
        task = self.tasks.wait(self.name, "stopped")
        self.assertEqual((task["sent"], task["cancelled"]), (sent, 2000 - sent))

    def test_away_for_longer_than_results_are_kept(self):
        """Nobody can tell then what was sent: a person decides."""
        self.tasks.make(self.name, rows(1500, "late-"), rate=200, start=True)
        until(lambda: len(self.delivered("late-")) > 100 or pause(), "under way")
        self.ring["task"].kill()
        alive, month_ago = os.path.join(self.ring.folder, "store/tasks/.alive"), time.time() - 30 * 86400
        os.utime(alive, (month_ago, month_ago))
        self.ring["task"].start()
        task = self.tasks.show(self.name)
        self.assertEqual(task["state"], "paused")
        self.assertIn("ledger_days", task["note"])
        self.assertGreater(os.stat(alive).st_mtime, month_ago + 86400)
        self.tasks.ask("rate", name=self.name, rate=0)
        self.tasks.ask("resume", name=self.name)
        self.assertEqual(self.tasks.wait(self.name, "done")["sent"], 1500)
        self.assertEqual(len(self.delivered("late-")), 1500)

    def test_broker_away(self):
        self.tasks.make(self.name, rows(1500, "away-"), start=True)
        until(lambda: len(self.delivered("away-")) > 100 or pause(), "under way")
        self.ring["broker"].kill()
        self.assertEqual(self.tasks.show(self.name)["state"], "running")
        self.ring["broker"].start()
        self.assertEqual(self.tasks.wait(self.name, "done")["sent"], 1500)
        self.assertEqual(len(self.delivered("away-")), 1500)

    def test_scheduled(self):
        at = int(time.time() * 1000) + 1500
        self.tasks.make(self.name, rows(5, "at-"), at=at)
        self.assertEqual(self.tasks.show(self.name)["state"], "scheduled")
        self.tasks.ask("pause", name=self.name)
        self.tasks.ask("resume", name=self.name)
        self.assertEqual(self.tasks.show(self.name)["state"], "scheduled")
        self.tasks.wait(self.name, "done")
        self.assertGreaterEqual(min(e["t"] for e in self.ring.sim.journal() if e["openid"].startswith("at-")), at)

    def test_rate(self):
        self.tasks.make(self.name, rows(100, "rate-"), rate=50, start=True)
        self.tasks.wait(self.name, "done")
        times = sorted(e["t"] for e in self.ring.sim.journal() if e["openid"].startswith("rate-"))
        self.assertGreater(times[-1] - times[0], 1700, "100 at 50 a second")
        self.tasks.make(self.name + "2", rows(1000, "rate2-"), rate=1, start=True)
        self.tasks.ask("rate", name=self.name + "2", rate=0)
        self.tasks.wait(self.name + "2", "done", seconds=20)

    def test_rows_asked_again_are_no_second_ones(self):
        upload = os.urandom(8).hex()
        piece = [b"".join(msgpack.packb([1, "up-%d-%d" % (p, i), {"n": "1"}]) for i in range(50)) for p in range(3)]
        ask = dict(name=self.name, upload=upload)
        self.tasks.ask("open", key="test", **ask)
        self.tasks.ask("open", key="test", **ask)
        self.assertEqual(self.tasks.ask("rows", row=0, data=piece[0], **ask)["done"], 50)
        self.assertEqual(self.tasks.ask("rows", row=50, data=piece[1], **ask)["done"], 100)
        self.ring.restart("task", "kill")
        self.assertEqual(self.tasks.ask("rows", row=50, data=piece[1], **ask)["done"], 100)
        self.assertEqual(self.tasks.answer("rows", row=150, data=piece[2], **ask)["code"], 400)
        self.assertEqual(self.tasks.ask("rows", row=100, data=piece[2], **ask)["done"], 150)
        self.tasks.ask("drop", drops=[0, 149], **ask)
        self.assertEqual(self.refused("commit", rows=149, **ask).code, 400)
        self.assertEqual(self.refused("show", name=self.name).code, 404)
        self.tasks.ask("commit", rows=150, start=True, **ask)
        self.tasks.ask("commit", rows=150, start=True, **ask)
        task = self.tasks.wait(self.name, "done")
        self.assertEqual((task["rows"], task["dropped"], task["sent"]), (148, 2, 148))
        self.assertEqual(len(self.delivered("up-")), 148)

    def test_wrong(self):
        self.assertEqual(self.refused("start", name="nobody").code, 404)
        for members, field in (({"op": "open"}, "name"), ({"op": "open", "name": "a/b"}, "name"), ({"op": "open", "name": ".."}, "name"),
                               ({"op": "open", "name": "x", "upload": "zz"}, "upload"),
                               ({"op": "open", "name": "x", "upload": "0" * 16}, "key"), ({"op": "fly", "name": "x"}, "op"),
                               ({"op": "resend", "name": "x"}, "failed"), ({"op": "rate", "name": "x", "rate": -1}, "rate"),
                               ({"op": "list", "colour": 1}, "colour"),
                               ({"op": "open", "name": "x", "upload": "0" * 16, "key": "k", "app": "nosuch"}, "app")):
            refused = self.refused(**members)
            self.assertEqual((refused.code, refused.message.split(":")[0]), (400, field))
        self.tasks.socket.send(b"\xc1")
        self.assertEqual(msgpack.unpackb(self.tasks.socket.recv())["code"], 400)
        self.tasks.make(self.name, rows(1, "wrong-"))
        self.assertEqual(self.refused("open", name=self.name, upload="1" * 16, key="test").code, 400)
        self.tasks.ask("delete", name=self.name)
        self.assertEqual(self.refused("show", name=self.name).code, 404)
        self.assertEqual([t["name"] for t in self.tasks.ask("list")["data"] if t["name"] == self.name], [])

    def test_template_that_is_gone(self):
        """What the broker refuses is told for each row, and is no end of the task."""
        self.tasks.make(self.name, rows(3, "gone-"), key="nosuch", start=True)
        task = self.tasks.wait(self.name, "done")
        self.assertEqual(task["refused"], 3)
        self.assertEqual({e["message"] for e in self.tasks.failed(self.name)}, {"template key not exists"})

    def test_same_name_again_is_another_task(self):
        for _ in range(2):
            self.tasks.make(self.name, rows(3, "same-"), start=True)
            self.tasks.wait(self.name, "done")
            self.tasks.ask("delete", name=self.name)
        self.assertEqual(len(self.delivered("same-")), 6)

    def test_second_runner_ends(self):
        second = self.ring.add("task-2", "mega-task")
        self.addCleanup(self.ring.stages.pop, "task-2")
        self.assertEqual(second.start().process.wait(30), 1)


if __name__ == "__main__":
    unittest.main()
