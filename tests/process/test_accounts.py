"""One account in trouble never slows another, nor holds more than its share of slots while others have work: calls that are not answered,
no connection, no access token. What an account may hold is asked of the broker and counted by the simulator; nothing here is timed."""
import unittest

from ring import APP_ID, SECRET, Ring, pause, until

OTHER = "wx2222222222222222"
SLOTS = 16
EIGHTH = SLOTS // 8


class Accounts(unittest.TestCase):
    def begin(self, sender=None, base=None, secret=SECRET, sim=()):
        def give_base(ring, sections):
            ring.conf["wechat:bad"]["api_base"] = base or ring.sim.base
            return sections
        accounts = ["--account", APP_ID + ":" + SECRET, "--account", OTHER + ":" + SECRET]
        self.ring = Ring(senders=1, sim=accounts + list(sim), ini=give_base,
                         conf={"sender": dict({"slots": str(SLOTS)}, **(sender or {})), "broker": {"out_max": "10m", "send_patience": "10m"},
                               "wechat:bad": {"app_id": OTHER, "app_secret": secret, "max_attempts": "1000"}})
        self.ring.__enter__()
        self.addCleanup(self.ring.__exit__, None, None, None)
        self.client, self.operator, self.sim = self.ring.client(), self.ring.operator(), self.ring.sim

    def push_bad(self, count=200):
        results = self.client.ask(*[dict(op="push", app="bad", openid="b%d" % i, key="test", vars={"n": "1"}) for i in range(count)])
        self.assertEqual({r["code"] for r in results}, {200})

    def out(self, app):
        return [a["out"] for a in self.operator.status()["accounts"] if a["name"] == app][0]

    def send_good(self, count=40):
        """One after the other: each has to find a slot."""
        for i in range(count):
            result = self.client.ask_one(op="send", openid="g%d" % i, key="test", vars={"n": "1"})
            self.assertEqual(result["code"], 200, result)

    def good_delivered(self):
        return [e["openid"] for e in self.sim.delivered() if e["app"] == APP_ID]

    def test_all_calls_hang(self):
        """While it was alone it could take all slots but an eighth; these hang for minutes, and the other account's Sends go through."""
        self.begin(sender={"timeout": "5m"}, sim=["--fault", OTHER + "/*=hang"])
        self.push_bad()
        until(lambda: self.out("bad") == SLOTS - EIGHTH or pause(), "its calls hang")
        self.send_good()
        self.assertEqual(self.out("bad"), SLOTS - EIGHTH)
        self.assertEqual(len(self.good_delivered()), 40)
        self.assertEqual(self.sim.get("/sim/stats")["in_flight"], SLOTS - EIGHTH)

    def test_time_outs(self):
        """Once its calls are seen not to be answered it holds an eighth, alone or not."""
        self.begin(sender={"timeout": "300ms"}, sim=["--fault", OTHER + "/*=hang"])
        self.push_bad()
        until(lambda: self.out("bad") == SLOTS - EIGHTH or pause(), "it takes what there is")
        until(lambda: self.out("bad") <= EIGHTH or pause(), "it is left with an eighth")
        results = self.client.submit([dict(op="push", openid="p%d" % i, key="test", vars={"n": "1"}) for i in range(400)])
        self.client.collect(results)
        most = 0

        def is_done():
            nonlocal most
            most = max(most, self.out("bad"))
            return len(self.good_delivered()) >= 400 or pause()
        until(is_done, "the other account's messages")
        self.assertLessEqual(most, EIGHTH)
        self.sim.post("/sim/faults", "")  # it is answered again: everything arrives, once
        self.sim.wait(delivered=600)
        self.assertEqual(len(self.sim.delivered()), 600)

    def test_no_connection(self):
        self.begin(base="http://127.0.0.1:1")
        self.push_bad()
        self.send_good()
        self.assertLessEqual(self.out("bad"), SLOTS - EIGHTH)

    def test_no_token(self):
        self.begin(secret="f" * 32)
        self.push_bad()
        self.send_good()
        accounts = {a["name"]: a for a in self.operator.status()["accounts"]}
        self.assertIn("40125", accounts["bad"]["stopped"])
        self.assertEqual((accounts["bad"]["waiting"] + accounts["bad"]["out"], accounts["bad"]["dead"]), (200, 0))


if __name__ == "__main__":
    unittest.main()
