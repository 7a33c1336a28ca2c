#!/usr/bin/python3
"""The WeChat simulator: quotas that count, calls about quotas and rids, limits of token calls, the whitelist."""
import json
import time
import unittest
import urllib.parse

from test_sim import APPID, SECRET, SEND, Case, message

CUSTOM = "/cgi-bin/message/custom/send"
CLASSIC = "/cgi-bin/token"
STABLE = "/cgi-bin/stable_token"
GET = "/cgi-bin/openapi/quota/get"
CLEAR = "/cgi-bin/clear_quota"
RID = "/cgi-bin/openapi/rid/get"
IPS = "/cgi-bin/get_api_domain_ip"
OTHER = "wxother"
ACCOUNTS = ("--account", APPID + ":" + SECRET, "--account", OTHER + ":s")
RESULTS = ("in_flight", "delivered", "duplicates", "refused", "faults", "conflicts", "quota_refused", "rate_refused")


class QuotaCase(Case):
    def ask(self, sim, path, token=None, **body):
        return sim.call("POST", sim.path(token, path), json.dumps(body))

    def quota(self, sim, path=SEND, **changes):
        """POST /sim/quota for one path; the rows that it tells."""
        return sim.call("POST", "/sim/quota?" + urllib.parse.urlencode({"path": path, **changes}))["quotas"]

    def check_sum(self, sim):
        stats = sim.stats()
        self.assertEqual(stats["calls"], sum(stats[name] for name in RESULTS))
        return stats

    def in_one_minute(self, minute_s, act):
        """What `act` returns when no minute ended meanwhile."""
        while True:
            minute = time.time() // minute_s
            result = act()
            if time.time() // minute_s == minute:
                return result


