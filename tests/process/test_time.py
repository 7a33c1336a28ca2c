"""Promises of time: the wall clock is set forward and back while messages wait, are sent, fail and expire. What is scheduled
goes at its wall time, once; everything else goes on as if nothing had happened."""
import unittest

import chaos
from ring import LIMIT_S, pause, until
from wall_clock import DAY_S, HOUR_S, ClockRing

MARGIN_S = 300  # a schedule is looked at so long before its time: more than a test takes


def names(prefix, count):
    return ["%s%d" % (prefix, i) for i in range(count)]


class Schedules(unittest.TestCase):
    """48 hours, 30 days, 400 days."""

    def schedule(self, ring):
        """Pushes them, the last due ones first; returns [(due, ids)] in the order of their time."""
        plan = []
        for days in (400, 30, 2):
            # A second less than 400 days: the broker may have looked at the clock a little earlier.
            due_ms, ids = ring.now_ms() + days * DAY_S * 1000 - 1000, names("d%d-" % days, 3)
            ring.push(*[{"id": x, "at": due_ms} for x in ids[:2]], {"id": ids[2], "in": days * DAY_S * 1000})
            plan.insert(0, (due_ms, ids))
        return plan

    def follow(self, ring, plan, before, at_due):
        """Goes along the plan: just before each time nothing goes, then what is due goes once and in order."""
        expected = []
        for due_ms, ids in plan:
            before(due_ms - MARGIN_S * 1000)
            ring.barrier()
            self.assertEqual(ring.delivered(), expected, "before its time")
            at_due(due_ms + 30000)
            self.assertEqual(set(ring.settled(*ids)), {"sent"})
            expected += ids
            self.assertEqual(ring.delivered(), expected)
        ring.barrier()
        self.assertEqual([n for n, _ in ring.calls()], expected, "called more than once")

    def test_broker_runs(self):
        with ClockRing() as ring:
            self.follow(ring, self.schedule(ring), ring.step_to, ring.step_to)

    def test_broker_is_killed(self):
        """Before the time, and in the moment when they go."""
        with ClockRing() as ring:
            def before(wall_ms):
                ring.step_to(wall_ms)
                ring.restart("broker")
                ring.wait_ready()

            def at_due(wall_ms):
                ring.step_to(wall_ms)
                ring.restart("broker")
            self.follow(ring, self.schedule(ring), before, at_due)

    def test_broker_is_down_meanwhile(self):
        with ClockRing() as ring:
            def down(wall_ms):
                ring["broker"].kill()
                ring.set_wall(wall_ms)
                ring["broker"].start()
                ring.wait_ready()
            self.follow(ring, self.schedule(ring), down, down)


