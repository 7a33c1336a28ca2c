"""Receipts: what WeChat's callback tells of a message joins its result, once and for good, whatever else happens; and shows wherever results
are shown."""
import csv
import io
import json
import os
import subprocess
import time
import unittest

from ring import BIN, LIMIT_S, Ring, SIMPLE, pause, until

NOTE = '{"touser":"${OPENID}","msgtype":"text","text":{"content":"${n}"},"$mega":{"kind":"custom"}}'
BIZ = '{"touser":"${OPENID}","template_id":"B","data":{"n":{"value":"${n}"}},"$mega":{"kind":"bizsubscribe"}}'
TEMPLATES = {"test": SIMPLE, "other": SIMPLE, "note": NOTE, "biz": BIZ}
OPTIONS = {"templates": TEMPLATES, "sim": ["--fault", "rev=40252", "--fault", "bad=43004"]}


def now_ms():
    return int(time.time() * 1000)


class ReceiptCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(**OPTIONS)
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)

    def setUp(self):
        self.client, self.operator = self.ring.client(), self.ring.operator()

    def send(self, id, openid=None, key="test"):
        return self.client.ask_one(op="send", id=id, openid=openid or "o-" + id, key=key, vars={"n": id})

    def receipt(self, code=200, **members):
        answer = self.client.ask_one(op="receipt", **members)
        self.assertEqual(answer["code"], code, answer)
        return answer

    def status(self, id):
        return self.client.ask_one(op="status", id=id)

    def entry(self, id):
        answer = self.operator.ask("show", filter={"id": id})
        self.assertEqual(answer["code"], 200, answer)
        return answer["data"]

    def indexed(self):
        until(lambda: self.operator.status()["store"]["index_left"] == 0 or pause(), "the index has caught up")


