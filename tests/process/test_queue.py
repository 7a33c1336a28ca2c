"""What operators can see and do, asked of a real broker with a real ring: pause and resume, search, cancel, dead letters, status."""
import signal
import threading
import time
import unittest

import msgpack

from ring import Ring, SIMPLE, pause, until

NOTE = '{"touser":"${OPENID}","msgtype":"text","text":{"content":"${n}"},"$mega":{"kind":"custom"}}'
TEMPLATES = {"test": SIMPLE, "other": SIMPLE, "note": NOTE}


class QueueCase(unittest.TestCase):
    """A ring for each test: what is paused or dead concerns everybody."""
    options = {}
    attempts = "10"  # fewer only where messages are to die: each sender that falls silent on a busy machine takes one

    def setUp(self):
        self.ring = Ring(templates=TEMPLATES, sim=["--fault", "bad=43004"],
                         conf={"wechat": {"max_attempts": self.attempts},
                               "wechat:second": {"app_id": "wx1234567890abcdef", "app_secret": "0123456789abcdef0123456789abcdef"}},
                         **self.options)
        self.ring.conf["wechat:second"]["api_base"] = ""  # filled in when the simulator's port is known
        original = self.ring.write_conf

        def write_conf():
            self.ring.conf["wechat:second"]["api_base"] = self.ring.sim.base
            return original()
        self.ring.write_conf = write_conf
        self.ring.__enter__()
        self.addCleanup(self.end)
        self.client, self.operator = self.ring.client(), self.ring.operator()

    def end(self):
        """Of a test that failed it is told how the ring stood."""
        failed = None if self._outcome.success else AssertionError
        try:
            if failed and self.ring["broker"].alive():
                print(self.operator.answers("status", seconds=5))
        finally:
            self.ring.__exit__(failed, None, None)

    def push(self, count, prefix, **members):
        """Pushes `count` messages to as many recipients; returns their ids."""
        requests = [dict(dict(op="push", id="%s%d" % (prefix, i), openid="o-%s%d" % (prefix, i), key="test",
                              vars={"n": "%s%d" % (prefix, i)}), **members) for i in range(count)]
        for result in self.client.ask(*requests):
            self.assertEqual(result["code"], 200, result)
        return [r["id"] for r in requests]

    def sent(self):
        """The values of n in the order in which WeChat got them."""
        return [e["body"].split('"value":"')[1].split('"')[0] for e in self.ring.sim.delivered()]

    def wait_sent(self, count):
        self.ring.sim.wait(delivered=count)

    def settled(self, id, **members):
        found = {}

        def is_settled():
            found.update(self.client.ask_one(op="status", id=id, **members))
            return found["code"] != 100 or pause()
        until(is_settled, "settled: " + id)
        return found

    def depth(self):
        return self.operator.status()["depth"]

    def ok(self, op, **members):
        answer = self.operator.ask(op, **members)
        self.assertEqual(answer["code"], 200, answer)
        return answer


