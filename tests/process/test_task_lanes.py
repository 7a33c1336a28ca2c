"""Two bulk tasks that keep every slot busy: Sends of the lane `express` overtake them, single Pushes of their own lane stand behind a
bounded number of rows, and the tasks take turns. Everything is counted in calls, none of it in time: in the order of the simulator's
journal, from the moment on at which the broker had accepted a message.
"""
import statistics
import unittest

from ring import Ring, pause, until
from tasks import Tasks

SLOTS, CALL_MS = 32, 50
WINDOW_S = 2  # that of task/feed.c
WINDOW = WINDOW_S * SLOTS * 1000 // CALL_MS  # rows of all tasks that are on their way at most, when a second tells the rate exactly
ROWS = 9000
MESSAGES = 20  # of each kind


def rows(prefix):
    return [("%s%d" % (prefix, i), {"n": str(i)}) for i in range(ROWS)]


class TaskLanes(unittest.TestCase):
    """One run that every test looks at."""

    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(task=True, senders=1, sim=["--latency", str(CALL_MS)], conf={"sender": {"slots": str(SLOTS)}})
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)
        cls.client, cls.tasks = cls.ring.client(), Tasks(cls.ring)
        cls.run_tasks()
        cls.calls = sorted(cls.ring.sim.delivered(), key=lambda call: call["t"])
        cls.place = {call["openid"]: at for at, call in enumerate(cls.calls)}

    @classmethod
    def run_tasks(cls):
        for name in ("first", "second"):
            cls.tasks.make(name, rows(name))
        cls.tasks.ask("start", name="first")
        cls.wait_sent("first", WINDOW)
        cls.tasks.ask("start", name="second")
        cls.wait_sent("second", 2 * WINDOW)  # both have their windows, and what stood in blocks has been mixed
        cls.begun = len(cls.ring.sim.journal())
        cls.express, cls.single = zip(*[cls.beside(i) for i in range(MESSAGES)])
        results = cls.client.ask(*[dict(op="status", id=id, wait=True) for id in cls.single])
        assert all(r["state"] == "sent" for r in results), results
        cls.left = {name: cls.tasks.show(name).get("todo", 0) for name in ("first", "second")}
        for name in ("first", "second"):
            cls.tasks.answer("stop", name=name)  # refused when it is done, which a test tells

    @classmethod
    def wait_sent(cls, name, count):
        until(lambda: cls.tasks.show(name).get("sent", 0) >= count or pause(), "%d rows of %s sent" % (count, name))

    @classmethod
    def beside(cls, i):
        """One Push of the tasks' lane, and one Send that overtakes all. Returns the ids of Send and Push."""
        push = dict(op="push", openid="single%d" % i, key="test", vars={"n": "p"}, id="single%d" % i)
        send = dict(op="send", openid="express%d" % i, key="test", vars={"n": "e"}, id="express%d" % i, lane="express")
        for request in (push, send):
            result = cls.client.ask_one(**request)
            assert result["code"] == 200, result
        return send["id"], push["id"]

    def rows_before(self, ids):
        """For each message, sorted: how many calls of tasks began after it was accepted and before its own."""
        operator = self.ring.operator()
        counts = []
        for id in ids:
            entry, = operator.list(state="all", openid=id)
            counts.append(sum(call["t"] > entry["accepted"] and call["openid"].startswith(("first", "second"))
                              for call in self.calls[:self.place[id]]))
        return sorted(counts)

    def test_tasks_were_there_all_the_time(self):
        for name, left in self.left.items():
            self.assertGreater(left, WINDOW, "%s: too few rows for what is tested" % name)
        self.assertEqual(len(self.place), len(self.calls), "each recipient once")

    def test_express_overtakes(self):
        """It waits for what the broker had given out already, and for a slot."""
        counts = self.rows_before(self.express)
        self.assertLessEqual(statistics.median(counts), SLOTS, counts)
        self.assertLessEqual(counts[-1], 4 * SLOTS, counts)

    def test_single_pushes_wait_for_a_window(self):
        """A rate is measured, so that the window is only about what it should be."""
        counts = self.rows_before(self.single)
        self.assertLessEqual(statistics.median(counts), 1.25 * WINDOW, counts)
        self.assertLessEqual(counts[-1], 2 * WINDOW, counts)

    def test_tasks_take_turns(self):
        names = [call["openid"][:5] for call in self.calls[self.begun:] if call["openid"].startswith(("first", "second"))]
        share = names.count("first") / len(names)
        self.assertTrue(0.4 <= share <= 0.6, "first has %.2f of %d calls" % (share, len(names)))
        block = WINDOW // 4  # half a second
        for at in range(0, len(names) - block, block):
            share = names[at:at + block].count("first") / block
            self.assertTrue(0.25 <= share <= 0.75, "first has %.2f of %d calls in a row" % (share, block))


if __name__ == "__main__":
    unittest.main()