class StepBack(unittest.TestCase):
    """The clock is set back by an hour."""

    def test_immediate_messages_go_on_in_order(self):
        """Those that wait already, and those that come behind the step: for one recipient and for many."""
        with ClockRing() as ring:
            ring.sim.post("/sim/pause")
            ids = names("m", 10)
            ring.push(*[{"id": x, "openid": "one" if i % 2 else x} for i, x in enumerate(ids[:5])])
            ring.sim.wait(calls=1)
            ring.step(-HOUR_S)
            ring.push(*[{"id": x, "openid": "one" if i % 2 else x} for i, x in enumerate(ids[5:], 5)])
            ring.sim.post("/sim/resume")
            ring.settled(*ids)
            self.assertEqual(ring.delivered(), ids)
            clock = ring.operator().status()["clock"]  # what an alarm goes by
            self.assertEqual(clock["steps"], 1)
            self.assertLess(abs(clock["step_ms"] + HOUR_S * 1000), 1000)
            self.assertLess(clock["ago_ms"], LIMIT_S * 1000)

    def test_scheduled_message_waits_for_its_wall_time(self):
        """One accepted before the step, one behind it: the latter's time has been once already."""
        with ClockRing() as ring:
            due_ms = ring.now_ms() + MARGIN_S * 1000
            ring.push(id="before", at=due_ms)
            ring.step(-HOUR_S)
            ring.push(id="behind", at=ring.now_ms() + MARGIN_S * 1000)
            ring.barrier()
            self.assertEqual(ring.calls(), [])
            ring.step(HOUR_S)
            self.assertEqual(ring.settled("behind"), ["sent"])
            ring.barrier()
            self.assertEqual(ring.delivered(), ["behind"])
            ring.step_to(due_ms)
            self.assertEqual(ring.settled("before"), ["sent"])
            ring.barrier()
            self.assertEqual(ring.calls(), [("behind", "delivered"), ("before", "delivered")])

    def test_scheduled_message_is_not_sent_again(self):
        """Set back just after it was sent, and while it is being sent; then its time comes for the second time."""
        with ClockRing() as ring:
            due_ms = ring.now_ms() + HOUR_S * 1000
            ring.push({"id": "sent", "at": due_ms}, {"id": "called", "at": due_ms + 1})
            ring.sim.post("/sim/pause")
            ring.step_to(due_ms)
            ring.sim.post("/sim/resume")
            ring.settled("sent")
            ring.sim.post("/sim/pause")
            ring.step(-HOUR_S)
            ring.sim.post("/sim/resume")
            ring.settled("called")
            for restart in (False, True):
                if restart:
                    ring.restart("broker")
                    ring.wait_ready()
                ring.step(2 * HOUR_S)
                ring.barrier()
                ring.step(-2 * HOUR_S)
            self.assertEqual(ring.calls(), [("sent", "delivered"), ("called", "delivered")])

    def test_retry_does_not_wait_for_the_hour(self):
        with ClockRing(broker={"backoff": "1s"}, sim=["--fault", "r=-1*1"]) as ring:
            ring.push(id="r", openid="r")
            until(lambda: 'event="message waits"' in ring["broker"].log() or pause(), "its call failed")
            ring.step(-HOUR_S)
            self.assertEqual(ring.settled("r"), ["sent"])
            self.assertEqual(ring.delivered(), ["r"])

    def test_retry_when_the_broker_was_down(self):
        """The broker comes back and finds the clock an hour behind what it knew."""
        with ClockRing(broker={"backoff": "1s"}, sim=["--fault", "r=-1*1"]) as ring:
            ring.push(id="r", openid="r")
            until(lambda: 'event="message waits"' in ring["broker"].log() or pause(), "its call failed")
            self.down(ring, -HOUR_S)
            self.assertEqual(ring.settled("r"), ["sent"])
            self.assertEqual(ring.delivered(), ["r"])

    def down(self, ring, by_s):
        ring["broker"].kill()
        ring.set_clock(ring.ahead_s + by_s)
        ring["broker"].start()
        ring.wait_ready()

    def test_patience_of_a_send_is_not_prolonged(self):
        with ClockRing(broker={"backoff": "200ms", "send_patience": "1500ms"}, sim=["--fault", "f=-1"]) as ring:
            client = ring.client()
            asked = client.submit([dict(op="send", id="f", openid="f", key="test", vars={"n": "f"})])
            ring.sim.wait(calls=1)
            ring.step(-HOUR_S)
            result, = client.collect(asked, again_s=60).values()
            self.assertEqual((result["code"], result["state"]), (500, "dead"))

    def test_ttl_is_not_prolonged(self):
        """Of a Push and of a Send that wait, and are not scheduled."""
        with ClockRing() as ring:
            ring.operator().ask("pause", filter={"task": "x"})
            ring.push(id="p", task="x", ttl=2000)
            client = ring.client()
            asked = client.submit([dict(op="send", id="s", openid="s", key="test", task="x", ttl=2000)])
            ring.barrier()
            ring.step(-HOUR_S)
            result, = client.collect(asked, again_s=60).values()
            self.assertEqual((result["code"], result["state"]), (408, "expired"))
            self.assertEqual(ring.settled("p"), ["expired"])
            self.assertEqual(ring.calls(), [])

    def test_unknown_outcome_keeps_its_client_msg_id(self):
        """The sender is killed in mid-call. While the broker runs on, it knows how long ago that was, whatever the clock says. When the
        clock was set back while it was down nobody knows, and WeChat may have forgotten the call: it is not made again."""
        for down in (False, True):
            with self.subTest(down=down), ClockRing() as ring:
                ring.sim.post("/sim/pause")
                ring.push(id="u")
                ring.sim.wait(calls=1)
                ring["sender-1"].kill()
                if down:
                    ring["broker"].kill()
                    ring.set_clock(-HOUR_S)
                    ring["broker"].start()
                else:
                    ring.step(-HOUR_S)
                ring.sim.post("/sim/resume")
                ring["sender-1"].start()
                self.assertEqual(ring.settled("u"), ["dead"] if down else ["sent"])
                self.assertEqual(ring.calls(), [("u", "delivered")] + ([] if down else [("u", "duplicate")]))

    def test_order_when_the_broker_was_down(self):
        """Messages behind a call of their recipient wait there; those accepted by the broker that comes back follow them."""
        for slots in (1, 64):
            with self.subTest(slots=slots), ClockRing(slots=slots) as ring:
                ids = names("p", 8)
                ring.sim.post("/sim/pause")
                ring.push(*[{"id": x, "openid": "one"} for x in ids[:4]])
                ring.sim.wait(calls=1)
                self.down(ring, -HOUR_S)
                ring.push(*[{"id": x, "openid": "one"} for x in ids[4:]])
                ring.sim.post("/sim/resume")
                ring.settled(*ids)
                self.assertEqual(ring.delivered(), ids)

    def test_restart_while_the_clock_is_behind(self):
        """The step comes first, then the restart: immediate messages and retries of before and after."""
        with ClockRing(broker={"backoff": "1s"}, sim=["--fault", "r=-1*1"]) as ring:
            ring.sim.post("/sim/pause")
            ids = names("p", 8)
            ring.push(*[{"id": x, "openid": "one"} for x in ids[:4]])
            ring.sim.wait(calls=1)
            ring.step(-HOUR_S)
            ring.push(id="r1", openid="r1")
            self.down(ring, 0)
            ring.push(*[{"id": x, "openid": "one"} for x in ids[4:]])
            ring.push(id="r2", openid="r2")
            ring.sim.post("/sim/resume")
            self.assertEqual(set(ring.settled("r1", "r2", *ids)), {"sent"})
            self.assertEqual([n for n in ring.delivered() if n in ids], ids)