class Pause(QueueCase):
    def test_template(self):
        self.ok("pause", filter={"key": "test"}, by="ann")
        held = self.push(50, "t", openid="one")
        free = self.push(50, "f", key="other")
        self.wait_sent(50)
        self.assertEqual(sorted(self.sent()), sorted(free))
        self.assertEqual(self.depth()["paused"], 50)
        pauses = self.ok("pauses")["data"]
        self.assertEqual([(p["kind"], p["name"], p["held"], p["by"]) for p in pauses], [("template", "test", 50, "ann")])
        self.assertEqual({e["state"] for e in self.operator.list(key="test")}, {"paused"})
        self.ok("resume", filter={"key": "test"})
        self.wait_sent(100)
        self.assertEqual(self.sent()[50:], held, "in the order in which they were accepted")
        until(lambda: not self.ok("pauses")["data"] or pause(), "the pause is gone")

    def test_survives_kill_and_accepts_meanwhile(self):
        self.ok("pause", filter={"task": "summer"})
        first = self.push(30, "a", task="summer", openid="one")
        self.ring.restart("broker")
        self.ring.wait_ready()
        second = self.push(30, "b", task="summer", openid="one")
        free = self.push(30, "c", task="winter")
        self.wait_sent(30)
        self.assertEqual(sorted(self.sent()), sorted(free))
        self.ok("resume", filter={"task": "summer"})
        self.wait_sent(90)
        self.assertEqual(self.sent()[30:], first + second)

    def test_account_and_all(self):
        self.ok("pause", filter={"app": "second"})
        self.push(10, "s", app="second")
        self.push(10, "d")
        self.wait_sent(10)
        accounts = {a["name"]: a for a in self.operator.status()["accounts"]}
        self.assertEqual((accounts["second"]["paused"], accounts["second"]["waiting"]), (1, 10))
        self.ok("pause", filter={"all": True})
        self.push(10, "e")
        self.ok("resume", filter={"app": "second"})
        self.assertEqual(self.operator.ask("resume", filter={"app": "second"})["code"], 404)
        self.assertEqual(len(self.sent()), 10, "all is still paused")
        self.ok("resume", filter={"all": True})
        self.wait_sent(30)

    def test_for_a_time(self):
        self.ok("pause", filter={"key": "test"}, **{"for": 700})
        self.ok("pause", filter={"app": "second"}, **{"for": 700})
        self.push(5, "t")
        self.push(5, "s", app="second", key="other")
        self.wait_sent(10)  # without being resumed
        self.assertEqual(self.operator.status()["pauses"], [])

    def test_many_paused_do_not_hold_up_others(self):
        """They are met once and set aside; what is pushed behind them goes at once."""
        self.push(20000, "m", task="big", **{"in": 600000})
        self.ok("pause", filter={"all": True})
        before = self.push(5000, "n", task="big2")
        self.ok("pause", filter={"task": "big2"})
        self.ok("resume", filter={"all": True})
        free = self.push(20, "f")
        self.wait_sent(20)
        self.assertEqual(sorted(self.sent()), sorted(free))
        self.ok("resume", filter={"task": "big2"})
        self.wait_sent(20 + len(before))

    def test_paused_ones_expire_and_can_be_cancelled(self):
        self.ok("pause", filter={"key": "test"})
        self.push(1, "x", ttl=100)
        self.push(1, "y")
        self.assertEqual(self.settled("x0")["state"], "expired")
        self.assertEqual(self.client.ask_one(op="cancel", id="y0")["state"], "cancelled")
        self.ok("resume", filter={"key": "test"})
        self.push(1, "z")
        self.wait_sent(1)
        self.assertEqual(self.sent(), ["z0"])

    def test_nonsense(self):
        for members, word in ((dict(op="pause", filter={}), "filter"), (dict(op="pause", filter={"app": "nobody"}), "app"),
                              (dict(op="pause", filter={"key": "a", "task": "b"}), "key"), (dict(op="fly"), "op"),
                              (dict(op="list", limit=1001), "limit"), (dict(op="list", **{"from": b"\xc1"}), "from"),
                              (dict(op="cancel", filter={"state": "sent"}), "state"), (dict(op="requeue", filter={}), "filter"),
                              (dict(op="pause", filter={"opneid": "x"}), "opneid")):
            op = members.pop("op")
            answer = self.operator.ask(op, **members)
            self.assertEqual(answer["code"], 400, answer)
            self.assertIn(word, answer["message"])
        self.assertEqual(self.operator.ask("resume", filter={"key": "test"})["code"], 404)
        self.assertEqual(self.operator.ask("show", filter={"id": "none"})["code"], 404)


