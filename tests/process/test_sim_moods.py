#!/usr/bin/python3
"""The WeChat simulator: error codes on demand, faults of one account, refused token calls, storms of mixed faults."""
import collections
import json
import os
import subprocess
import unittest

from test_sim import APPID, LIMIT_S, SECRET, Case, message

OTHER = "wxother"
ACCOUNTS = ("--account", APPID + ":" + SECRET, "--account", OTHER + ":s")

# Each code that a sender or token keeper has to know.
CODES = (
    -1, 40001, 40002, 40003, 40004, 40007, 40008, 40013, 40014, 40033, 40034, 40035, 40036, 40037, 40038, 40039, 40048,
    40066, 40097, 40125, 40164, 40165, 40166, 40168, 40222, 40241, 40243, 40249, 40252, 41001, 41002, 41004, 41006,
    41030, 42001, 42006, 42007, 43002, 43003, 43004, 43005, 43006, 43019, 43101, 43108, 43116, 43117, 44002, 44003,
    44004, 44007, 45002, 45003, 45004, 45005, 45006, 45007, 45008, 45009, 45011, 45012, 45014, 45015, 45028, 45040,
    45047, 45061, 45072, 45080, 45081, 45087, 45102, 45103, 45104, 45109, 45166, 45168, 46004, 47001, 47002, 47003,
    48001, 48002, 48003, 48004, 48006, 48008, 48011, 50001, 50002, 50004, 50005, 61003, 61004, 61007, 61024, 61450,
    61451, 61452, 76001, 76002, 76003, 76021, 76022, 89501, 89503, 89506, 89507)


class Errors(Case):
    def test_every_code_has_a_text(self):
        sim = self.start()
        for at in range(0, len(CODES), 100):
            part = CODES[at:at + 100]
            sim.call("POST", "/sim/faults", "\n".join("c%d_=%d" % (code, code) for code in part))
            for code in part:
                answer = sim.send(message("c%d_" % code))
                self.assertEqual(answer["errcode"], code)
                self.assertNotIn("simulated", answer["errmsg"], code)
                self.assertRegex(answer["errmsg"], r"^[a-zA-Z].* rid: [0-9a-f]{8}(-[0-9a-f]{8}){2}$")
        sim.call("POST", "/sim/faults", "=busy")
        self.assertEqual((sim.code(), sim.journal()[-1]["fault"]), (-1, "busy"))