class Quotas(QuotaCase):
    def test_the_day(self):
        sim = self.start(*ACCOUNTS, "--quota", "3", "--fault", "f=-1")
        other = sim.classic(appid=OTHER, secret="s")["access_token"]
        self.assertEqual([sim.code(token="never"), sim.code(b""), sim.code(message("f1"))], [40014, 44002, -1])
        self.assertEqual([sim.code(), sim.code(message("o9")), sim.code(b"{")], [0, 45009, 45009],
                         "a wrong body and a fault count, a wrong token and what is over the quota do not")
        self.assertEqual(sim.send()["errmsg"].split(" rid: ")[0], "reach max api daily quota limit")
        self.assertEqual(sim.code(token=other), 0, "each account has its own")
        text = json.dumps({"touser": "o", "msgtype": "text", "text": {"content": "x"}})
        self.assertEqual(sim.code(text, path=CUSTOM), 0, "each path has its own")
        stats = self.check_sum(sim)
        self.assertEqual((stats["quota_refused"], stats["rate_refused"], stats["refused"]), (3, 0, 2))
        line = sim.journal()[4]
        self.assertEqual((line["openid"], line["result"], line["errcode"]), ("o9", "refused", 45009))
        sim.call("POST", "/sim/new-day")
        self.assertEqual([sim.code() for _ in range(4)], [0, 0, 0, 45009])

    def test_the_minute(self):
        sim = self.start("--minute-quota", "2", "--minute", "3600", "--quota", "1000000")

        def three():
            self.quota(sim, minute=self.quota(sim)[0]["minute_used"] + 2)
            return [sim.code() for _ in range(3)]

        self.assertEqual(self.in_one_minute(3600, three), [0, 0, 45011])
        stats = self.check_sum(sim)
        self.assertGreaterEqual(stats["rate_refused"], 1)
        self.assertEqual(self.quota(sim)[0]["used"], stats["delivered"], "refused ones do not count")

    def test_a_minute_ends(self):
        sim = self.start("--minute-quota", "1", "--minute", "1")
        while sim.code() == 0:
            pass
        self.assertEqual(sim.send()["errcode"] in (0, 45011), True)
        while sim.code() != 0:
            sim.call("GET", "/sim/wait?calls=1000000&timeout_ms=20")
        self.assertGreaterEqual(self.check_sum(sim)["rate_refused"], 1)

    def test_quotas_change_while_running(self):
        sim = self.start(*ACCOUNTS)
        self.assertEqual([(row["appid"], row["path"], row["daily"], row["used"], row["minute"])
                          for row in self.quota(sim, daily=7, appid=OTHER)], [(OTHER, SEND, 7, 0, 0)])
        rows = sim.call("POST", "/sim/quota?minute=9")["quotas"]
        self.assertEqual({(row["appid"], row["daily"], row["minute"]) for row in rows if row["path"] == SEND},
                         {(APPID, 0, 9), (OTHER, 7, 9)})
        self.assertEqual({row["path"].split("/")[2] for row in rows}, {"message"})
        self.assertEqual({row["minute"] for row in sim.call("POST", "/sim/quota")["quotas"]}, {9}, "tells, sets nothing")
        sim.call("POST", "/sim/quota?minute=0")
        self.quota(sim, daily=1)
        self.assertEqual([sim.code(), sim.code()], [0, 45009])
        self.assertEqual(self.quota(sim, daily=2, appid=APPID)[0]["used"], 1)
        self.assertEqual([sim.code(), sim.code()], [0, 45009])
        self.quota(sim, daily=0)
        self.assertEqual(sim.code(), 0)
        for query, status in (("daily=-1", 400), ("minute=x", 400), ("path=/cgi-bin/x", 404), ("appid=wxno", 404)):
            self.assertEqual(sim.raw("POST", "/sim/quota?" + query)[0], status, query)

    def test_quota_get(self):
        sim = self.start("--quota", "5", "--minute-quota", "300", "--minute", "7")
        sim.code()
        self.assertEqual(self.ask(sim, GET, cgi_path=SEND), {
            "errcode": 0, "errmsg": "ok", "quota": {"daily_limit": 5, "used": 1, "remain": 4},
            "rate_limit": {"call_count": 300, "refresh_second": 7}})
        self.quota(sim, daily=0, minute=0)
        answer = self.ask(sim, GET, cgi_path=SEND)
        self.assertEqual((answer["quota"]["used"], answer["quota"]["remain"] > 10 ** 6), (1, True))
        self.assertEqual(answer["rate_limit"], {"call_count": 0, "refresh_second": 0})
        self.assertEqual(self.ask(sim, GET, cgi_path=CLASSIC)["quota"], {"daily_limit": 2000, "used": 1, "remain": 1999})
        for body, errcode in (({"cgi_path": SEND[1:]}, 76021), ({"cgi_path": "/x"}, 76021), ({}, 76021),
                              ({"cgi_path": 7}, 76021), ({"cgi_path": RID}, 76022)):
            self.assertEqual(self.ask(sim, GET, **body)["errcode"], errcode, body)
        self.assertIn("cgi_path not found", self.ask(sim, GET, cgi_path="/x")["errmsg"])
        self.check_requests(sim, GET, "POST")
        self.assertEqual(sim.stats()["calls"], 1, "they are no message calls")
        self.assertGreater(sim.stats()["service_calls"], 8)

    def check_requests(self, sim, path, method):
        """Method, token and body of the calls about calls."""
        self.assertEqual(sim.call("GET" if method == "POST" else "POST", sim.path(path=path), "")["errcode"],
                         43002 if method == "POST" else 43001)
        self.assertEqual(sim.call(method, path)["errcode"], 41001)
        self.assertEqual(sim.call(method, sim.path("never", path))["errcode"], 40014)
        if method == "POST":
            self.assertEqual([sim.call(method, sim.path(path=path), body)["errcode"] for body in ("", "{", "[]")],
                             [44002, 47001, 47001])

    def test_clear_quota(self):
        sim = self.start(*ACCOUNTS, "--quota", "1")
        self.assertEqual([sim.code(), sim.code()], [0, 45009])
        self.assertEqual(self.ask(sim, CLEAR, appid=APPID), {"errcode": 0, "errmsg": "ok"})
        self.assertEqual([sim.code(), sim.code()], [0, 45009])
        self.assertEqual([self.ask(sim, CLEAR, **body)["errcode"] for body in ({"appid": OTHER}, {"appid": "x"}, {})],
                         [40013, 40013, 41002])
        v2 = CLEAR + "/v2?" + urllib.parse.urlencode({"appid": APPID, "appsecret": SECRET})
        self.assertEqual(sim.call("POST", v2), {"errcode": 0, "errmsg": "ok"})
        self.assertEqual(sim.code(), 0)
        for _ in range(8):
            self.assertEqual(sim.call("POST", v2)["errcode"], 0)
        self.assertEqual([self.ask(sim, CLEAR, appid=APPID)["errcode"], sim.call("POST", v2)["errcode"]], [48006] * 2)
        self.assertEqual([sim.code(), sim.code()], [0, 45009], "a refused one clears nothing")
        other = sim.classic(appid=OTHER, secret="s")["access_token"]
        self.assertEqual(self.ask(sim, CLEAR, token=other, appid=OTHER)["errcode"], 0)
        sim.call("POST", "/sim/new-month")
        self.assertEqual(self.ask(sim, CLEAR, appid=APPID)["errcode"], 0)
        for query, errcode in (("", 41002), ("?appid=" + APPID, 41004), ("?appid=x&appsecret=y", 40013),
                               ("?appid=%s&appsecret=y" % APPID, 40125)):
            self.assertEqual(sim.call("POST", CLEAR + "/v2" + query)["errcode"], errcode, query)
        self.assertEqual(sim.call("GET", v2)["errcode"], 43002)
        self.check_requests(sim, CLEAR, "POST")
        self.assertEqual([(line["app"], line["result"], line["errcode"]) for line in sim.journal(CLEAR)[:3]],
                         [(APPID, "ok", 0), (APPID, "refused", 40013), (APPID, "refused", 40013)])

    def test_domain_ip(self):
        sim = self.start()
        self.assertEqual(sim.call("GET", sim.path(path=IPS)), {"ip_list": ["127.0.0.1"]})
        self.check_requests(sim, IPS, "GET")