class Search(QueueCase):
    def test_by_recipient_and_task(self):
        self.push(40, "a", task="t1")
        self.push(40, "b", openid="one", task="t2")
        self.wait_sent(80)
        self.push(5, "c", openid="one", **{"in": 600000})
        until(lambda: len(self.operator.list(openid="one", state="sent")) == 40 or pause(), "settled")
        self.assertEqual([e["id"] for e in self.operator.list(openid="one")],
                         ["b%d" % i for i in range(40)] + ["c%d" % i for i in range(5)])
        self.assertEqual(len(self.operator.list(task="t1", state="sent")), 40)
        self.assertEqual(len(self.operator.list(openid="one", state="scheduled")), 5)
        self.assertEqual(self.operator.list(openid="nobody"), [])
        entry = self.operator.list(openid="one", state="sent")[0]
        self.assertEqual((entry["app"], entry["key"], entry["task"], entry["code"], entry["calls"]), ("default", "test", "t2", 200, 1))
        self.assertGreater(entry["msgid"], 0)
        self.assertGreaterEqual(entry["settled"], entry["accepted"])

    def test_pages_and_times(self):
        began = int(time.time() * 1000)
        self.push(300, "p")
        self.wait_sent(300)
        until(lambda: self.depth()["settled"] == 300 or pause(), "settled")
        pages = self.operator.list(limit=7, state="settled")
        self.assertEqual(len(pages), 300)
        self.assertEqual(len({e["id"] for e in pages}), 300)
        self.assertEqual(len(self.operator.list(state="sent", since=began)), 300)
        self.assertEqual(self.operator.list(state="sent", until=began), [])
        middle = pages[150]["settled"]
        early, late = self.operator.list(state="sent", until=middle), self.operator.list(state="sent", since=middle)
        self.assertEqual(len(early) + len(late), 300)

    def test_while_things_move(self):
        """A list whose pages are read while messages go out shows each of those that stay exactly once."""
        stay = self.push(500, "s", **{"in": 600000})
        self.push(500, "m")
        seen = [e["id"] for e in self.operator.list(limit=10, state="live")]
        self.assertEqual([i for i in seen if i.startswith("s")], stay)

    def test_refused_by_errcode(self):
        self.push(3, "r", openid="bad1")
        self.push(3, "s")
        until(lambda: self.depth()["settled"] == 6 or pause(), "settled")
        self.assertEqual(len(self.operator.list(errcode=43004)), 3)
        self.assertEqual({e["state"] for e in self.operator.list(errcode=43004)}, {"refused"})

    def test_show(self):
        self.push(1, "w", task="t", **{"in": 600000})
        entry = self.ok("show", filter={"id": "w0"})["data"]
        self.assertEqual((entry["state"], entry["vars"], entry["task"], entry["lane"]), ("scheduled", {"n": "w0"}, "t", "bulk"))


class Cancel(QueueCase):
    def test_by_task_and_recipient(self):
        self.push(3000, "a", task="t", **{"in": 600000})
        self.push(10, "b", openid="one", **{"in": 600000})
        self.push(10, "c", **{"in": 600000})
        answers = self.operator.answers("cancel", filter={"task": "t"})
        self.assertEqual((answers[-1]["code"], answers[-1]["done"]), (200, 3000))
        result = self.client.ask_one(op="cancel", openid="one")
        self.assertEqual((result["code"], result["count"], result["state"]), (200, 10, "cancelled"))
        self.assertEqual(self.client.ask_one(op="cancel", openid="one").get("count", 0), 0)
        self.assertEqual(self.client.ask_one(op="status", id="a7")["code"], 409)
        self.assertEqual({e["id"][0] for e in self.operator.list(state="live")}, {"c"})
        self.assertEqual(self.ok("cancel", filter={"id": "c0"})["done"], 1)
        self.assertEqual(self.operator.ask("cancel", filter={"id": "none"})["code"], 404)

    def test_goes_on_without_its_asker(self):
        self.push(5000, "a", task="t", **{"in": 600000})
        asker = self.ring.operator()
        asker.socket.send(msgpack.packb({"t": "ask", "op": "cancel", "ref": 1, "filter": {"task": "t"}}))
        asker.socket.linger = 1000
        asker.close()
        until(lambda: self.depth()["scheduled"] == 0 or pause(), "all cancelled")

    def test_request_that_names_nothing(self):
        self.assertEqual(self.client.ask_one(op="cancel")["code"], 400)
        self.assertEqual(self.client.ask_one(op="cancel", id="a", openid="b")["code"], 400)
        self.assertEqual(self.client.ask_one(op="cancel", task="t", app="nobody")["code"], 400)


