#!/usr/bin/python3
"""The WeChat simulator: customer-service windows, following, consent; one-time subscriptions."""
import json
import unittest
import urllib.parse

from test_sim import APPID, SECRET, Case, message
from test_sim_kinds import BIZ, CUSTOM, SUBSCRIBE, custom

ONCE = "/cgi-bin/message/template/subscribe"
OTHER = "wxother"
ON = ("--windows", "on", "--account", APPID + ":" + SECRET, "--account", OTHER + ":s")
MINUTE_MS, TWO_DAYS_MS = 60000, 48 * 3600 * 1000


def once(openid="oUser", **changes):
    """A one-time subscription message."""
    changes = {"scene": 1000, "title": "标题", "data": {"content": {"value": "你好", "color": "#000"}}, **changes}
    return message(openid, **changes)


class WindowCase(Case):
    def did(self, sim, did, openid="oUser", **more):
        sim.call("POST", "/sim/user?" + urllib.parse.urlencode({"openid": openid, "did": did, **more}))

    def later(self, sim, ms):
        sim.call("POST", "/sim/user-time?ms=%d" % ms)

    def customs(self, sim, count, openid="oUser", token=None):
        return [sim.code(custom(openid), token, CUSTOM) for _ in range(count)]


class Once(WindowCase):
    def test_body(self):
        sim = self.start()
        self.assertEqual(sim.send(once(), path=ONCE), {"errcode": 0, "errmsg": "ok"})
        for changes, errcode in (
                ({"touser": None}, 40003), ({"template_id": None}, 40037), ({"template_id": ""}, 40037),
                ({"scene": None}, 47003), ({"scene": -1}, 47003), ({"scene": 10001}, 47003), ({"scene": 1.5}, 47003),
                ({"scene": "x"}, 47003), ({"scene": True}, 47003), ({"scene": 0}, 0), ({"scene": 10000}, 0),
                ({"scene": "7"}, 0),
                ({"title": None}, 47003), ({"title": ""}, 47003), ({"title": "题" * 16}, 47003), ({"title": "题" * 15}, 0),
                ({"data": None}, 47003), ({"data": {}}, 47003), ({"data": {"content": {"value": 1}}}, 47003),
                ({"data": {"content": {"value": "字" * 201}}}, 47003), ({"data": {"content": {"value": "字" * 200}}}, 0),
                ({"data": {"content": {"value": "x"}, "more": 1}}, 47003),
                ({"url": 1}, 40066), ({"url": "http://example.com"}, 0), ({"miniprogram": {}}, 40166),
                ({"miniprogram": {"appid": "wx1", "pagepath": 1}}, 40165), ({"miniprogram": {"appid": "wx1"}}, 0)):
            self.assertEqual(sim.code(once(**changes), path=ONCE), errcode, changes)
        for member in ("scene", "title"):
            self.assertIn(member + " must", sim.send(once(**{member: None}), path=ONCE)["errmsg"])
        self.assertIn("data.content.value", sim.send(once(data={}), path=ONCE)["errmsg"])
        line = sim.journal(ONCE)[0]
        self.assertEqual((line["openid"], line["result"], line["msgid"]), ("oUser", "delivered", None))

    def test_links_of_template_messages(self):
        sim = self.start()
        for changes, errcode in (
                ({"url": 1}, 40066), ({"url": ""}, 0), ({"miniprogram": {}}, 40166), ({"miniprogram": {"appid": ""}}, 40166),
                ({"miniprogram": {"appid": "wx1"}}, 0), ({"miniprogram": {"appid": "wx1", "pagepath": []}}, 40165)):
            self.assertEqual(sim.code(message(**changes)), errcode, changes)

    def test_kf_account(self):
        sim = self.start()
        for account, errcode in (
                ("test_1@gh_123456", 0), ("a" * 10 + "@x", 0), ("a" * 11 + "@x", 61452), ("@x", 61452), ("a@", 61452),
                ("a", 61452), ("客服@x", 61452), ("a b@x", 61452), ("a@" + "x" * 30, 0), ("a@" + "x" * 31, 61452)):
            self.assertEqual(sim.code(custom(customservice={"kf_account": account}), path=CUSTOM), errcode, account)