class Rids(Case):
    def rid_of(self, answer):
        return answer["errmsg"].split(" rid: ")[1]

    def ask(self, sim, rid, token=None):
        return sim.call("POST", sim.path(token, RID), json.dumps({"rid": rid}))

    def test_rid_get(self):
        sim = self.start(*ACCOUNTS, "--fault", "bad=43004", "--latency", "30")
        before = int(time.time())
        answer = sim.send(message("bad1"))
        request = self.ask(sim, self.rid_of(answer))["request"]
        self.assertEqual(json.loads(request.pop("response_body")), answer)
        self.assertGreaterEqual(request.pop("cost_in_ms"), 29)
        self.assertLessEqual(abs(request.pop("invoke_time") - before), 60)
        self.assertEqual(request, {"request_url": "access_token=***", "request_body": message("bad1").decode(),
                                   "client_ip": "127.0.0.1"})
        other = sim.classic(appid=OTHER, secret="s")["access_token"]
        answer = self.ask(sim, self.rid_of(answer), other)
        self.assertEqual((answer["errcode"], answer["errmsg"][:9]), (76003, "could not"))
        for rid, errcode in (("01234567-01234567-01234567", 76001), ("", 76002), (7, 76002), ("x" * 26, 76002),
                             ("01234567-01234567-0123456", 76002), (None, 76002)):
            self.assertEqual(self.ask(sim, rid)["errcode"], errcode, rid)
        self.assertEqual(sim.call("POST", sim.path(path=RID), "")["errcode"], 44002)
        self.assertEqual(sim.call("POST", RID, "{}")["errcode"], 41001)

    def test_neither_tokens_nor_secrets_are_told(self):
        sim = self.start()
        sim.call("POST", "/sim/whitelist", "192.0.2.1")
        wrong = "/cgi-bin/token?grant_type=no&appid=%s&secret=%s" % (APPID, SECRET)
        v2 = CLEAR + "/v2?appid=%s&appsecret=%s" % (APPID, "wrong" + SECRET)
        answers = [sim.classic(), sim.stable(), sim.call("GET", wrong), sim.call("POST", v2), sim.send(b"{}")]
        told = [json.dumps(self.ask(sim, self.rid_of(answer))) for answer in answers]
        with open(sim.journal_file, encoding="utf-8") as file:
            told.append(file.read())
        for text in told:
            self.assertNotIn(SECRET, text)
            self.assertNotIn(sim.token, text)
        self.assertIn("grant_type=client_credential&appid=%s&secret=***" % APPID, told[0])
        self.assertIn("appid=%s&appsecret=***" % APPID, told[3])

    def test_old_rids_are_forgotten(self):
        sim = self.start()
        connection = sim.connect()
        self.addCleanup(connection.close)

        def failed():
            connection.request("POST", sim.path(), b"")
            return self.rid_of(json.loads(connection.getresponse().read()))

        first, second = failed(), failed()
        rids = [failed() for _ in range(9998)]
        self.assertEqual(self.ask(sim, first)["errcode"], 0)
        rids.append(failed())
        self.assertEqual([self.ask(sim, rid)["errcode"] for rid in (second, rids[0], rids[-1], first)], [0, 0, 0, 76001])


