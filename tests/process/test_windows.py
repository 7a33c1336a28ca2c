"""Customer-service windows counted by the broker: what it says of a recipient's windows is what WeChat (the simulator with --windows on)
says of them; what cannot go is not tried, and falls back or is refused with WeChat's code; counts outlive restarts and kills; where the
broker knows nothing, and where it was wrong, WeChat decides."""
import json
import random
import signal
import time
import unittest

from ring import LIMIT_S, SIMPLE, Ring, pause, until
from wall_clock import ClockRing

KF, TEMPLATE = "/cgi-bin/message/custom/send", "/cgi-bin/message/template/send"
CUSTOM = json.dumps({"touser": "${OPENID}", "msgtype": "text", "text": {"content": "${n}"}, "$mega": {"kind": "custom"}})
FALLS = json.dumps({"touser": "${OPENID}", "msgtype": "text", "text": {"content": "${n}"}, "$mega": {"kind": "custom", "fallback": "plain"}})
ONLY_USED = json.dumps({"touser": "${OPENID}", "msgtype": "text", "text": {"content": "${n}"},
                        "$mega": {"kind": "custom", "fallback": "plain", "fallback_on": [45047]}})
TEMPLATES = {"plain": SIMPLE, "custom": CUSTOM, "falls": FALLS, "only-used": ONLY_USED}
TABLE = {"window_message": "5/48h", "window_menu": "3/1m", "window_follow": "3/1m", "window_scan": "3/1m", "window_pay": "0/48h"}


def now_ms():
    return int(time.time() * 1000)


class Case(unittest.TestCase):
    def begin(self, ring):
        self.ring = ring
        ring.__enter__()
        self.addCleanup(ring.__exit__, None, None, None)
        self.client, self.operator, self.sent = ring.client(), ring.operator(), 0

    def tell(self, openid, action, **more):
        result = self.client.ask_one(op="window", openid=openid, action=action, **more)
        self.assertEqual(result["code"], 200, result)

    def did(self, openid, action, at_wechat=True, **more):
        """The recipient does something: WeChat knows, and the broker is told."""
        if at_wechat:
            self.ring.sim.post("/sim/user?openid=%s&did=%s" % (openid, action))
        self.tell(openid, action, **more)

    def send(self, openid, key="custom"):
        self.sent += 1
        return self.client.ask_one(op="send", id="m%d" % self.sent, openid=openid, key=key, vars={"n": "m%d" % self.sent})

    def sends(self, openid, count, key="custom"):
        return [(r["code"], r.get("errcode", 0)) for r in (self.send(openid, key) for _ in range(count))]

    def calls(self, openid):
        return [(e["path"], e["errcode"]) for e in self.ring.sim.journal(None) if e.get("openid") == openid]

    def windows(self, openid):
        return {w.pop("action"): w for w in self.operator.ask("windows", filter={"openid": openid}).get("data", [])}