class Join(ReceiptCase):
    def test_each_outcome(self):
        for outcome, code, reason in (("delivered", 200, None), ("blocked", 400, "failed:user block"), ("failed", 500, "failed: system failed")):
            id = "each-" + outcome
            msgid, at = self.send(id)["msgid"], now_ms()
            answer = self.receipt(openid="o-" + id, msgid=msgid, outcome=outcome, at=at, message=reason)
            self.assertEqual((answer["id"], answer["state"]), (id, outcome))
            found = self.status(id)
            self.assertEqual((found["code"], found["state"], found["msgid"], found.get("message")), (code, outcome, msgid, reason))
            entry = self.entry(id)
            self.assertEqual((entry["state"], entry["code"], entry["received"]), (outcome, code, at))
            self.assertEqual(self.client.ask_one(op="push", id=id, openid="o-" + id, key="test", vars={"n": id})["state"], outcome)
            again = self.send(id)
            self.assertEqual((again["code"], again["state"]), (code, outcome))
            waited = self.client.ask_one(op="status", id=id, wait=True)
            self.assertEqual((waited["code"], waited["state"]), (code, outcome))

    def test_a_reason_is_always_there(self):
        msgid = self.send("reason")["msgid"]
        self.receipt(openid="o-reason", msgid=msgid, outcome="blocked")
        self.assertIn("blocked", self.status("reason")["message"])

    def test_twice(self):
        msgid, at = self.send("twice")["msgid"], now_ms()
        for later in (0, 0, 5000):
            self.assertEqual(self.receipt(openid="o-twice", msgid=msgid, outcome="failed", at=at + later)["state"], "failed")
        self.assertEqual(self.receipt(openid="o-twice", msgid=msgid, outcome="blocked", at=at)["state"], "failed", "the first one stays")
        self.assertEqual(self.entry("twice")["received"], at)
        self.assertEqual(self.receipt(openid="o-twice", msgid=msgid, outcome="delivered", at=at + 9000)["state"], "delivered",
                         "but for what says that it arrived")
        self.assertEqual(self.receipt(openid="o-twice", msgid=msgid, outcome="failed", at=at)["state"], "delivered")
        self.assertEqual(self.status("twice")["code"], 200)

    def test_unknown(self):
        msgid = self.send("known")["msgid"]
        self.receipt(404, openid="o-nobody", msgid=12345, outcome="delivered")
        self.receipt(404, openid="o-nobody", outcome="delivered")
        self.receipt(404, openid="o-nobody", msgid=msgid, outcome="delivered")
        self.receipt(404, openid="o-known", msgid=msgid + 1000000, outcome="delivered")
        self.assertEqual(self.status("known")["state"], "sent")
        self.assertIn("app", self.receipt(400, app="nowhere", openid="o-known", msgid=msgid, outcome="failed")["message"])

    def test_refused_and_waiting_ones_have_none(self):
        self.send("no", openid="bad-no")
        self.client.ask_one(op="push", id="later", openid="bad-no", key="test", vars={"n": 1}, **{"in": 3600000})
        self.indexed()
        self.receipt(404, openid="bad-no", outcome="delivered")
        self.assertEqual((self.status("no")["state"], self.status("later")["state"]), ("refused", "waiting"))

    def test_pending(self):
        self.assertEqual(self.send("review", openid="rev-1")["state"], "pending")
        self.indexed()
        self.receipt(404, openid="rev-1", msgid=77, outcome="delivered", at=now_ms() + 3600000 + 60000)
        for _ in range(2):
            self.assertEqual(self.receipt(openid="rev-1", msgid=77, outcome="delivered", at=now_ms() + 1800000)["id"], "review")
        found = self.status("review")
        self.assertEqual((found["code"], found["state"], found["msgid"]), (200, "delivered", 77))
        self.assertNotIn("errcode", found)

    def test_without_msgid(self):
        self.send("first", openid="o-zero")
        self.send("second", openid="o-zero")
        self.indexed()
        at = now_ms()
        for _ in range(2):
            self.assertEqual(self.receipt(openid="o-zero", msgid=0, outcome="blocked", at=at)["id"], "second")
        self.assertEqual(self.receipt(openid="o-zero", outcome="delivered", at=at + 1000)["id"], "first")
        self.receipt(404, openid="o-zero", outcome="delivered", at=at + 2000)

    def test_kinds_without_msgid(self):
        """WeChat's answer to a bizsubscribe message has none, its receipt has; of a custom message there is never a receipt."""
        self.send("biz-1", openid="o-biz", key="biz")
        self.send("note-1", openid="o-biz", key="note")
        self.indexed()
        self.assertEqual(self.receipt(openid="o-biz", msgid=4711, outcome="delivered", at=now_ms())["id"], "biz-1")
        self.assertEqual(self.status("biz-1")["msgid"], 4711)
        self.receipt(404, openid="o-biz", msgid=4712, outcome="delivered", at=now_ms())
        self.receipt(404, openid="o-biz", outcome="delivered", at=now_ms() + 1)
        self.assertEqual(self.status("note-1")["state"], "sent")

    def test_too_early(self):
        """Asked again it finds what is sent by then."""
        self.client.send([{"op": "push", "id": "early", "openid": "o-early", "key": "test", "vars": {"n": 1}, "in": 200, "ref": 1}])
        self.receipt(404, openid="o-early", outcome="delivered", at=now_ms())
        until(lambda: self.status("early")["code"] != 100 or pause(), "sent")
        until(lambda: self.client.ask_one(op="receipt", openid="o-early", outcome="delivered", at=now_ms())["code"] == 200 or pause(),
              "the receipt finds it")
        self.assertEqual(self.status("early")["state"], "delivered")