class StepForward(unittest.TestCase):
    """The clock is set forward by a day."""

    def test_what_falls_due_goes_once(self):
        with ClockRing() as ring:
            now_ms = ring.now_ms()
            ring.push(*[{"id": "h%d" % hours, "at": now_ms + hours * HOUR_S * 1000} for hours in (25, 23, 1, 12)])
            ring.step(DAY_S)
            ring.settled("h1", "h12", "h23")
            ring.barrier()
            self.assertEqual(ring.calls(), [("h1", "delivered"), ("h12", "delivered"), ("h23", "delivered")])

    def test_message_in_back_off_is_not_lost(self):
        with ClockRing(broker={"backoff": "2s"}, sim=["--fault", "r=-1*1"]) as ring:
            ring.push(id="r", openid="r")
            until(lambda: 'event="message waits"' in ring["broker"].log() or pause(), "its call failed")
            ring.step(DAY_S)
            self.assertEqual(ring.settled("r"), ["sent"])
            self.assertEqual([result for _, result in ring.calls()], ["fault", "delivered"])

    def test_ttl_ends(self):
        """Of a scheduled one with the step; of one whose task is paused and of one in back-off when their time has passed."""
        with ClockRing(broker={"backoff": "10m"}, sim=["--fault", "r=-1*1"]) as ring:
            ring.operator().ask("pause", filter={"task": "x"})
            ring.push({"id": "at", "at": ring.now_ms() + HOUR_S * 1000, "ttl": 60000},
                      {"id": "paused", "task": "x", "ttl": 2000}, {"id": "r", "openid": "r", "ttl": 2000})
            until(lambda: 'event="message waits"' in ring["broker"].log() or pause(), "its call failed")
            ring.step(DAY_S)
            self.assertEqual(ring.settled("at", "paused", "r"), ["expired"] * 3)
            ring.operator().ask("resume", filter={"task": "x"})
            ring.barrier()
            self.assertEqual(ring.calls(), [("r", "fault")])

    def test_send_in_mid_call_is_answered(self):
        with ClockRing() as ring:
            client = ring.client()
            ring.sim.post("/sim/pause")
            asked = client.submit([dict(op="send", id="s", openid="s", key="test", vars={"n": "s"})])
            ring.sim.wait(calls=1)
            ring.step(DAY_S)
            ring.sim.post("/sim/resume")
            result, = client.collect(asked, again_s=60).values()
            self.assertEqual((result["code"], result["state"]), (200, "sent"))


