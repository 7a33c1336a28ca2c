"""mega-sender and the kinds of messages that WeChat does not de-duplicate: no call before the broker's leave.

Broker, templater and token keeper are played by the test; the simulator's journal is the proof.
"""
import signal
import socket
import unittest

import ring
from sender_peers import LEASE_MS, PATHS, Case, answer, make_body, ok

KEYLESS = ("custom", "subscribe", "bizsubscribe", "onetime")


class Leave(Case):
    """Kinds without a key: nothing is begun before the broker has said `begun` for just this turn."""

    def calls(self):
        return self.sim.get("/sim/stats")["calls"]

    def custom(self, broker, **job):
        """A customer-service message that leave was asked for."""
        seq = broker.job(kind="custom", **job)
        turn = job.get("turn", 1)
        broker.until(lambda: (seq, turn) in broker.asked(), "leave is asked for")
        return seq

    def assert_no_call(self, broker, calls=0, ms=200):
        broker.for_ms(ms)
        self.assertEqual(self.calls(), calls)

    def test_each_kind_has_its_path(self):
        _, broker = self.with_sim()
        for seq, kind in enumerate(PATHS, 1):
            report = broker.result(kind=kind, openid="o%d" % seq)
            self.check(report, "sent", errcode=0, http_status=200)
            self.assertEqual(bool(report["msgid"]), kind in ("template", "subscribe"))
        for seq, (kind, path) in enumerate(PATHS.items(), 1):
            entry, = self.sim.journal(path)
            self.assertEqual(entry["body"].encode(), make_body(kind, "o%d" % seq, seq))
        self.assertEqual(broker.begins, [[(2, 1)], [(3, 1)], [(4, 1)], [(5, 1)]])  # only those without a key ask

    def test_no_call_before_the_leave(self):
        _, broker = self.with_sim()
        broker.grants = False
        for i, kind in enumerate(KEYLESS):
            seq = broker.job(kind=kind, openid="o%d" % i)
            broker.until(lambda: (seq, 1) in broker.asked(), "leave is asked for")
            self.assert_no_call(broker, i)
            self.assertEqual(self.sim.journal(PATHS[kind]), [])
            broker.begun((seq, 1))
            self.check(broker.report(seq), "sent")
            self.assertEqual(len(self.sim.journal(PATHS[kind])), 1)

    def test_leave_for_something_else(self):
        _, broker = self.with_sim()
        broker.grants = False
        seq = self.custom(broker, turn=3)
        broker.begun((seq, 2), (seq, 4), (seq + 1, 3))
        broker.begun()
        self.assert_no_call(broker)
        broker.begun((seq, 3))
        broker.begun((seq, 3), (seq, 3))  # said again
        self.check(broker.report(seq), "sent", turn=3)
        broker.begun((seq, 3))
        self.assert_no_call(broker, 1)

    def test_damaged_leave(self):
        _, broker = self.with_sim()
        broker.grants = False
        seq = self.custom(broker)
        for holdings in (seq, [seq, 1], [[seq]], [[seq, 1, 1]], [["x", 1]], {seq: 1}, None):
            broker.say({"t": "begun", "holdings": holdings})
        self.assert_no_call(broker)
        broker.begun((seq, 1))
        self.check(broker.report(seq), "sent")

    def test_granted_in_part(self):
        """What is not granted goes on waiting and keeps its slot; the fence sorts it out."""
        _, broker = self.with_sim()
        broker.grants = False
        seqs = [self.custom(broker, openid="o%d" % i) for i in range(4)]
        template = broker.job(openid="o9")
        broker.begun((seqs[1], 1))
        self.check(broker.report(seqs[1]), "sent")
        self.check(broker.report(template), "sent")  # in the slot that has become free
        self.assert_no_call(broker, 2)
        broker.held.clear()
        broker.fence()
        broker.until(lambda: broker.held, "held")
        self.assertEqual(broker.held[0], (2, []))
        broker.begun(*[(seq, 1) for seq in seqs])  # too late
        self.assert_no_call(broker, 2)
        broker.grants = True
        for seq in (seqs[0], seqs[2], seqs[3]):
            broker.job(kind="custom", openid="o%d" % seq, seq=seq, turn=2)
            self.check(broker.report(seq), "sent", turn=2)
        bodies = [entry["body"] for entry in self.sim.journal(PATHS["custom"])]
        self.assertEqual(len(bodies), 4)
        self.assertEqual(len(set(bodies)), 4)

    def test_slots_are_taken_while_waiting(self):
        _, broker = self.with_sim()
        broker.grants = False
        seqs = [broker.job(kind="custom", openid="o%d" % i) for i in range(4)]
        template = broker.job(openid="o9")
        broker.until(lambda: len(set(broker.asked())) == 4, "leave is asked for")
        self.assert_no_call(broker)
        broker.begun(*[(seq, 1) for seq in seqs])
        for seq in seqs + [template]:
            self.check(broker.report(seq), "sent")
        self.assertLessEqual(self.sim.get("/sim/stats")["max_in_flight"], 4)

    def test_begun_and_fenced(self):
        """The leave and the fence right behind it: the call has begun and is held, and what of it was not written yet is given back."""
        _, broker = self.with_sim()
        broker.grants = False
        seq, other = self.custom(broker), self.custom(broker, openid="o2")
        self.sim.post("/sim/pause")
        self.sender.signal(signal.SIGSTOP)  # so that it reads both at once
        broker.held.clear()
        broker.begun((seq, 1))
        broker.fence()
        self.sender.signal(signal.SIGCONT)
        broker.until(lambda: broker.held, "held")
        self.assertEqual(broker.held[0], (2, [(seq, 1)]))
        self.sim.post("/sim/resume")
        self.check(broker.report(seq), "returned", calls=0)
        self.assertNotIn(other, [r["seq"] for r in broker.reports])
        self.assertEqual(self.calls(), 0)

    def test_fenced_and_begun(self):
        """The other way round: the fence has dropped it, the leave comes too late."""
        _, broker = self.with_sim()
        broker.grants = False
        seq = self.custom(broker)
        broker.held.clear()
        broker.fence()
        broker.begun((seq, 1))
        broker.until(lambda: broker.held, "held")
        self.assertEqual(broker.held[0], (2, []))
        self.assert_no_call(broker)
        begins = len(broker.begins)
        self.assert_no_call(broker, ms=LEASE_MS)
        self.assertEqual(len(broker.begins), begins)  # nor is it asked for again

    def test_asked_again_after_half_a_lease(self):
        _, broker = self.with_sim()
        broker.grants = False
        seq = self.custom(broker)
        broker.until(lambda: broker.asked().count((seq, 1)) >= 3, "asked for again and again")
        self.assertEqual(self.calls(), 0)
        broker.grants = True
        self.check(broker.report(seq), "sent")
        self.assert_no_call(broker, 1, LEASE_MS)

    def test_asked_again_after_a_lost_connection(self):
        """The question or its answer was lost with it. All that wait are asked for in one message."""
        _, broker = self.with_sim(sections={"broker": {"lease": "60s"}})  # so not because of the time
        broker.grants = False
        seqs = [self.custom(broker, openid="o%d" % i) for i in range(3)]
        broker.begins.clear()
        broker.held.clear()
        broker.lose_connection()
        broker.until(lambda: broker.begins, "asked for again")
        self.assertEqual(broker.begins, [[(seq, 1) for seq in seqs]])
        self.assertEqual(broker.held, [(1, [])])
        self.assertEqual(self.calls(), 0)
        broker.begun(*[(seq, 1) for seq in seqs])
        for seq in seqs:
            self.check(broker.report(seq), "sent")
        self.assertEqual(self.calls(), 3)

    def test_welcomed_in_another_generation(self):
        """The broker was started anew: what waited is dropped, and not asked for."""
        _, broker = self.with_sim()
        broker.grants = False
        seq = self.custom(broker)
        broker.begins.clear()
        broker.held.clear()
        broker.generation += 1
        broker.say({"t": "who"})
        broker.until(lambda: broker.held, "welcomed")
        self.assertEqual(broker.held[0], (2, []))
        broker.begun((seq, 1))
        self.assert_no_call(broker, ms=LEASE_MS)
        self.assertEqual(broker.begins, [])

    def test_the_broker_is_away(self):
        """No welcome: leave that comes after the lease is none; it is asked for again afterwards."""
        _, broker = self.with_sim()
        broker.grants = False
        seq = self.custom(broker)
        broker.beats_back = broker.welcomes = False
        hellos = broker.hellos
        broker.until(lambda: broker.hellos > hellos, "the lease ran out")
        broker.begun((seq, 1))
        self.assert_no_call(broker)
        broker.welcomes = broker.beats_back = True
        broker.begins.clear()
        broker.until(lambda: broker.begins, "asked for again")
        self.assertEqual(self.calls(), 0)
        broker.begun((seq, 1))
        self.check(broker.report(seq), "sent")

    def test_stopped_with_the_leave_in_its_socket(self):
        """STOP for longer than the lease; the leave lay in the socket meanwhile."""
        _, broker = self.with_sim()
        broker.grants = False
        seq = self.custom(broker)
        self.sender.signal(signal.SIGSTOP)
        broker.begun((seq, 1))
        broker.for_ms(LEASE_MS + 100)
        broker.generation += 1
        hellos = broker.hellos
        broker.held.clear()
        self.sender.signal(signal.SIGCONT)
        broker.until(lambda: broker.hellos > hellos and broker.held, "welcomed again")
        self.assertEqual(broker.held[-1], (2, []))
        self.assert_no_call(broker)

    def test_newer_turn(self):
        _, broker = self.with_sim()
        broker.grants = False
        seq = self.custom(broker)
        broker.job(kind="custom", seq=seq, turn=2)
        broker.until(lambda: (seq, 2) in broker.asked(), "leave is asked for")
        broker.begun((seq, 1))
        self.assert_no_call(broker)
        broker.begun((seq, 2))
        self.check(broker.report(seq), "sent", turn=2)

    def test_no_token_when_the_leave_comes(self):
        _, broker = self.with_server(answer('{"errcode":42001}'))
        broker.grants = False
        seq = self.custom(broker)
        self.token.tokens = {}
        template = broker.job(openid="o2")
        broker.until(lambda: self.token.rejected, "WeChat has rejected the token")
        broker.begun((seq, 1))
        self.check(broker.report(seq), "returned", "token", calls=0)
        self.check(broker.report(template), "retry")
        # without a token leave is not even asked for
        late = broker.job(kind="custom", openid="o3")
        self.check(broker.report(late), "returned", calls=0)
        self.assertNotIn((late, 1), broker.asked())
        self.assertEqual(len(self.server.requests), 1)

    def test_rejected_token(self):
        """WeChat did nothing: the second call of the turn needs no other leave."""
        _, broker = self.with_sim("--fault", "exp=expire")
        for i, kind in enumerate(KEYLESS):
            seq = broker.job(kind=kind, openid="exp%d" % i)
            self.check(broker.report(seq), "sent", calls=2)
            self.assertEqual(broker.asked().count((seq, 1)), 1)
            self.assertEqual([entry["result"] for entry in self.sim.journal(PATHS[kind])], ["fault", "delivered"])

    def test_outcomes(self):
        """Whatever may have been taken is unknown, and is called once."""
        _, broker = self.with_sim("--fault", "a=cut", "--fault", "b=cut-after", "--fault", "c=hang", "--fault",
                                  "d=http500", "--fault", "e=garbage", "--fault", "f=empty", "--fault", "g=45015",
                                  "--fault", "h=-1", "--fault", "i=45009")
        for kind in KEYLESS:
            for openid, outcome in (("a", "unknown"), ("b", "unknown"), ("c", "unknown"), ("d", "unknown"),
                                    ("e", "unknown"), ("f", "unknown"), ("g", "refused"), ("h", "retry"),
                                    ("i", "retry")):
                with self.subTest(kind + " " + openid):
                    self.check(broker.result(kind=kind, openid=openid), outcome)
            self.assertEqual(len(self.sim.journal(PATHS[kind])), 9)

    def test_dies_on_a_used_connection(self):
        """libcurl does not repeat it by itself."""
        _, broker = self.with_server(ok(), lambda c, r: 0, ok())
        self.check(broker.result(kind="custom"), "sent")
        self.check(broker.result(kind="custom"), "unknown", "without an answer")
        self.assertEqual(len(self.server.requests), 2)

    def test_not_reached(self):
        """Not a byte was written: that is no unknown outcome."""
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        for base in ("http://127.0.0.1:1", "http://wechat.invalid", "https://127.0.0.1:%d" % silent.getsockname()[1]):
            with self.subTest(base):
                _, broker = self.with_server(base=base)
                self.check(broker.result(kind="custom"), "retry", "WeChat not reached")

    def test_offered_again_and_not_called_again(self):
        _, broker = self.with_sim()
        broker.confirms = False
        seq = self.custom(broker)
        self.check(broker.report(seq), "sent")
        broker.held.clear()
        broker.generation += 1
        broker.say({"t": "who"})
        broker.until(lambda: broker.held, "held")
        self.assertEqual(broker.held[0], (2, [(seq, 1)]))
        broker.job(kind="custom", seq=seq, turn=2)
        self.check(broker.report(seq, turn=2), "sent")
        self.assertEqual(self.calls(), 1)

    def test_term(self):
        """What waits for leave is returned, even when the leave comes meanwhile."""
        _, broker = self.with_sim()
        slow = broker.job(openid="slow")
        self.check(broker.report(slow), "sent")
        broker.grants = False
        seq = self.custom(broker)
        self.sim.post("/sim/pause")
        slow = broker.job(openid="slow")
        broker.until(lambda: self.sim.get("/sim/stats")["in_flight"] == 1, "in flight")
        self.sender.signal(signal.SIGTERM)
        broker.until(lambda: "stopping" in self.sender.log(), "stopping")
        broker.begun((seq, 1))
        broker.for_ms(100)
        self.sim.post("/sim/resume")
        broker.until(lambda: broker.byes, "goodbye")
        self.check(broker.report(seq), "returned", "stopping", calls=0)
        self.check(broker.report(slow), "sent")
        self.assertEqual(self.sender.process.wait(ring.LIMIT_S), 0)
        self.assertEqual(self.sim.journal(PATHS["custom"]), [])


if __name__ == "__main__":
    unittest.main()
