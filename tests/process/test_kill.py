"""Promises 1, 2 and 4: any stage may be killed, stopped and restarted under load; nothing is lost, nothing doubled."""
import collections
import signal
import threading
import unittest

from ring import Ring, pause, until


class Load(threading.Thread):
    """Pushes and Sends by a ZeroMQ client, in the background, until told to stop."""

    def __init__(self, ring, name):
        super().__init__()
        self.client = ring.client()
        self.name_, self.stopped, self.error = name, threading.Event(), None
        self.pushed, self.sent, self.round = [], [], 0

    def run(self):
        try:
            while not self.stopped.is_set():
                self.one_round()
        except BaseException as error:  # reported by finish()
            self.error = error

    def one_round(self):
        ids = ["%s-%d-%d" % (self.name_, self.round, i) for i in range(100)]
        requests = [dict(op="send" if i < 2 else "push", id=x, openid="o" + x, key="test", vars={"n": x})
                    for i, x in enumerate(ids)]
        self.round += 1
        results = self.client.ask(*requests)
        for request, result in zip(requests, results):
            assert result["code"] == 200, (request, result)
            (self.sent if request["op"] == "send" else self.pushed).append(request["id"])

    def finish(self):
        self.stopped.set()
        self.join()
        if self.error:
            raise self.error


class TcpLoad(threading.Thread):
    """Sends over TCP one after the other, as the original's task client does. Every one must be answered with 200."""

    def __init__(self, ring, name):
        super().__init__()
        self.client = ring.tcp()
        self.name_, self.stopped, self.error, self.sent = name, threading.Event(), None, []

    def run(self):
        try:
            while not self.stopped.is_set():
                openid = "%s-%d" % (self.name_, len(self.sent))
                answer = self.client.ask("send o%s test" % openid, len(self.sent), "null")
                assert answer == (200, len(self.sent), b""), answer
                self.sent.append(openid)
        except BaseException as error:  # reported by finish()
            self.error = error

    finish = Load.finish


def compare(test, ring, accepted, dead_sender=False):
    """Every accepted message once at the simulator; with a killed sender twice at most, and then with the same client_msg_id."""
    ring.sim.wait(delivered=len(accepted))
    by_openid = collections.defaultdict(list)
    for entry in ring.sim.journal():
        by_openid[entry["openid"]].append(entry)
    delivered = [e["openid"] for e in ring.sim.journal() if e["result"] == "delivered"]
    test.assertEqual(len(delivered), len(set(delivered)), "delivered twice")
    test.assertEqual(set(delivered), {"o" + x for x in accepted})
    for openid, entries in by_openid.items():
        if len(entries) > 1:
            test.assertTrue(dead_sender, "called twice: %s" % entries)
            test.assertEqual(len({e["client_msg_id"] for e in entries}), 1, entries)


class Kill(unittest.TestCase):
    def run_with_faults(self, faults, latency="5-30", dead_sender=False, tcp=True, **shape):
        with Ring(sim=["--latency", latency], **shape) as ring:
            load, tcp = Load(ring, "a"), TcpLoad(ring, "t") if tcp else None
            loads = [load] + ([tcp] if tcp else [])
            for each in loads:
                each.start()
            try:
                for fault in faults:
                    before = ring.sim.get("/sim/stats")["delivered"]
                    ring.sim.wait(delivered=before + 150)  # the load is flowing
                    fault(ring)
                    ring.wait_ready()
            finally:
                for each in loads:
                    each.finish()
            compare(self, ring, load.pushed + load.sent + (tcp.sent if tcp else []), dead_sender)
            self.all_sent(ring.client(), load.pushed + load.sent)

    def all_sent(self, client, ids):
        """Every message is settled as sent, when the last results have come in."""
        states = set()

        def settled():
            states.clear()
            states.update(r["state"] for r in client.ask(*[dict(op="status", id=x) for x in ids]))
            return not states & {"waiting", "out"}
        until(settled, "all settled")
        self.assertEqual(states, {"sent"})

    def test_broker(self):
        self.run_with_faults([lambda r: r.restart("broker")] * 3)

    def test_broker_term(self):
        self.run_with_faults([lambda r: r.restart("broker", "term")] * 2)

    def test_templater(self):
        self.run_with_faults([lambda r: r.restart("templater-1")] * 3)

    def test_sender(self):
        self.run_with_faults([lambda r: r.restart("sender-1"), lambda r: r.restart("sender-2")] * 2, dead_sender=True)

    def test_sender_term(self):
        self.run_with_faults([lambda r: r.restart("sender-1", "term"), lambda r: r.restart("sender-2", "term")])

    def test_token(self):
        self.run_with_faults([lambda r: r.restart("token")] * 2)

    def test_many_stages(self):
        faults = [lambda r, n=n: r.restart(n) for n in
                  ("templater-1", "sender-2", "broker", "templater-2", "sender-3", "broker", "sender-1")]
        self.run_with_faults(faults, dead_sender=True, templaters=2, senders=3)

    def test_everything_term(self):
        """Everything stopped at once with TERM and started again: doubled 0, without exception."""
        self.run_with_faults([lambda r: r.restart_all(signal.SIGTERM)] * 2, tcp=False, templaters=2, senders=3)

    def test_everything_killed(self):
        self.run_with_faults([lambda r: r.restart_all(signal.SIGKILL)] * 2, dead_sender=True, tcp=False, templaters=2, senders=3)

    def test_sender_is_not_replaced(self):
        """A sender that dies for good: its calls are sent by the other one when the lease is over."""
        def lose(ring):
            ring["sender-1"].kill()
            del ring.stages["sender-1"]
        self.run_with_faults([lose], dead_sender=True)

    def test_gateway(self):
        self.run_with_faults([lambda r: r.restart("gateway-2")] * 2, gateways=2)

    def test_silent_sender(self):
        """Stopped for longer than its lease: its calls are made by the other, and it begins nothing when it wakes up."""
        def stop(ring):
            stop_until_lost(ring, "sender-1")
        self.run_with_faults([stop] * 2, dead_sender=True)

    def test_silent_templater(self):
        self.run_with_faults([lambda r: stop_until_lost(r, "templater-1")], templaters=2)

    def test_silent_broker(self):
        """A broker that stood still blames nobody: no stage is lost for it."""
        def stop(ring):
            # As long as it takes the senders to notice: their leases run out.
            ring["broker"].signal(signal.SIGSTOP)
            until(lambda: "lease ran out" in ring["sender-1"].log() or pause(), "sender notices")
            ring["broker"].signal(signal.SIGCONT)
            until(lambda: ring["sender-1"].log().count("welcomed by the broker") > 1 or pause(), "sender is welcomed again")
            self.assertNotIn("fell silent", ring["broker"].log())
        self.run_with_faults([stop])


def stop_until_lost(ring, name):
    lost = ring["broker"].log().count("fell silent")
    ring[name].signal(signal.SIGSTOP)
    until(lambda: ring["broker"].log().count("fell silent") > lost or pause(), name + " is given up")
    ring[name].signal(signal.SIGCONT)
    joined = ring["broker"].log().count("stage joined")
    until(lambda: ring["broker"].log().count("stage joined") >= joined or pause(), name + " is back")


if __name__ == "__main__":
    unittest.main()
