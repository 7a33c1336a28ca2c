"""Reports that come twice, or late: a sender offers a result again until it is confirmed, and confirmations get lost. What a refusal has led
to (fallback, a second try) is not undone by its second copy."""
import os
import unittest

import msgpack
import zmq

from ring import LIMIT_S, SIMPLE, Ring, deadline, pause, until

CUSTOM = '{"touser":"${OPENID}","msgtype":"text","text":{"content":"${n}"},"$mega":{"kind":"custom","fallback":"plain"}}'
KF, TEMPLATE = "/cgi-bin/message/custom/send", "/cgi-bin/message/template/send"


class LateReports(unittest.TestCase):
    def begin(self, *faults, backoff="50ms", senders=2):
        self.ring = Ring(templates={"plain": SIMPLE, "custom": CUSTOM}, conf={"broker": {"backoff": backoff}}, senders=senders,
                         sim=[argument for fault in faults for argument in ("--fault", fault)])
        self.ring.__enter__()
        self.addCleanup(self.ring.__exit__, None, None, None)
        self.client, self.operator = self.ring.client(), self.ring.operator()

    def show(self, id):
        return self.operator.ask("show", filter={"id": id})["data"]

    def push(self, openid, key):
        self.assertEqual(self.client.ask_one(op="push", id=openid, openid=openid, key=key, vars={"n": "a"})["code"], 200)

    def calls(self, openid):
        return [(e["path"], e["errcode"]) for e in self.ring.sim.journal(None) if e.get("openid") == openid]

    def report(self, seq, turn, outcome, errcode, cause=""):
        """A stage comes, offers this result, has it confirmed and leaves."""
        name = "again-" + os.urandom(4).hex()
        stage = zmq.Context.instance().socket(zmq.DEALER)
        stage.linger = 0
        stage.setsockopt(zmq.IDENTITY, name.encode())
        stage.connect("ipc://%s/run/control.ipc" % self.ring.folder)
        epoch = int.from_bytes(os.urandom(7), "big")
        text = '{"errcode":%d,"errmsg":"again","openid":"o"}' % errcode
        for m in ({"t": "hello", "kind": "templater", "name": name, "epoch": epoch, "version": "1", "clock": 1},
                  {"t": "results", "epoch": epoch, "results": [[seq, turn, outcome, errcode, 0, 200, 1, text, cause]]}):
            stage.send(msgpack.packb(m))
        heard, end = [], deadline()
        while "confirm" not in heard:
            self.assertTrue(stage.poll(LIMIT_S * 1000))
            heard += [msgpack.unpackb(frame, strict_map_key=False)["t"] for frame in stage.recv_multipart()]
        stage.send(msgpack.packb({"t": "bye", "epoch": epoch}))
        pause(20)  # for the bye to leave: closed without it the stage counts as silent, which is as good
        stage.close()

    def windows(self, openid):
        return {w["action"]: w for w in self.operator.ask("windows", filter={"openid": openid})["data"]}

    def until_settled(self, id):
        until(lambda: self.show(id)["state"] not in ("ready", "out", "waiting", "scheduled", "parked") or pause(), "settled")
        return self.show(id)

    def test_fallback_is_out(self):
        self.begin("kf=45015*1", "kf=slow:1000@1")
        self.push("kf1", "custom")
        until(lambda: (self.show("kf1").get("fallback") and self.show("kf1")["state"] == "out") or pause(), "fell back")
        self.report(self.show("kf1")["seq"], 1, "refused", 45015)
        self.assertEqual(self.until_settled("kf1")["state"], "sent")
        self.assertEqual(self.calls("kf1"), [(KF, 45015), (TEMPLATE, 0)])

    def test_fallback_waits(self):
        self.begin("kf=45015*1")
        self.operator.ask("pause", filter={"key": "plain"})
        self.push("kf1", "custom")
        until(lambda: self.show("kf1")["state"] == "paused" or pause(), "set aside under the fallback")
        self.report(self.show("kf1")["seq"], 1, "refused", 45015)
        self.assertEqual(self.show("kf1")["state"], "paused")
        self.report(self.show("kf1")["seq"], 1, "refused", 43004)  # of something else: it counts
        self.assertEqual((self.show("kf1")["state"], self.show("kf1")["errcode"]), ("refused", 43004))

    def test_late_success_and_windows(self):
        """A late success takes one from the customer-service windows that were open at its first call, and none from one opened since."""
        self.begin("kf=-1*1", "menu=-1*1", backoff="1h")
        for openid, action in (("kf1", "message"), ("menu1", "menu")):
            self.assertEqual(self.client.ask_one(op="window", openid=openid, action=action)["code"], 200)
            self.push(openid, "custom")
            until(lambda: self.show(openid).get("errcode") == -1 or pause(), "failed once")
        pause(10)
        self.assertEqual(self.client.ask_one(op="window", openid="menu1", action="menu")["code"], 200)
        for openid, action, left in (("kf1", "message", 19), ("menu1", "menu", 20)):
            self.report(self.show(openid)["seq"], 1, "sent", 0)
            self.assertEqual(self.show(openid)["state"], "sent")
            self.assertEqual(self.windows(openid)[action]["left"], left)

    def test_second_try(self):
        """40037 may be a mistake: a Push is tried once more, also if it is told twice."""
        self.begin("o=40037*1", backoff="700ms")
        self.push("o1", "plain")
        until(lambda: self.show("o1").get("errcode") == 40037 or pause(), "failed once")
        self.report(self.show("o1")["seq"], 1, "refused", 40037, "doubtful")
        self.assertEqual(self.until_settled("o1")["state"], "sent")
        self.assertEqual(self.calls("o1"), [(TEMPLATE, 40037), (TEMPLATE, 0)])

    def test_held_meanwhile(self):
        """It is set aside under its own template: it does not fall back there, where its place depends on the template."""
        self.begin()
        self.operator.ask("pause", filter={"key": "custom"})
        self.push("o1", "custom")
        self.report(self.show("o1")["seq"], 1, "refused", 45015)
        self.assertEqual((self.show("o1")["state"], self.show("o1").get("fallback")), ("paused", None))
        self.operator.ask("resume", filter={"key": "custom"})
        self.assertEqual(self.until_settled("o1")["state"], "sent")

    def dead(self, openid, key, op="push"):
        """A customer-service message whose sender is lost in mid-call."""
        request = dict(op=op, id=openid, openid=openid, key=key, vars={"n": "a"})
        self.client.submit([request])
        self.ring.sim.wait(in_flight=1)
        self.ring.restart("sender-1")
        until(lambda: self.show(openid)["state"] == "dead" or pause(), "dead")
        return self.show(openid)["seq"]

    def test_dead_falls_back(self):
        """The lost sender had WeChat's answer, and it is one that the template has a fallback for; but nothing is sent behind the back of
        a Send's caller, who was told that it is over."""
        self.begin("no=hang", senders=1)
        seq = self.dead("no1", "custom")
        self.ring.sim.post("/sim/faults", "")
        self.report(seq, 1, "refused", 45015)
        until(lambda: self.show("no1")["state"] in ("sent", "refused") or pause(), "settled")
        self.assertEqual((self.show("no1")["state"], self.show("no1")["fallback"]), ("sent", "plain"))
        totals = self.operator.status()["totals"]
        self.assertEqual([totals[n] for n in ("accepted", "sent", "dead", "requeued", "fallbacks")], [1, 1, 1, 1, 1])
        self.assertEqual(self.operator.status()["accounts"][0]["waiting"], 0)
        self.ring.sim.post("/sim/faults", "no=hang")
        self.report(self.dead("no2", "custom", "send"), 1, "refused", 45015)
        self.assertEqual((self.show("no2")["state"], self.show("no2").get("fallback")), ("refused", None))

    def test_dead_was_refused(self):
        """Whatever the code tells of others, it is the true result."""
        self.begin("no=hang", senders=1)
        self.report(self.dead("no1", "custom"), 1, "refused", 40037, "doubtful")
        self.assertEqual((self.show("no1")["state"], self.show("no1")["errcode"]), ("refused", 40037))

    def test_true_results_count(self):
        """The first final result settles a message wherever it stands."""
        self.begin()
        self.operator.ask("pause", filter={"key": "plain"})
        for openid, outcome, errcode in (("o1", "sent", 0), ("o2", "refused", 43004)):
            self.push(openid, "plain")
            self.report(self.show(openid)["seq"], 1, outcome, errcode)
            self.assertEqual(self.show(openid)["state"], outcome)
        self.operator.ask("resume", filter={"key": "plain"})
        self.push("o3", "plain")
        self.until_settled("o3")
        self.assertEqual(self.calls("o1") + self.calls("o2"), [])


if __name__ == "__main__":
    unittest.main()