class Windows(Case):
    def setUp(self):
        self.begin(Ring(templates=TEMPLATES, conf={"wechat": TABLE}, sim=["--windows", "on"]))

    def test_used_up(self):
        """Five messages in 48 hours: the sixth is refused as WeChat would refuse it, and WeChat is not asked."""
        self.did("oA", "message")
        self.assertEqual(self.sends("oA", 7), [(200, 0)] * 5 + [(400, 45047)] * 2)
        self.assertEqual(self.calls("oA"), [(KF, 0)] * 5)
        entry = self.operator.ask("show", filter={"id": "m7"})["data"]
        self.assertEqual((entry["state"], entry["errcode"], entry.get("calls", 0)), ("refused", 45047, 0))
        told = json.loads(entry["message"])
        self.assertEqual((told["errcode"], told["openid"]), (45047, "oA"))
        self.assertIn("not asked", told["errmsg"])
        self.did("oA", "menu")
        self.assertEqual(self.sends("oA", 4), [(200, 0)] * 3 + [(400, 45047)])
        self.assertEqual(self.calls("oA"), [(KF, 0)] * 8)
        account, = self.operator.status()["accounts"]
        self.assertEqual((account["sent"], account["refused"], account.get("failed", 0)), (8, 3, 0))
        self.assertNotIn("stopped", account)
        self.assertNotIn("rate_limit", account)

    def test_none_open(self):
        """Who has unfollowed gets nothing: not called."""
        self.did("oB", "follow")
        self.did("oB", "unfollow", at=now_ms() + 1)
        self.assertEqual(self.sends("oB", 2), [(400, 45015)] * 2)
        self.assertEqual(self.calls("oB"), [])
        self.assertEqual(self.sends("oB", 1, "plain"), [(400, 43004)])  # other kinds are not looked at: WeChat says that he is gone
        self.did("oB", "message", at=now_ms() + 2)
        self.assertEqual(self.sends("oB", 1), [(200, 0)])

    def test_fallback(self):
        self.did("oC", "scan")
        self.assertEqual(self.sends("oC", 5, "falls"), [(200, 0)] * 5)
        self.assertEqual(self.calls("oC"), [(KF, 0)] * 3 + [(TEMPLATE, 0)] * 2)
        entry = self.operator.ask("show", filter={"id": "m5"})["data"]
        self.assertEqual((entry["state"], entry["fallback"], entry["calls"]), ("sent", "plain", 1))
        first, = entry["tries"]
        self.assertEqual((first["outcome"], first["errcode"]), ("refused", 45047))
        self.assertIn("not asked", first["message"])
        self.assertEqual(self.operator.status()["accounts"][0]["fallbacks"], 2)
        self.did("oC", "unfollow", at_wechat=False, at=now_ms() + 1)
        self.assertEqual(self.sends("oC", 1, "only-used"), [(400, 45015)])  # fallback_on decides

    def test_order_is_kept(self):
        """Pushes for one recipient, more than his window takes: the first ones go, in their order, the rest falls back or is refused."""
        self.did("oD", "message")
        asked = [dict(op="push", id="d%d" % i, openid="oD", key="falls" if i % 2 else "custom", vars={"n": "d%d" % i}) for i in range(20)]
        self.assertEqual({r["code"] for r in self.client.ask(*asked)}, {200})
        ends = [r["state"] for r in self.client.ask(*[dict(op="status", id=r["id"], wait=True) for r in asked])]
        self.assertEqual(ends, ["sent"] * 5 + ["sent", "refused"] * 7 + ["sent"])
        said = [json.loads(e["body"])["text"]["content"] for e in self.ring.sim.journal(KF)]
        self.assertEqual(said, ["d%d" % i for i in range(5)])

    def test_unknown_recipients(self):
        """Nothing was told of him: WeChat decides, and its answer makes no record."""
        self.assertEqual(self.sends("oE", 2), [(400, 45015)] * 2)
        self.assertEqual(self.calls("oE"), [(KF, 45015)] * 2)
        answer = self.operator.ask("windows", filter={"openid": "oE"})
        self.assertEqual(answer["code"], 404)
        self.assertIn("WeChat decides", answer["message"])

    def test_wechat_corrects(self):
        """The broker was told of something that WeChat does not know; and of one message more than WeChat allows."""
        self.did("oF", "message", at_wechat=False, at=now_ms() - 5000)
        self.assertEqual(self.sends("oF", 3), [(400, 45015)] * 3)
        self.assertEqual(self.calls("oF"), [(KF, 45015)])
        self.ring.sim.post("/sim/window?did=message&messages=2")
        self.did("oG", "message", at=now_ms() - 5000)
        self.assertEqual(self.sends("oG", 5), [(200, 0)] * 2 + [(400, 45047)] * 3)
        self.assertEqual(self.calls("oG"), [(KF, 0)] * 2 + [(KF, 45047)])
        self.did("oF", "message")
        self.assertEqual(self.sends("oF", 1), [(200, 0)])

    def test_told_again_late_and_out_of_order(self):
        at = now_ms() - 10000
        self.did("oH", "message", at=at)
        self.assertEqual(self.sends("oH", 3), [(200, 0)] * 3)
        for _ in range(3):
            self.tell("oH", "message", at=at)
            self.tell("oH", "message", at=at - 60000)
            self.tell("oH", "unfollow", at=at - 1)
        self.assertEqual(self.windows("oH")["message"]["left"], 2)
        self.assertEqual(self.sends("oH", 4), [(200, 0)] * 2 + [(400, 45047)] * 2)
        self.tell("oH", "unfollow", at=at + 5000)
        self.tell("oH", "menu", at=at + 4000)
        self.assertEqual(self.sends("oH", 1), [(400, 45015)])
        self.assertNotIn("menu", self.windows("oH"))

    def test_shown(self):
        at = now_ms()
        self.did("oI", "message", at=at)
        self.did("oI", "pay", at=at)
        self.did("oI", "scan", at=at - 120000)
        self.sends("oI", 1)
        self.assertEqual(self.windows("oI"), {
            "message": {"at": at, "until": at + 48 * 3600000, "open": True, "left": 4},
            "pay": {"at": at, "until": at + 48 * 3600000, "open": True},
            "scan": {"at": at - 120000, "until": at - 60000}})
        self.tell("oI", "unfollow", at=at + 1000)
        self.assertEqual(self.windows("oI")["unfollow"], {"at": at + 1000})
        self.assertNotIn("open", self.windows("oI")["pay"])

    def test_refused_requests(self):
        for request, said in ((dict(action="nod"), "action: unknown"), (dict(), "action: missing"), (dict(action="pay", app="nobody"), "app: no such account"),
                              (dict(action="pay", at=now_ms() + 2 * 86400000), "at: more than a day ahead"), (dict(action="pay", openid=""), "openid")):
            result = self.client.ask_one(**{"op": "window", "openid": "oJ", **request})
            self.assertEqual(result["code"], 400, result)
            self.assertIn(said, result["message"])
        result = self.client.ask_one(op="push", openid="oJ", key="plain", vars={"n": "1"}, action="pay")
        self.assertEqual((result["code"], result["message"]), (400, "action: only a window has one"))
        self.assertEqual(self.operator.ask("windows", filter={"openid": "oJ"})["code"], 404)
        for wrong in ({}, {"openid": "oJ", "key": "k"}, {"openid": "oJ", "app": "nobody"}):
            self.assertEqual(self.operator.ask("windows", filter=wrong)["code"], 400)

    def test_switched_off_while_it_runs(self):
        """TIME 0 in all of them: nothing is counted or looked at any more. HUP is enough, and the count is there again afterwards."""
        self.did("oK", "message")
        self.assertEqual(self.sends("oK", 6)[-1], (400, 45047))
        self.assertEqual(len(self.calls("oK")), 5)
        for table, calls in (({name: "0/0" for name in TABLE}, 6), (TABLE, 6)):
            self.ring.conf["wechat"] = table
            lines = self.ring["broker"].log().count("configuration read again")
            self.ring.write_conf()
            self.ring["broker"].signal(signal.SIGHUP)
            until(lambda: self.ring["broker"].log().count("configuration read again") > lines or pause(), "HUP is taken")
            self.assertEqual(self.sends("oK", 1), [(400, 45047)])
            self.assertEqual(len(self.calls("oK")), calls)

    def test_a_template_that_changes_its_kind(self):
        self.did("oL", "menu")
        self.assertEqual(self.sends("oL", 4)[-1], (400, 45047))
        self.ring.write_template("custom", SIMPLE)
        self.assertEqual(self.client.ask_one(op="tset", key="custom")["code"], 200)
        self.assertEqual(self.sends("oL", 1), [(200, 0)])
        self.assertEqual(self.calls("oL")[-1], (TEMPLATE, 0))

    def test_restart_and_kill(self):
        self.did("oM", "message")
        self.assertEqual(self.sends("oM", 2), [(200, 0)] * 2)
        for how in ("kill", "term"):
            self.ring.restart("broker", how)
            self.ring.wait_ready()
            self.assertEqual(self.sends("oM", 1), [(200, 0)])
        self.tell("oN", "unfollow")
        self.ring["broker"].kill()  # what was answered is kept
        self.ring["broker"].start()
        self.ring.wait_ready()
        self.assertEqual(self.sends("oN", 1), [(400, 45015)])
        self.assertEqual(self.sends("oM", 2), [(200, 0), (400, 45047)])
        self.assertEqual(self.calls("oM"), [(KF, 0)] * 5)
        self.assertEqual(self.calls("oN"), [])

    def test_kills_under_load(self):
        """The broker is killed again and again while windows are used up: each message has an end, no call is made beyond the windows,
        and none is refused that had room."""
        people = ["oP%d" % i for i in range(30)]
        for openid in people:
            self.did(openid, "message")
        asked = [dict(op="push", id="%s-%d" % (openid, i), openid=openid, key="custom", vars={"n": "x"}) for i in range(8) for openid in people]
        for part in range(4):
            self.client.ask(*asked[part * 60:(part + 1) * 60])
            self.ring.restart("broker")
        ends = self.client.ask(*[dict(op="status", id=r["id"], wait=True) for r in asked], seconds=LIMIT_S)
        self.assertEqual(sorted({r["state"] for r in ends}), ["refused", "sent"])
        self.assertEqual(len([r for r in ends if r["state"] == "sent"]), 5 * len(people))
        for openid in people:
            self.assertEqual(self.calls(openid), [(KF, 0)] * 5)