class Dead(QueueCase):
    attempts = "2"

    def setUp(self):
        super().setUp()
        self.ring.sim.post("/sim/faults", "o-never=http500")
        self.push(20, "never", task="t", ttl=3600000)
        until(lambda: self.depth()["dead"] == 20 or pause(), "dead")

    def test_list_and_requeue(self):
        dead = self.operator.list(state="dead")
        self.assertEqual({(e["state"], e["failures"], e["calls"], e["code"]) for e in dead}, {("dead", 2, 2, 500)})
        self.assertIn("HTTP", dead[0]["message"])
        self.ring.sim.post("/sim/faults", "")
        before = {e["client_msg_id"] for e in self.ring.sim.journal()}
        self.assertEqual(self.ok("requeue", filter={"id": "never3"})["done"], 1)
        self.wait_sent(1)
        self.assertEqual(self.settled("never3")["state"], "sent")
        self.assertEqual(self.ok("requeue", filter={"task": "t"})["done"], 19)
        self.wait_sent(20)
        until(lambda: self.depth()["dead"] == 0 or pause(), "none is dead")
        again = {e["client_msg_id"] for e in self.ring.sim.delivered()}
        self.assertEqual((len(again), again & before), (20, set()), "a new call number each")
        figures = self.operator.status()["totals"]
        self.assertEqual((figures["dead"], figures["requeued"]), (20, 20))
        self.assertEqual(self.operator.status()["accounts"][0]["waiting"], 0)

    def test_those_that_die_again_are_met_once(self):
        self.assertEqual(self.ok("requeue", filter={"all": True})["done"], 20)
        until(lambda: self.depth()["dead"] == 20 or pause(), "dead again")

    def test_discard(self):
        self.assertEqual(self.ok("discard", filter={"id": "never1"})["done"], 1)
        self.assertEqual(self.client.ask_one(op="status", id="never1")["state"], "dead")
        self.assertEqual(self.ok("requeue", filter={"id": "never1"}).get("done", 0), 0)
        self.assertEqual(self.ok("discard", filter={"all": True})["done"], 19)
        self.assertEqual(self.depth()["dead"], 0)
        self.assertEqual(self.operator.list(state="dead"), [])
        self.assertEqual(len(self.operator.list(state="purged")), 20, "the results stay in the ledger")

    def test_kill_in_between(self):
        self.ring.restart("broker")
        self.ring.wait_ready()
        self.assertEqual(len(self.operator.list(state="dead")), 20)
        self.ring.sim.post("/sim/faults", "")
        self.ok("requeue", filter={"all": True})
        self.ring.restart("broker")
        self.wait_sent(20)


class LateResult(QueueCase):
    options = {"senders": 1}

    def test_of_a_dead_message_counts(self):
        """A sender that was thought lost in mid-call comes back with the answer: the message is not dead but sent, and is not made
        to be sent again."""
        self.ring.sim.post("/sim/pause")
        self.push(1, "m", key="note")
        self.ring.sim.wait(calls=1)
        self.ring["sender-1"].signal(signal.SIGSTOP)
        self.ring.sim.post("/sim/resume")
        self.assertEqual(self.settled("m0")["state"], "dead")
        self.ring["sender-1"].signal(signal.SIGCONT)
        until(lambda: self.client.ask_one(op="status", id="m0")["state"] == "sent" or pause(), "sent after all")
        self.assertEqual(self.depth()["dead"], 0)
        self.assertEqual(self.ok("requeue", filter={"id": "m0"}).get("done", 0), 0)
        accounts = self.operator.status()["accounts"]
        self.assertEqual((accounts[0]["sent"], accounts[0]["dead"], accounts[0]["revised"], accounts[0]["waiting"]), (1, 1, 1, 0))
        calls = [e for e in self.ring.sim.journal(path=None) if e["path"].endswith("/custom/send")]
        self.assertEqual(len(calls), 1)