class Shown(ReceiptCase):
    def mega(self, *arguments):
        done = subprocess.run([os.path.join(BIN, "mega"), *arguments, "--control", self.ring.control], capture_output=True, text=True,
                              timeout=LIMIT_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_everywhere(self):
        for outcome in ("delivered", "blocked", "failed", None):
            for i in range(3 if outcome == "delivered" else 1):
                id = "show-%s-%d" % (outcome, i)
                msgid = self.send(id, key="other" if outcome == "blocked" else "test")["msgid"]
                if outcome:
                    self.receipt(openid="o-" + id, msgid=msgid, outcome=outcome, at=now_ms())
        ids = lambda state: {e["id"] for e in self.operator.list(state=state)}
        self.assertEqual(ids("sent"), {"show-None-0"}, "those without a receipt")
        self.assertEqual(ids("delivered"), {"show-delivered-%d" % i for i in range(3)})
        self.assertEqual(ids("blocked,failed"), {"show-blocked-0", "show-failed-0"})
        self.assertEqual(len(ids("settled")), 6)
        rows = list(csv.DictReader(io.StringIO(self.mega("queue", "export", "--state", "delivered"), newline="")))
        self.assertEqual([(r["state"], r["code"], r["received"] >= r["settled"][:19]) for r in rows], [("delivered", "200", True)] * 3)
        self.assertIn("blocked", self.mega("queue", "list", "--state", "blocked"))
        self.assertIn("received", self.mega("queue", "show", "show-failed-0"))
        lines = [line.split() for line in self.mega("queue", "delivery").splitlines()]
        self.assertEqual(lines[1:], [["default", "test", "5", "3", "0", "1", "1"], ["default", "other", "1", "0", "1", "0", "0"]])
        told = [json.loads(line) for line in self.mega("queue", "delivery", "--app", "default", "--json").splitlines()]
        self.assertEqual(told[1], {"app": "default", "key": "other", "sent": 1, "delivered": 0, "blocked": 1, "failed": 0})
        account = self.operator.status()["accounts"][0]
        self.assertEqual(account["delivery"], [["test", 5, 3, 0, 1], ["other", 1, 0, 1, 0]])
        self.assertEqual(account["sent"], 6, "a receipt is no second result")
        self.assertGreaterEqual(self.operator.status()["requests"]["receipt"], 5)


class Kept(unittest.TestCase):
    """Over restarts and kills of the broker, and until the ledger is purged."""

    def test_restart_and_kill(self):
        with Ring(**OPTIONS) as ring:
            client, operator = ring.client(), ring.operator()
            sent = client.ask(*[{"op": "send", "id": "k%d" % i, "openid": "o%d" % i, "key": "test", "vars": {"n": i}} for i in range(40)])
            at = now_ms()
            receipts = [{"op": "receipt", "openid": "o%d" % i, "msgid": r["msgid"], "at": at + i,
                         "outcome": ("delivered", "blocked", "failed")[i % 3]} for i, r in enumerate(sent)]
            for end in (lambda b: b.kill(), lambda b: b.term()):
                for result in client.ask(*receipts[:20]):
                    self.assertEqual(result["code"], 200, result)
                end(ring.stages["broker"])
                ring.stages["broker"].start()
                states = [r["state"] for r in client.ask(*[{"op": "status", "id": "k%d" % i} for i in range(40)])]
                self.assertEqual(states, [("delivered", "blocked", "failed")[i % 3] if i < 20 else "sent" for i in range(40)])
            for result in client.ask(*receipts):  # those of before are known, the others are news
                self.assertEqual(result["code"], 200, result)
            self.assertEqual(operator.status()["accounts"][0]["delivery"], [["test", 40, 14, 13, 13]])
            self.assertEqual(len(operator.list(state="delivered")), 14)

    def test_the_store_is_sound(self):
        with Ring(**OPTIONS) as ring:
            client = ring.client()
            sent = client.ask(*[{"op": "send", "id": "s%d" % i, "openid": "o%d" % i, "key": "test", "vars": {"n": i}} for i in range(20)])
            client.ask_one(op="send", id="review", openid="rev", key="test", vars={"n": 1})
            until(lambda: client.ask_one(op="receipt", openid="rev", msgid=5, outcome="delivered", at=now_ms())["code"] == 200 or pause(),
                  "the index has come to it")
            for i, result in enumerate(sent[:10]):
                client.ask_one(op="receipt", openid="o%d" % i, msgid=result["msgid"], outcome="failed", at=now_ms())
            ring.stages["broker"].term()
            store, rescued = os.path.join(ring.folder, "store"), os.path.join(ring.folder, "rescued")
            for arguments in (["verify", store], ["rescue", store, rescued], ["verify", rescued]):
                done = subprocess.run([os.path.join(BIN, "mega-store"), *arguments], capture_output=True, text=True, timeout=LIMIT_S)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            ring.conf.setdefault("server", {})["queue_file_path"] = rescued
            ring.write_conf()
            ring.stages["broker"].start()
            for i, result in enumerate(sent):
                found = client.ask_one(op="receipt", openid="o%d" % i, msgid=result["msgid"], outcome="failed", at=now_ms())
                self.assertEqual((found["code"], found["id"]), (200, "s%d" % i))


if __name__ == "__main__":
    unittest.main()
