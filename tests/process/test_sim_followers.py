#!/usr/bin/python3
"""The WeChat simulator: the list of followers, its pages, who is in it, its quota and its faults."""
import http.client
import unittest
import urllib.parse

from test_sim import APPID, SECRET, Case

GET = "/cgi-bin/user/get"
PAGE = 10000
OTHER = "wxother"


class FollowersCase(Case):
    def page(self, sim, after=None, token=None):
        return sim.call("GET", sim.path(token, GET) + ("&next_openid=" + urllib.parse.quote(after) if after else ""))

    def pages(self, sim, token=None):
        """All pages up to the one without anybody, as a caller asks for them."""
        pages = [self.page(sim, token=token)]
        while pages[-1]["count"]:
            pages.append(self.page(sim, pages[-1]["next_openid"], token))
        return pages

    def all(self, sim, token=None):
        return [openid for page in self.pages(sim, token)[:-1] for openid in page["data"]["openid"]]

    def did(self, sim, did, openid, **more):
        sim.call("POST", "/sim/user?" + urllib.parse.urlencode({"openid": openid, "did": did, **more}))

    def followers(self, sim, count, **more):
        sim.call("POST", "/sim/followers?" + urllib.parse.urlencode({"count": count, **more}))


class Pages(FollowersCase):
    def test_nobody(self):
        sim = self.start()
        self.assertEqual(self.page(sim), {"total": 0, "count": 0, "next_openid": ""})

    def test_several_pages(self):
        sim = self.start("--followers", "23000")
        pages = self.pages(sim)
        self.assertEqual([page["count"] for page in pages], [PAGE, PAGE, 3000, 0])
        self.assertEqual({page["total"] for page in pages}, {23000})
        self.assertEqual(pages[-1], {"total": 23000, "count": 0, "next_openid": ""})
        for page in pages[:-1]:
            self.assertEqual(len(page["data"]["openid"]), page["count"])
            self.assertEqual(page["next_openid"], page["data"]["openid"][-1])
        openids = self.all(sim)
        self.assertEqual(len(set(openids)), 23000)
        self.assertTrue(all(len(openid) == 28 and openid[0] == "o" for openid in openids))
        self.assertEqual(self.page(sim, openids[22989])["data"]["openid"], openids[22990:], "from anybody on")
        self.assertEqual(sim.stats()["list_calls"], 9)

    def test_a_full_last_page(self):
        sim = self.start("--followers", str(PAGE))
        self.assertEqual([page["count"] for page in self.pages(sim)], [PAGE, 0])

    def test_the_same_each_time(self):
        first = self.start("--followers", "3")
        openids = self.all(first)
        first.stop()
        self.assertEqual(self.all(self.start("--followers", "3")), openids)

    def test_accounts_have_followers_of_their_own(self):
        sim = self.start("--followers", "3", "--account", APPID + ":" + SECRET, "--account", OTHER + ":s")
        other = sim.classic(appid=OTHER, secret="s")["access_token"]
        self.assertEqual(set(self.all(sim)) & set(self.all(sim, other)), set())
        self.followers(sim, 5, appid=OTHER)
        self.assertEqual([len(self.all(sim)), len(self.all(sim, other))], [3, 5])
        self.assertEqual(self.page(sim, self.all(sim, other)[4])["errcode"], 40003)
        self.followers(sim, 1)
        self.assertEqual([len(self.all(sim)), len(self.all(sim, other))], [1, 1])

    def test_only_those_who_follow(self):
        sim = self.start("--followers", "4")
        made = self.all(sim)
        for openid in (made[1], made[3], "oGone"):
            self.did(sim, "unfollow", openid)
        for openid in ("oNew", made[0], "oOther"):
            self.did(sim, "follow", openid)
        self.assertEqual(self.all(sim), [made[0], made[2], "oNew", "oOther"])
        self.assertEqual(self.page(sim)["total"], 4)
        self.assertEqual(self.page(sim, made[1])["data"]["openid"], [made[2], "oNew", "oOther"], "behind one who left")
        self.assertEqual(self.page(sim, "oGone")["data"]["openid"], ["oNew", "oOther"])
        self.assertEqual(self.page(sim, "oNew")["data"]["openid"], ["oOther"])
        self.did(sim, "follow", made[3])
        self.did(sim, "unfollow", "oNew")
        self.assertEqual(self.all(sim), [made[0], made[2], made[3], "oOther"])

    def test_named_ones_go_over_pages(self):
        sim = self.start("--followers", str(PAGE - 1))
        for openid in ("o1", "o2"):
            self.did(sim, "follow", openid)
        pages = self.pages(sim)
        self.assertEqual([page["count"] for page in pages], [PAGE, 1, 0])
        self.assertEqual([pages[0]["next_openid"], pages[1]["next_openid"]], ["o1", "o2"])