class Busy(QueueCase):
    """Operators are served while callers push without end."""

    def setUp(self):
        super().setUp()
        self.push(2000, "old", task="old", **{"in": 600000})
        self.ok("pause", filter={"key": "test"})
        self.push(200, "held")
        self.ok("pause", filter={"key": "other"})
        self.push(100, "few", key="other")
        self.pusher, self.end, self.number = self.ring.client(), threading.Event(), 0
        self.thread = threading.Thread(target=self.flood)
        self.thread.start()
        self.addCleanup(self.stop)

    def stop(self):
        self.end.set()
        self.thread.join()

    def flood(self):
        while not self.end.is_set():
            self.pusher.ask(*[dict(op="push", openid="x%d" % (i % 100), key="test", vars={"n": "x"}, **{"in": 600000})
                              for i in range(1000)])
            self.number += 1000

    def test_cancel_and_list_by_task(self):
        until(lambda: self.number > 3000 or pause(), "the flood is on")
        self.assertEqual(len(self.operator.list(task="old")), 2000)
        self.assertEqual(self.ok("cancel", filter={"task": "old"})["done"], 2000)

    def test_release(self):
        until(lambda: self.number > 1000 or pause(), "the flood is on")
        self.ok("resume", filter={"key": "test"})
        self.ok("resume", filter={"key": "other"})
        self.wait_sent(300)


class Status(QueueCase):
    def test_figures(self):
        self.push(10, "a")
        self.push(5, "b", **{"in": 600000})
        self.push(2, "r", openid="bad1")
        until(lambda: self.depth()["settled"] == 12 or pause(), "settled")
        self.ring.restart("broker")
        self.ring.wait_ready()
        status = self.operator.status()
        self.assertTrue(status["accepting"] and status["ready"])
        self.assertEqual((status["depth"]["scheduled"], status["depth"]["ready"], status["depth"]["out"]), (5, 0, 0))
        totals = status["totals"]
        self.assertEqual((totals["accepted"], totals["sent"], totals["refused"]), (17, 10, 2))
        stages = {"sender-1": ("sender", "ok", 64), "sender-2": ("sender", "ok", 64), "templater-1": ("templater", "ok", 0)}
        until(lambda: stages == {s["name"]: (s["kind"], s["state"], s.get("slots", 0)) for s in self.operator.status()["stages"]}
              or pause(), "all have joined again")
        self.ring["sender-1"].signal(signal.SIGSTOP)
        until(lambda: "sender-1" not in {s["name"] for s in self.operator.status()["stages"]} or pause(), "it fell silent")
        self.ring["sender-1"].signal(signal.SIGCONT)

    def test_drain(self):
        self.ring.sim.post("/sim/latency", "50")
        self.push(200, "d")
        self.ok("pause", filter={"all": True})
        until(lambda: self.depth()["out"] == 0 or pause(), "nothing is out")
        count = len(self.sent())
        for name in ("broker", "sender-1", "templater-1"):
            self.ring.restart(name, "term")
        self.ring.wait_ready()
        self.assertEqual(len(self.sent()), count, "still paused")
        self.ok("resume", filter={"all": True})
        self.wait_sent(200)
        self.assertEqual(len(set(self.sent())), 200)


if __name__ == "__main__":
    unittest.main()
