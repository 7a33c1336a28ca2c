"""A message that WeChat refuses with one of fallback_on goes out once more by its fallback template: at once, under the same id, once; the
ledger shows both calls."""
import json
import unittest

from ring import SIMPLE, Ring, pause, until

CUSTOM = json.dumps({"touser": "${OPENID}", "msgtype": "text", "text": {"content": "${n}"},
                     "$mega": {"kind": "custom", "fallback": "plain"}})
CHOSEN = json.dumps({"touser": "${OPENID}", "template_id": "T2", "data": {"first": {"value": "${n}"}},
                     "$mega": {"fallback": "needy", "fallback_on": [43004]}})
CHAIN = json.dumps({"touser": "${OPENID}", "msgtype": "text", "text": {"content": "${n}"},
                    "$mega": {"kind": "custom", "fallback": "chosen"}})
LOST = json.dumps({"touser": "${OPENID}", "msgtype": "text", "text": {"content": "${n}"},
                   "$mega": {"kind": "custom", "fallback": "not-there"}})
NEEDY = json.dumps({"touser": "${OPENID}", "template_id": "T3", "data": {"first": {"value": "${n} ${more}"}}})
TEMPLATES = {"plain": SIMPLE, "custom": CUSTOM, "chosen": CHOSEN, "chain": CHAIN, "lost": LOST, "needy": NEEDY}
KF, TEMPLATE = "/cgi-bin/message/custom/send", "/cgi-bin/message/template/send"


class Fallback(unittest.TestCase):
    def setUp(self):
        self.ring = Ring(templates=TEMPLATES, senders=2, conf={"templater": {"missing_variable": "reject"}},
                         sim=["--fault", "kf=45015*1", "--fault", "kc=45047*1", "--fault", "no=43004", "--fault", "gone=45015"])
        self.ring.__enter__()
        self.addCleanup(self.ring.__exit__, None, None, None)
        self.client, self.operator = self.ring.client(), self.ring.operator()

    def show(self, id):
        return self.operator.ask("show", filter={"id": id})["data"]

    def calls(self, openid):
        return [(e["path"], e["errcode"]) for e in self.ring.sim.journal(None) if e.get("openid") == openid]

    def test_window_closed(self):
        """Both default codes; the caller of a Send hears of the fallback's success only."""
        for openid, errcode in (("kf1", 45015), ("kc1", 45047)):
            result = self.client.ask_one(op="send", id=openid, openid=openid, key="custom", vars={"n": "hello"})
            self.assertEqual((result["code"], result["state"]), (200, "sent"))
            self.assertEqual(self.calls(openid), [(KF, errcode), (TEMPLATE, 0)])
            entry = self.show(openid)
            self.assertEqual((entry["state"], entry["key"], entry["fallback"], entry["calls"]), ("sent", "custom", "plain", 2))
            first, = entry["tries"]
            self.assertEqual((first["outcome"], first["errcode"], first["http"]), ("refused", errcode, 200))
            self.assertNotIn("key", first)
        self.assertEqual([a["fallbacks"] for a in self.operator.status()["accounts"]], [2])

    def test_other_codes_are_refusals(self):
        result = self.client.ask_one(op="send", openid="no1", key="custom", vars={"n": "hello"})
        self.assertEqual((result["code"], result["errcode"]), (400, 43004))
        self.assertEqual(self.calls("no1"), [(KF, 43004)])

    def test_chosen_codes(self):
        """Refused by the fallback as well: that answer counts, and nothing follows. The default codes are not meant here."""
        result = self.client.ask_one(op="send", id="no2", openid="no2", key="chosen", vars={"n": "a", "more": "b"})
        self.assertEqual((result["code"], result["errcode"]), (400, 43004))
        self.assertEqual(len(self.calls("no2")), 2)
        self.assertEqual(self.show("no2")["fallback"], "needy")
        result = self.client.ask_one(op="send", openid="gone1", key="chosen", vars={"n": "a", "more": "b"})
        self.assertEqual((result["code"], result["errcode"]), (400, 45015))
        self.assertEqual(len(self.calls("gone1")), 1)

    def test_once(self):
        """A fallback's own fallback is not followed."""
        result = self.client.ask_one(op="send", id="gone2", openid="gone2", key="chain", vars={"n": "a", "more": "b"})
        self.assertEqual((result["code"], result["errcode"]), (400, 45015))
        self.assertEqual(self.calls("gone2"), [(KF, 45015), (TEMPLATE, 45015)])

    def test_missing_template(self):
        """WeChat's answer stands, and the log says what is wrong."""
        result = self.client.ask_one(op="send", openid="kf2", key="lost", vars={"n": "a"})
        self.assertEqual((result["code"], result["errcode"]), (400, 45015))
        self.assertIn("fallback template does not exist", self.ring["broker"].log())

    def test_variables_of_the_fallback(self):
        """What the fallback needs is asked for at once, not when it is too late."""
        result = self.client.ask_one(op="push", openid="kf3", key="chosen", vars={"n": "a"})
        self.assertEqual(result["code"], 400)
        self.assertEqual(result["message"], "more: missing; the template's fallback needs this variable")

    def test_asking_again(self):
        """The id stays: submitting it again is a question, whatever it has fallen back to."""
        request = dict(op="send", id="same", openid="kf4", key="custom", vars={"n": "hello"})
        self.assertEqual(self.client.ask_one(**request)["code"], 200)
        self.assertEqual(self.client.ask_one(**request)["code"], 200)
        self.assertEqual(len(self.calls("kf4")), 2)

    def test_kill_between(self):
        """The broker dies while the fallback is out: it goes out again, by the fallback, and arrives once."""
        self.ring.sim.post("/sim/faults", "kf=45015*1\nkf=slow:700@1")
        self.client.ask_one(op="push", id="k", openid="kf5", key="custom", vars={"n": "hello"})
        until(lambda: self.show("k").get("fallback") or pause(), "fell back")
        self.ring.restart("broker")
        until(lambda: self.show("k")["state"] == "sent" or pause(), "sent")
        calls = self.calls("kf5")
        self.assertEqual(calls[0], (KF, 45015))
        self.assertEqual({path for path, _ in calls[1:]}, {TEMPLATE})
        delivered = [e for e in self.ring.sim.journal() if e["openid"] == "kf5" and e["result"] == "delivered"]
        self.assertEqual(len(delivered), 1)
        self.assertEqual(len({e["client_msg_id"] for e in self.ring.sim.journal() if e["openid"] == "kf5"}), 1)

    def test_paused_fallback(self):
        """A pause of the fallback template holds the message; of its own template it does not any more."""
        self.operator.ask("pause", filter={"key": "plain"})
        self.client.ask_one(op="push", id="p", openid="kf6", key="custom", vars={"n": "hello"})
        until(lambda: self.show("p")["state"] == "paused" or pause(), "set aside under the fallback")
        self.operator.ask("resume", filter={"key": "plain"})
        until(lambda: self.show("p")["state"] == "sent" or pause(), "sent")


if __name__ == "__main__":
    unittest.main()