class Tokens(QuotaCase):
    def test_calls_a_day(self):
        sim = self.start()
        self.assertEqual([row["daily"] for path in (CLASSIC, STABLE) for row in self.quota(sim, path)], [2000, 500000])
        self.assertEqual(self.quota(sim, STABLE)[0]["minute"], 10000)
        sim.call("POST", "/sim/quota?daily=5&minute=5")
        self.assertEqual(self.quota(sim, CLASSIC)[0]["daily"], 2000, "without a path: message paths only")
        used = self.quota(sim, CLASSIC, daily=3)[0]["used"]
        self.assertEqual(used, 1)
        self.assertEqual(sim.classic(secret="no")["errcode"], 40125)
        answers = [sim.classic() for _ in range(3)]
        self.assertEqual([answer.get("errcode") for answer in answers], [None, None, 45009])
        self.assertIn("access_token", sim.stable(), "the kinds are counted apart")
        self.assertEqual(sim.code(token=answers[1]["access_token"]), 0, "the tokens that were given out stay valid")
        v2 = CLEAR + "/v2?" + urllib.parse.urlencode({"appid": APPID, "appsecret": SECRET})
        self.assertEqual(sim.call("POST", v2)["errcode"], 0)
        self.assertEqual([sim.classic().get("errcode") for _ in range(4)], [None, None, None, 45009])
        sim.call("POST", "/sim/new-day")
        self.assertIn("access_token", sim.classic())
        self.assertEqual(sim.stats()["token_fetches"], 11)

    def test_the_2001st_call(self):
        sim = self.start()
        connection = sim.connect()
        self.addCleanup(connection.close)
        query = urllib.parse.urlencode({"grant_type": "client_credential", "appid": APPID, "secret": SECRET})
        for _ in range(1999):
            connection.request("GET", CLASSIC + "?" + query)
            self.assertIn(b"access_token", connection.getresponse().read())
        self.assertEqual(sim.classic()["errcode"], 45009)

    def test_stable_calls_a_minute_and_forced_ones(self):
        sim = self.start("--minute", "3600")

        def three():
            self.quota(sim, STABLE, minute=self.quota(sim, STABLE)[0]["minute_used"] + 2)
            return [sim.stable().get("errcode") for _ in range(3)]

        self.assertEqual(self.in_one_minute(3600, three), [None, None, 45011])
        used = self.quota(sim, STABLE, daily=1)[0]["used"]
        self.assertGreaterEqual(used, 2)
        self.assertEqual(sim.stable()["errcode"], 45009)
        self.assertIn("access_token", sim.stable(force_refresh=True), "force_refresh has limits of its own")
        self.assertEqual(self.quota(sim, STABLE)[0]["used"], used)

    def test_whitelist(self):
        sim = self.start("--whitelist", "127.0.0.1,2001:DB8::1")
        token = sim.token
        self.assertIn("access_token", sim.stable())
        sim.call("POST", "/sim/whitelist", "192.0.2.1,192.0.2.2\n")
        self.assertRegex(sim.classic()["errmsg"], r"^invalid ip 127\.0\.0\.1, not in whitelist rid: ")
        self.assertEqual([sim.classic()["errcode"], sim.stable()["errcode"], sim.classic(secret="no")["errcode"]],
                         [40164, 40164, 40125])
        self.assertEqual(sim.code(token=token), 0, "only token calls are looked at")
        for text in ("1.2.3", "1.2.3.4,", "x", "1.2.3.4 5.6.7.8", ",".join(["1.2.3.4"] * 65)):
            self.assertEqual(sim.raw("POST", "/sim/whitelist", text)[0], 400, text)
        self.assertEqual(sim.classic()["errcode"], 40164)
        sim.call("POST", "/sim/whitelist", "::1,127.0.0.1")
        self.assertIn("access_token", sim.classic())
        sim.call("POST", "/sim/whitelist", "192.0.2.1")
        sim.call("POST", "/sim/whitelist")
        self.assertIn("access_token", sim.classic())


if __name__ == "__main__":
    unittest.main()
