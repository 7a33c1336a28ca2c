"""Every errcode of docs/wechat-errors.md through the whole ring: what the page says happens is what happens.

Each code has an account and a recipient of its own, so that all of them run side by side in one set. They share an AppID, but for those
whose code is about the access token."""
import json
import os
import re
import unittest

from ring import APP_ID, SECRET, Ring, pause, until

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/wechat-errors.md")
UNKNOWN = 50007  # is in no table
OTHER_APP_ID = "wx2222222222222222"
FINAL = ("pending", "recipient", "request", "duplicate")  # given to every call, other codes to the first one
FAST = {"backoff": "50ms, 50ms, 100ms", "backoff_jitter": "0", "probe": "300ms", "probe_max": "300ms", "rate_window": "1s"}


def read_page():
    """errcode -> class"""
    row = re.compile(r"^\| (-?\d+) \| ([a-z ]+) \|")
    with open(PAGE, encoding="utf-8") as page:
        return {int(m.group(1)): m.group(2) for m in map(row.match, page) if m}


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.codes = dict(read_page())
        cls.codes[UNKNOWN] = "request"
        assert len(cls.codes) > 100, cls.codes
        conf = {"wechat:" + cls.account(code): {"app_id": OTHER_APP_ID if name == "token" else APP_ID, "app_secret": SECRET}
                for code, name in cls.codes.items()}
        cls.ring = Ring(conf=dict(conf, broker=FAST), ini=cls.give_base)
        rules = ["e%d-=%d%s" % (code, code, "" if name in FINAL else "*1") for code, name in cls.codes.items() if code]
        for app_id in (APP_ID, OTHER_APP_ID):
            cls.ring.sim.arguments += ["--account", app_id + ":" + SECRET]
        cls.ring.__enter__()
        cls.ring.sim.post("/sim/faults", "\n".join(rules))
        cls.client, cls.operator = cls.ring.client(), cls.ring.operator()
        cls.fetches = cls.ring.sim.get("/sim/stats")["token_fetches"]
        cls.pushed = cls.client.ask(*[cls.message(code, n) for n in (1, 2) for code in cls.codes])

    @classmethod
    def tearDownClass(cls):
        cls.ring.__exit__(None, None, None)

    @staticmethod
    def account(code):
        return "a%d" % code if code >= 0 else "minus%d" % -code

    @staticmethod
    def give_base(ring, sections):
        for name, keys in ring.conf.items():
            if name.startswith("wechat:"):
                keys["api_base"] = ring.sim.base
        return sections

    @classmethod
    def message(cls, code, n):
        """The second one of each is for the same recipient."""
        return {"op": "push", "id": "m%d" % n, "app": cls.account(code), "openid": "e%d-" % code, "key": "test",
                "vars": {"n": str(n)}}

    def of_class(self, *names):
        codes = [code for code, name in self.codes.items() if name in names]
        self.assertTrue(codes, names)
        return codes

    def show(self, code, n=1):
        answer = self.operator.ask("show", filter={"app": self.account(code), "id": "m%d" % n})
        self.assertEqual(answer["code"], 200, answer)
        return answer["data"]

    def settled(self, code, n=1):
        entry = {}

        def is_settled():
            entry.update(self.show(code, n))
            return entry["state"] in ("sent", "pending", "refused", "dead", "expired") or pause()
        until(is_settled, "m%d of %d settled: %s" % (n, code, entry))
        return entry

    def calls(self, code):
        return [e for e in self.ring.sim.journal() if e["openid"] == "e%d-" % code]

    def check_tried(self, entry, code, outcome="retry"):
        self.assertEqual(entry["tries"][0]["errcode"], code, entry)
        self.assertEqual(entry["tries"][0]["outcome"], outcome, entry)
        self.assertEqual(entry["tries"][0]["http"], 200, entry)

    def test_all_are_accepted(self):
        self.assertEqual({r["code"] for r in self.pushed}, {200})

    def test_every_class_is_tested(self):
        tested = {"sent", "pending", "retry", "recipient later", "token", "recipient", "request", "doubtful", "duplicate",
                  "template stopped", "slower", "quota", "account stopped"}
        self.assertEqual(set(self.codes.values()), tested)

    def test_sent_and_pending(self):
        for code in self.of_class("sent", "pending"):
            with self.subTest(code):
                entry = self.settled(code)
                self.assertEqual(entry["state"], self.codes[code])
                self.assertEqual((entry["calls"], entry["code"]), (1, 200))
                self.assertEqual(entry.get("errcode", 0), code)

    def test_refused(self):
        for code in self.of_class("recipient", "request", "duplicate"):
            with self.subTest(code):
                entry = self.settled(code)
                self.assertEqual((entry["state"], entry["calls"], entry["code"], entry["errcode"]), ("refused", 1, 400, code))
                self.assertRegex(entry["message"], r'"errmsg":".* ?rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}"')
                self.assertEqual(self.settled(code, 2)["state"], "refused")

    def test_retried(self):
        for code in self.of_class("retry", "doubtful"):
            with self.subTest(code):
                entry = self.settled(code)
                self.assertEqual((entry["state"], entry["calls"]), ("sent", 2))
                self.check_tried(entry, code, "refused" if self.codes[code] == "doubtful" else "retry")
                self.assertIn("rid: ", entry["tries"][0]["message"])

    def test_recipient_later(self):
        """Nothing else goes to the recipient before: the first message is called again before the second one."""
        for code in self.of_class("recipient later"):
            with self.subTest(code):
                self.check_tried(self.settled(code), code)
                self.assertEqual(self.settled(code, 2)["state"], "sent")
                values = [json.loads(e["body"])["data"]["first"]["value"] for e in self.calls(code)]
                self.assertEqual(values, ["1", "1", "2"])

    def test_token(self):
        """Called again at once with what the keeper gives; no failure is counted."""
        for code in self.of_class("token"):
            with self.subTest(code):
                entry = self.settled(code)
                self.assertEqual((entry["state"], entry.get("failures", 0)), ("sent", 0))
                self.assertGreaterEqual(len(self.calls(code)), 2)
        self.assertGreater(self.ring.sim.get("/sim/stats")["token_fetches"], self.fetches)

    def test_template_stopped(self):
        """Its messages wait until a person resumes it; the account goes on."""
        for code in self.of_class("template stopped"):
            with self.subTest(code):
                app = self.account(code)
                until(lambda: self.show(code)["state"] == "paused" or pause(), "m1 of %d set aside" % code)
                until(lambda: self.show(code, 2)["state"] == "paused" or pause(), "m2 of %d set aside" % code)
                pauses = [p for p in self.operator.ask("pauses")["data"] if p.get("app") == app]
                self.assertEqual([(p["kind"], p["name"], p["by"]) for p in pauses], [("template", "test", "WeChat:%d" % code)])
                self.assertEqual(len(self.calls(code)), 1)
                self.assertEqual(self.operator.ask("resume", filter={"app": app, "key": "test"})["code"], 200)
                entry = self.settled(code)
                self.assertEqual((entry["state"], entry["calls"]), ("sent", 2))
                self.check_tried(entry, code)
                self.assertEqual(self.settled(code, 2)["state"], "sent")

    def test_stopped_accounts_run_again(self):
        """By themselves: after WeChat's minute, or by a probe."""
        for code in self.of_class("slower", "quota", "account stopped"):
            with self.subTest(code):
                entry = self.settled(code)
                self.assertEqual(entry["state"], "sent")
                self.check_tried(entry, code)
                self.assertEqual(self.settled(code, 2)["state"], "sent")


if __name__ == "__main__":
    unittest.main()