class Steps(unittest.TestCase):
    """Both directions."""

    STEPS = (-HOUR_S, DAY_S, -DAY_S, 2 * HOUR_S, -30 * DAY_S, 30 * DAY_S)

    def test_stages_do_not_notice(self):
        with ClockRing(senders=2, slots=8) as ring:
            until(lambda: ring["broker"].log().count("stage joined") == 3 or pause(), "all stages joined")
            logs = {name: len(stage.log()) for name, stage in ring.stages.items()}
            for step in self.STEPS:
                ring.step(step)
                ring.barrier()
            for name, stage in ring.stages.items():
                for event in ("fell silent", "fence raised", "stage left", "stage joined", "stood still", "lease ran out"):
                    self.assertNotIn(event, stage.log()[logs[name]:], name)

    def test_order_of_two_clients_under_load(self):
        with ClockRing(senders=2, slots=32, sim=["--latency", "1-10"]) as ring:
            callers = [chaos.ZmqCaller(ring, name, "test") for name in "yz"]
            for caller in callers:
                caller.start()
            try:
                for step in self.STEPS:
                    before = ring.sim.get("/sim/stats")["delivered"]
                    ring.sim.wait(delivered=before + 200)  # the load is flowing
                    ring.step(step)
            finally:
                for caller in callers:
                    caller.finish()
            accepted = sum(len(caller.accepted) for caller in callers)
            until(lambda: ring.operator().status()["depth"]["settled"] >= accepted or pause(), "everything is settled")
            lost, doubled, late, delivered, unknown = chaos.compare(ring, callers)
            self.assertEqual((lost, doubled, late, delivered, unknown), ([], [], 0, accepted, 0))

    def test_pause_of_a_task(self):
        """A pause of so many seconds is not prolonged by a step back, nor made shorter by a step forward."""
        for step in (-HOUR_S, DAY_S):
            with self.subTest(step=step), ClockRing() as ring:
                ring.operator().ask("pause", filter={"task": "x"}, **{"for": 2000})
                ring.push({"id": "x1", "task": "x"}, {"id": "x2", "task": "x"})
                ring.barrier()
                self.assertEqual(ring.calls(), [])
                ring.step(step)
                self.assertEqual(ring.settled("x1", "x2"), ["sent", "sent"])
                self.assertEqual(ring.delivered(), ["x1", "x2"])

    def test_pause_survives_a_restart_behind_a_step(self):
        with ClockRing() as ring:
            ring.operator().ask("pause", filter={"task": "x"}, **{"for": 3000})
            ring.push(id="x1", task="x")
            ring.step(-HOUR_S)
            ring.restart("broker")
            ring.wait_ready()
            ring.barrier()
            self.assertEqual(ring.calls(), [])
            self.assertEqual(ring.settled("x1"), ["sent"])


if __name__ == "__main__":
    unittest.main()