class Windows(WindowCase):
    def test_off_nothing_is_looked_at(self):
        sim = self.start()
        self.did(sim, "unfollow")
        self.assertEqual([sim.code(path=CUSTOM, body=custom()), sim.code(), sim.code(path=BIZ), sim.code(once(), path=ONCE)],
                         [0] * 4)

    def test_each_action_opens_its_window(self):
        sim = self.start(*ON)
        for did, messages, window_ms in (("message", 5, TWO_DAYS_MS), ("menu", 3, MINUTE_MS), ("follow", 3, MINUTE_MS),
                                         ("scan", 3, MINUTE_MS)):
            openid = "o" + did
            self.assertEqual(self.customs(sim, 1, openid), [45015])
            self.did(sim, did, openid)
            self.assertEqual(self.customs(sim, messages + 1, openid), [0] * messages + [45047])
            self.did(sim, did, openid)
            self.assertEqual(self.customs(sim, messages + 1, openid), [0] * messages + [45047], "opened anew")
            self.did(sim, did, openid)
            self.later(sim, window_ms - 60 * 1000 if window_ms > MINUTE_MS else 0)
            self.assertEqual(self.customs(sim, 1, openid), [0])
            self.later(sim, window_ms)
            self.assertEqual(self.customs(sim, 1, openid), [45015])
        self.did(sim, "pay", "opay")
        self.assertEqual(self.customs(sim, 12, "opay"), [0] * 12)
        self.later(sim, TWO_DAYS_MS)
        self.assertEqual(self.customs(sim, 1, "opay"), [45015])
        line = sim.journal(CUSTOM)[0]
        self.assertEqual((line["openid"], line["result"], line["errcode"]), ("omessage", "refused", 45015))
        self.assertEqual(sim.send(custom("ox"), path=CUSTOM)["errmsg"].split(" rid")[0],
                         "response out of time limit or subscription is canceled")

    def test_windows_add_up_and_the_one_that_ends_soonest_is_used_first(self):
        sim = self.start(*ON)
        self.did(sim, "message")
        self.did(sim, "menu")
        self.assertEqual(self.customs(sim, 2), [0, 0])
        self.later(sim, MINUTE_MS)
        self.assertEqual(self.customs(sim, 6), [0] * 5 + [45047])

    def test_only_what_is_delivered_counts(self):
        sim = self.start(*ON, "--fault", "oUser=-1*2", "--fault", "oUser=slow:1*1")
        self.did(sim, "menu")
        self.assertEqual(self.customs(sim, 6), [-1, -1, 0, 0, 0, 45047])

    def test_accounts_have_recipients_of_their_own(self):
        sim = self.start(*ON)
        other = sim.classic(appid=OTHER, secret="s")["access_token"]
        self.did(sim, "message", appid=OTHER)
        self.assertEqual([self.customs(sim, 1), self.customs(sim, 1, token=other)], [[45015], [0]])
        self.did(sim, "message")
        self.assertEqual([self.customs(sim, 6), self.customs(sim, 6, token=other)], [[0] * 5 + [45047]] * 2)

    def test_numbers_can_be_changed(self):
        sim = self.start(*ON)
        sim.call("POST", "/sim/window?did=message&messages=20")
        self.did(sim, "message")
        self.assertEqual(self.customs(sim, 21), [0] * 20 + [45047])
        sim.call("POST", "/sim/window?did=menu&messages=-1&ms=1000")
        self.did(sim, "menu")
        self.assertEqual(self.customs(sim, 5), [0] * 5)
        self.later(sim, 1000)
        self.assertEqual(self.customs(sim, 1), [45047])

    def test_following(self):
        sim = self.start(*ON)
        self.assertEqual(sim.code(), 0, "all follow at first")
        for did in ("unfollow", "unsubscribe"):
            self.did(sim, "message")
            self.did(sim, did)
            self.assertEqual([sim.code(), sim.code(custom(), path=CUSTOM)], [43004, 45015])
            self.did(sim, "follow")
            self.assertEqual([sim.code(), sim.code(custom(), path=CUSTOM)], [0, 0])
        stats = sim.stats()
        self.assertEqual((stats["refused"], stats["delivered"]), (4, 5))

    def test_consent(self):
        sim = self.start(*ON)
        for path in (SUBSCRIBE, BIZ):
            self.assertEqual(sim.code(path=path), 43101)
            self.did(sim, "consent", template_id="T1")
            self.did(sim, "consent", template_id="T1")
            self.assertEqual(sim.code(message(template_id="T2"), path=path), 43101)
            self.assertEqual([sim.code(path=path) for _ in range(3)], [0, 0, 43101])
        self.assertEqual(sim.code(once(), path=ONCE), 43101)
        self.did(sim, "unfollow")
        for _ in range(2):
            self.did(sim, "consent", template_id="T1", scene=1000)
        self.did(sim, "consent", template_id="T1", scene=0)
        self.assertEqual([sim.code(path=BIZ), sim.code(once(scene=1), path=ONCE)], [43101, 43101])
        self.assertEqual([sim.code(once(), path=ONCE), sim.code(once(), path=ONCE)], [0, 43101], "once for a scene")
        self.assertEqual(sim.code(once(scene="0"), path=ONCE), 0, "nobody needs to follow for it")

    def test_consents_are_bounded(self):
        sim = self.start(*ON)
        path = "/sim/user?appid=" + APPID + "&openid=o&did=consent&template_id=T%d"
        for number in range(64):
            sim.call("POST", path % number)
        self.assertEqual(sim.raw("POST", path % 64)[0], 400)
        self.assertEqual(sim.code(message("o", template_id="T5"), path=BIZ), 0)
        sim.call("POST", path % 64)
        self.assertEqual(sim.code(message("o", template_id="T64"), path=BIZ), 0)

    def test_wrong_control_calls(self):
        sim = self.start(*ON)
        for path, status in (
                ("/sim/user?did=message", 400), ("/sim/user?openid=&did=message", 400), ("/sim/user?openid=o", 400),
                ("/sim/user?openid=o&did=sleep", 400), ("/sim/user?openid=o&did=consent", 400),
                ("/sim/user?openid=o&did=consent&template_id=T&scene=10001", 400),
                ("/sim/user?openid=%s&did=menu" % ("o" * 129), 400), ("/sim/user?openid=o&did=menu&appid=wxno", 404),
                ("/sim/user-time", 400), ("/sim/user-time?ms=-1", 400), ("/sim/window?did=menu", 400),
                ("/sim/window?did=unfollow&messages=1", 400), ("/sim/window?did=menu&messages=-2", 400)):
            status_seen, answer = sim.raw("POST", path)
            self.assertEqual((status_seen, "error" in json.loads(answer)), (status, True), path)
        self.later(sim, 315360000000)
        self.assertEqual(sim.raw("POST", "/sim/user-time?ms=1")[0], 400)


if __name__ == "__main__":
    unittest.main()