class Refusals(FollowersCase):
    def test_errors(self):
        sim = self.start("--followers", "2", "--token-lifetime", "60")
        self.assertEqual(sim.call("POST", sim.path(path=GET), b"{}")["errcode"], 43001)
        self.assertEqual(sim.call("GET", GET)["errcode"], 41001)
        self.assertEqual(self.page(sim, token="never")["errcode"], 40014)
        for openid in ("oStranger", "oFollower00-0000000000000002", "oFollower01-0000000000000000", "o" * 200):
            self.assertEqual(self.page(sim, openid)["errcode"], 40003, openid)
        sim.call("POST", "/sim/invalidate")
        self.assertEqual(self.page(sim)["errcode"], 40001)
        token = sim.classic()["access_token"]
        sim.call("POST", "/sim/token-time?ms=70000")
        self.assertEqual(self.page(sim, token=token)["errcode"], 42001)

    def test_quota(self):
        sim = self.start("--followers", "2")
        quota = sim.call("POST", sim.path(path="/cgi-bin/openapi/quota/get"), b'{"cgi_path":"%s"}' % GET.encode())["quota"]
        self.assertEqual(quota, {"daily_limit": 500, "used": 0, "remain": 500})
        sim.call("POST", "/sim/quota?daily=2&path=" + GET)
        self.assertEqual([self.page(sim).get("errcode", 0) for _ in range(3)], [0, 0, 45009])
        self.assertEqual(sim.code(), 0, "messages have a quota of their own")
        sim.call("POST", "/sim/new-day")
        sim.call("POST", "/sim/quota?daily=0&minute=1&path=" + GET)
        self.assertIn(45011, [self.page(sim).get("errcode", 0) for _ in range(3)], "three calls do not lie in three minutes")

    def test_wrong_options(self):
        sim = self.start()
        for query in ("", "count=-1", "count=10000001", "count=1&appid=x"):
            self.assertIn(sim.raw("POST", "/sim/followers?" + query)[0], (400, 404), query)


class Moods(FollowersCase):
    def test_faults_by_next_openid(self):
        sim = self.start("--followers", str(PAGE + 1), "--fault", "oFollower=-1*1", "--fault", "oFollower=http503*1",
                         "--fault", "oFollower=garbage*1", "--fault", "oFollower=slow:1*1")
        after = self.page(sim)["next_openid"]
        self.assertEqual(self.page(sim, after)["errcode"], -1)
        path = sim.path(path=GET) + "&next_openid=" + after
        self.assertEqual([sim.raw("GET", path)[0] for _ in range(2)], [503, 200])
        self.assertEqual([self.page(sim, after)["count"] for _ in range(2)], [1, 1])
        self.assertEqual([(line["openid"], line["result"], line["fault"], line["http"]) for line in sim.journal(GET)],
                         [(None, "ok", None, 200), (after, "fault", "-1", 200), (after, "fault", "http503", 503),
                          (after, "fault", "garbage", 200), (after, "ok", "slow", 200), (after, "ok", None, 200)])

    def test_cut(self):
        sim = self.start("--followers", "1", "--fault", "*=cut*1")
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
            self.page(sim)
        self.assertEqual(self.page(sim)["count"], 1)

    def test_hang_and_latency_end_with_the_simulator(self):
        sim = self.start("--followers", "1", "--fault", "o=hang", "--latency", "600000")
        hanging, slow = sim.connect(), sim.connect()
        hanging.request("GET", sim.path(path=GET) + "&next_openid=oFollower00-0000000000000000")
        slow.request("GET", sim.path(path=GET))
        sim.wait(list_calls=2)
        self.assertEqual(sim.stop(), (0, ""))
        for connection in (hanging, slow):
            with self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
                connection.getresponse()
            connection.close()

    def test_a_hanging_client_may_leave(self):
        sim = self.start("--followers", "1", "--fault", "*=hang*1")
        connection = sim.connect()
        connection.request("GET", sim.path(path=GET))
        sim.wait(list_calls=1)
        connection.close()
        self.assertEqual(self.page(sim)["count"], 1)


if __name__ == "__main__":
    unittest.main()
