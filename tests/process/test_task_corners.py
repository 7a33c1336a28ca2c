"""Corners of bulk tasks: steps that overlap each other, a kill, or a broker that is away."""
import glob
import os
import time
import unittest

import msgpack

from ring import Ring, SIMPLE, pause, until
from tasks import Refused, Tasks


def rows(count, prefix="o"):
    return [("%s%d" % (prefix, i), {"n": str(i)}) for i in range(count)]


class TaskCorners(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(task=True, templates={"test": SIMPLE},
                        sim=["--latency", "5-20", "--fault", "bad=43004", "--fault", "never=http500", "--fault", "slow=slow:700"],
                        conf={"templater": {"missing_variable": "reject"}, "wechat": {"max_attempts": "2"}})
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)

    def setUp(self):
        self.tasks = Tasks(self.ring)
        self.name = self.id().rsplit(".", 1)[1][5:32].replace("_", "-")

    def delivered(self, prefix):
        return [e["openid"] for e in self.ring.sim.delivered() if e["openid"].startswith(prefix)]

    def restart_broker(self):
        self.ring["broker"].start()
        self.ring.wait_ready()

    def test_stop_of_a_resend_that_has_not_begun(self):
        """The broker is away, so that the dead messages are not discarded yet."""
        self.tasks.make(self.name, [("never-s%d" % i, {"n": "x"}) for i in range(3)], start=True)
        self.assertEqual(self.tasks.wait(self.name, "done")["dead"], 3)
        self.ring["broker"].kill()
        self.tasks.ask("resend", name=self.name, failed=True, cancelled=True)
        self.tasks.ask("stop", name=self.name)
        self.restart_broker()
        task = self.tasks.wait(self.name, "stopped")
        self.assertEqual((task["dead"], task["round"]), (3, 1))
        self.tasks.ask("resend", name=self.name, failed=True)
        task = self.tasks.wait(self.name, "done")
        self.assertEqual((task["dead"], task["round"]), (3, 2))

    def test_resend_of_cancelled_beside_dead(self):
        self.tasks.make(self.name, [("never-c", {"n": "x"})] + rows(2000, "beside-"), start=True)
        until(lambda: self.tasks.show(self.name).get("dead") or pause(), "dead")
        self.tasks.ask("stop", name=self.name)
        task = self.tasks.wait(self.name, "stopped")
        self.assertGreater(task["cancelled"], 0)
        self.tasks.ask("resend", name=self.name, cancelled=True)
        task = self.tasks.wait(self.name, "done")
        self.assertEqual((task["sent"], task["dead"], task.get("cancelled")), (2000, 1, None))
        self.assertEqual(len(self.delivered("beside-")), 2000)

    def test_resend_of_cancelled_over_a_restart(self):
        self.tasks.make(self.name, rows(20, "over-"))
        self.tasks.ask("stop", name=self.name)
        self.tasks.wait(self.name, "stopped")
        self.ring["broker"].kill()
        self.tasks.ask("resend", name=self.name, cancelled=True)
        self.ring.restart("task", "kill")
        self.restart_broker()
        self.assertEqual(self.tasks.wait(self.name, "done")["sent"], 20)

    def test_kill_and_then_stop(self):
        """What was on its way at the kill has its true result, and is not counted as never sent."""
        count = 20000
        self.tasks.make(self.name, rows(count, "ks-"), start=True)
        until(lambda: len(self.delivered("ks-")) > 1500 or pause(), "under way")
        self.ring["task"].kill()
        operator = self.ring.operator()
        until(lambda: operator.status()["depth"].get("total", 0) == 0 and not operator.status()["depth"].get("out") or pause(), "empty")
        self.ring["task"].start()
        self.tasks.ask("stop", name=self.name)
        task = self.tasks.wait(self.name, "stopped")
        sent = len(self.delivered("ks-"))
        self.assertEqual((task["sent"], task["cancelled"]), (sent, count - sent))
        self.assertEqual(len(self.tasks.failed(self.name)), task["cancelled"])

    def test_stop_of_one_that_was_stopped_before_it_began(self):
        self.tasks.make(self.name, rows(400, "before-"))
        self.tasks.ask("stop", name=self.name)
        self.tasks.wait(self.name, "stopped")
        operator = self.ring.operator()
        operator.ask("pause", filter={"key": "test"})
        self.addCleanup(operator.ask, "resume", filter={"key": "test"})
        self.tasks.ask("resend", name=self.name, cancelled=True)
        until(lambda: operator.list(task=self.name) or pause(), "fed", 20)
        self.tasks.ask("stop", name=self.name)
        task = self.tasks.wait(self.name, "stopped", seconds=20)
        self.assertEqual((task.get("sent"), task["cancelled"]), (None, 400))

    def test_two_pauses_at_once(self):
        """Neither waits for an ask of the other to be repeated."""
        names = [self.name + str(i) for i in range(8)]
        for name in names:
            self.tasks.make(name, rows(1000, name), rate=20, start=True)
        began = time.monotonic()
        for i, name in enumerate(names):
            self.tasks.socket.send(msgpack.packb({"t": "ask", "op": "pause", "name": name, "ref": 900000 + i}))
        for _ in names:
            self.assertEqual(msgpack.unpackb(self.tasks.socket.recv())["code"], 200)
        took = time.monotonic() - began
        for name in names:
            self.tasks.ask("stop", name=name)
            self.tasks.wait(name, "stopped")
        self.assertLess(took, 2)

    def test_failures_are_told_once(self):
        self.tasks.make(self.name, [("bad-%d" % i, {"n": "x"}) for i in range(3000)], start=True)
        for i in range(8):
            until(lambda: self.tasks.show(self.name).get("refused", 0) > 300 * (i + 1) or pause(), "under way")
            self.ring.restart("task", "kill")
        self.assertEqual(self.tasks.wait(self.name, "done")["refused"], 3000)
        failed = self.tasks.failed(self.name)
        self.assertEqual(len(failed), 3000)

    def test_folder_of_a_damaged_task(self):
        self.tasks.make(self.name, rows(3, "damaged-"))
        self.ring["task"].term()
        facts, = glob.glob(os.path.join(self.ring.folder, "*", "tasks", self.name, "facts"))
        with open(facts, "r+b") as f:
            f.write(b"xxxx")
        self.ring["task"].start()
        with self.assertRaisesRegex(Refused, "could not be read"):
            self.tasks.make(self.name, rows(3, "damaged-"))
        with open(facts, "rb") as f:
            self.assertEqual(f.read(4), b"xxxx")

    def test_pages_of_failures_cost_no_more_at_the_end(self):
        self.tasks.make(self.name, rows(20000, "page-"), key="nosuch", start=True)
        self.tasks.wait(self.name, "done")
        began = time.monotonic()
        self.assertEqual(len(self.tasks.failed(self.name, limit=100)), 20000)
        self.assertLess(time.monotonic() - began, 6)

    def hold_template(self):
        operator = self.ring.operator()
        operator.ask("pause", filter={"key": "test"})
        self.addCleanup(operator.ask, "resume", filter={"key": "test"})
        return operator

    def test_stop_hands_over_nothing_more(self):
        """The dead message was requeued: while it waits, its row is not sent again, and when it is cancelled the row is not either."""
        self.tasks.make(self.name, [("never-h", {"n": "x"})], start=True)
        self.tasks.wait(self.name, "done")
        operator = self.hold_template()
        operator.ask("requeue", filter={"task": self.name})
        self.tasks.ask("resend", name=self.name, failed=True)
        until(lambda: self.tasks.show(self.name).get("out") or pause(), "looked at", 20)
        self.tasks.ask("stop", name=self.name)
        task = self.tasks.wait(self.name, "stopped", seconds=20)
        self.assertEqual((task.get("dead"), task["cancelled"]), (None, 1))
        self.assertEqual(operator.list(task=self.name, state="waiting"), [])

    def test_stop_of_what_comes_back_from_a_failed_call(self):
        """It was out when the task's messages were cancelled, and is cancelled now that it waits for its next attempt."""
        self.ring.sim.post("/sim/pause")
        self.addCleanup(self.ring.sim.post, "/sim/resume")
        self.tasks.make(self.name, [("never-b", {"n": "x"})], start=True)
        until(lambda: self.ring.operator().list(task=self.name, state="out") or pause(), "out", 20)
        self.hold_template()
        self.tasks.ask("stop", name=self.name)
        self.ring.sim.post("/sim/resume")
        self.assertEqual(self.tasks.wait(self.name, "stopped", seconds=20)["cancelled"], 1)

    def test_many_tasks_of_an_account_share_its_window(self):
        """Each has rows on their way, and together no more than one alone would have."""
        operator = self.ring.operator()
        operator.ask("pause", filter={"key": "test"})
        self.addCleanup(operator.ask, "resume", filter={"key": "test"})
        names = ["share-%d" % i for i in range(40)]
        for name in names:
            self.tasks.make(name, rows(500, name), start=True)
        until(lambda: all(self.tasks.show(name).get("out") for name in names) or pause(), "all of them", 20)
        out = sum(self.tasks.show(name)["out"] for name in names)
        for name in names:
            self.tasks.ask("stop", name=name)
            self.tasks.wait(name, "stopped")
        self.assertLess(out, 1000)


if __name__ == "__main__":
    unittest.main()