def with_table(ring, sections):
    sections["wechat"].update(TABLE)
    return sections


class Time(Case):
    def setUp(self):
        self.begin(ClockRing(templates=TEMPLATES, ini=with_table, sim=["--windows", "on"]))

    def later(self, seconds):
        self.ring.sim.post("/sim/user-time?ms=%d" % (seconds * 1000))
        self.ring.step(seconds)

    def test_windows_end(self):
        self.did("oA", "menu")
        self.assertEqual(self.sends("oA", 1), [(200, 0)])
        self.later(70)
        self.assertEqual(self.sends("oA", 1), [(400, 45015)])
        self.did("oA", "message")
        self.later(47 * 3600)
        self.assertEqual(self.sends("oA", 1), [(200, 0)])
        self.later(3700)
        self.assertEqual(self.sends("oA", 1), [(400, 45015)])
        self.assertEqual(self.calls("oA"), [(KF, 0)] * 2)

    def test_as_wechat_counts(self):
        """Two who do the same at the same time: of the one the broker is told, of the other it knows nothing, so that WeChat decides each
        time. Both get the same answers."""
        dice = random.Random(20261128)
        refused = 0
        self.ring.sim.post("/sim/user?openid=oTwin&did=message")
        self.did("oTold", "message")
        for _ in range(60):
            what = dice.choice(["message", "menu", "follow", "scan", "pay", "unfollow"] + ["send"] * 8 + ["later"] * 3)
            if what == "later":
                self.later(dice.choice([3, 20, 75, 4 * 3600, 50 * 3600]))
            elif what == "send":
                told, twin = self.sends("oTold", 2), self.sends("oTwin", 2)
                self.assertEqual(told, twin)
                refused += len([code for code, _ in told if code == 400])
            else:
                self.ring.sim.post("/sim/user?openid=oTwin&did=%s" % what)
                self.did("oTold", what)
        self.assertGreater(refused, 5)
        self.assertEqual({errcode for _, errcode in self.calls("oTold")}, {0})
        self.assertEqual(len([errcode for _, errcode in self.calls("oTwin") if errcode]), refused)


if __name__ == "__main__":
    unittest.main()
