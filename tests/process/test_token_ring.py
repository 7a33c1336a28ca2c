"""Four senders, and a token that something outside ends again and again: nothing is lost or refused for it, one fetch each time."""
import unittest

from ring import Ring
from test_kill import Load

INVALIDATIONS = 12
BETWEEN = 150  # deliveries


class Invalidated(unittest.TestCase):
    def test_under_load(self):
        with Ring(senders=4, sim=["--latency", "5-30"]) as ring:
            load = [Load(ring, "a"), Load(ring, "b")]
            for thread in load:
                thread.start()
            for i in range(INVALIDATIONS):
                # A call in flight had its token looked at before, and may be delivered: only the fetch tells that the end was noticed.
                ring.sim.post("/sim/invalidate")
                delivered = ring.sim.wait(token_fetches=2 + i)["delivered"]
                ring.sim.wait(delivered=delivered + BETWEEN)
            for thread in load:
                thread.finish()
            accepted = [x for thread in load for x in thread.pushed + thread.sent]
            ring.sim.wait(delivered=len(accepted))
            stats = ring.sim.get("/sim/stats")
            self.assertEqual((stats["token_fetches"], stats["forced"]), (1 + INVALIDATIONS, 0))
            self.assertEqual({e["result"] for e in ring.sim.journal()}, {"delivered", "refused"})
            self.assertEqual({e["errcode"] for e in ring.sim.journal() if e["result"] == "refused"}, {40001})
            delivered = [e["openid"] for e in ring.sim.journal() if e["result"] == "delivered"]
            self.assertEqual(sorted(delivered), sorted("o" + x for x in accepted))
            account, = ring.operator().status()["accounts"]
            self.assertEqual({name: account[name] for name in ("accepted", "sent", "refused", "expired", "dead")},
                             {"accepted": len(accepted), "sent": len(accepted), "refused": 0, "expired": 0, "dead": 0})


if __name__ == "__main__":
    unittest.main()