class OneAccount(Case):
    def test_a_rule_for_one_account(self):
        sim = self.start(*ACCOUNTS, "--fault", OTHER + "/o=43004", "--fault", "*/oz=43019")
        other = sim.classic(appid=OTHER, secret="s")["access_token"]
        self.assertEqual([sim.code(message(openid), token) for token in (other, None) for openid in ("o1", "x1", "oz")],
                         [43004, 0, 43004, 0, 0, 43019])
        sim.call("POST", "/sim/faults", APPID + "/*=-1*1\n=43101*2")
        self.assertEqual([sim.code(token=token) for token in (other, None, other, None, None)], [43101, -1, 43101, 0, 0])

    def test_an_unknown_account_is_an_error(self):
        sim = self.start()
        status, answer = sim.raw("POST", "/sim/faults", "wxno/o=43004")
        self.assertEqual((status, "wxno" in json.loads(answer)["error"]), (400, True))
        done = subprocess.run([os.path.join(os.environ["MEGA_BIN"], "wechat-sim"), "--http", "127.0.0.1:0", "--fault",
                               "wxno/o=43004"], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual((done.returncode, "wxno" in done.stderr), (1, True))

    def test_token_refusals(self):
        sim = self.start(*ACCOUNTS)

        def codes():
            return [call.get("errcode", 0) for call in (
                sim.classic(), sim.stable(), sim.classic(appid=OTHER, secret="s"), sim.stable(appid=OTHER, secret="s"))]

        sim.call("POST", "/sim/token-refuse?errcode=40243&appid=" + OTHER)
        self.assertEqual(codes(), [0, 0, 40243, 40243])
        sim.call("POST", "/sim/token-refuse?errcode=-1&count=3")
        self.assertEqual(codes(), [-1, -1, -1, 0], "without appid it replaces those of single accounts")
        sim.call("POST", "/sim/token-refuse?errcode=40164&appid=%s&count=1" % OTHER)
        sim.call("POST", "/sim/token-refuse?errcode=0&appid=" + APPID)
        self.assertEqual(codes(), [0, 0, 40164, 0])
        sim.call("POST", "/sim/token-refuse?errcode=50004")
        sim.call("POST", "/sim/token-refuse?errcode=0")
        self.assertEqual(codes(), [0, 0, 0, 0])

    def test_token_refusals_by_http_status(self):
        sim = self.start()
        path = "/cgi-bin/token?grant_type=client_credential&appid=%s&secret=%s" % (APPID, SECRET)
        sim.call("POST", "/sim/token-refuse?http=503&count=1&appid=" + APPID)
        self.assertEqual(sim.raw("GET", path)[0], 503)
        self.assertIn("access_token", sim.classic())
        sim.call("POST", "/sim/token-refuse?http=500&errcode=-1&count=1")
        status, answer = sim.raw("GET", path)
        self.assertEqual((status, json.loads(answer)["errcode"]), (500, -1))
        self.assertEqual([(line["result"], line["errcode"]) for line in sim.journal("/cgi-bin/token")],
                         [("issued", 0), ("refused", None), ("issued", 0), ("refused", -1)])
        for query in ("", "?errcode=x", "?http=302", "?http=600", "?errcode=1&count=0", "?count=1"):
            self.assertEqual(sim.raw("POST", "/sim/token-refuse" + query)[0], 400, query)
        self.assertEqual(sim.raw("POST", "/sim/token-refuse?errcode=1&appid=wxno")[0], 404)


class Storms(Case):
    CALLS = 400

    def storm(self, seed):
        """What rules with a RATE did to calls that all were open at once; hanging ones end as their clients leave."""
        sim = self.start("--seed", seed, "--fault", "*=busy@0.1", "--fault", "*=http503@0.1", "--fault", "*=hang@0.05",
                         "--fault", "*=cut@0.05", "--fault", "*=cut-after@0.05")
        before = len(sim.journal())
        connections = [sim.connect() for _ in range(self.CALLS)]
        for number, connection in enumerate(connections):
            connection.request("POST", sim.path(), message("o%d" % number))
        hanging = sim.wait(calls=self.CALLS)["in_flight"]
        for connection in connections:
            connection.close()
        stats = sim.stats()
        stats = sim.wait(faults=self.CALLS - stats["delivered"])
        lines = sim.journal()[before:]
        self.assertEqual((stats["in_flight"], len(lines)), (0, self.CALLS))
        seen = collections.Counter(line["fault"] for line in lines)
        self.assertEqual(seen["hang"], hanging)
        self.assertEqual(stats["delivered"], seen[None] + seen["cut-after"])
        self.assertEqual({line["result"] for line in lines if line["fault"] in (None, "cut-after")}, {"delivered"})
        self.assertEqual(len({line["openid"] for line in lines}), self.CALLS)
        sim.stop()
        return seen

    def test_rates_compose(self):
        """Each rule takes its share of what the rules before it have left; the same seed does the same again."""
        seen = self.storm("7")
        left = self.CALLS
        for fault, rate in (("busy", 0.1), ("http503", 0.1), ("hang", 0.05), ("cut", 0.05), ("cut-after", 0.05)):
            expected = left * rate
            self.assertGreater(seen[fault], expected / 3, seen)
            self.assertLess(seen[fault], expected * 3, seen)
            left -= seen[fault]
        self.assertEqual(seen[None], left)
        self.assertEqual(self.storm("7"), seen)
        self.assertNotEqual(self.storm("8"), seen)


if __name__ == "__main__":
    unittest.main()
