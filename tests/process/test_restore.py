"""What docs/operations.md says of a backup that is restored: which messages are sent again and under which client_msg_id, which are not,
and that what was sent since can be cancelled before anything goes out."""
import os
import shutil
import subprocess
import unittest

from ring import BIN, Ring, pause, until

TEMPLATE = '{"touser":"${OPENID}","template_id":"T1","data":{"thing1":{"value":"tea"}}}'
CUSTOM = '{"touser":"${OPENID}","msgtype":"text","text":{"content":"tea"},"$mega":{"kind":"custom"}}'
STAGES = ("gateway-1", "sender-1", "templater-1")
SLOTS = 8
LATER_MS = 3600000


class Restore(unittest.TestCase):
    def setUp(self):
        self.ring = Ring(templates={"order": TEMPLATE, "note": CUSTOM}, senders=1, conf={"sender": {"slots": str(SLOTS)}},
                         sim=["--fault", "oout=slow:2000*4", "--fault", "obegun=slow:2000*4",
                              "--fault", "olate=slow:2500*1"])
        self.ring.__enter__()
        self.addCleanup(self.ring.__exit__, None, None, None)
        self.client, self.operator = self.ring.client(), self.ring.operator()
        self.store, self.copy = (os.path.join(self.ring.folder, name) for name in ("store", "copy"))

    def push(self, key, *ids, **more):
        for result in self.client.ask(*[dict(more, op="push", openid="o" + i, key=key, id=i) for i in ids]):
            self.assertEqual(result["code"], 200, result)

    def until_depth(self, **depth):
        until(lambda: all(self.operator.status()["depth"][k] == n for k, n in depth.items()) or pause(), str(depth))

    def states(self):
        return {entry["id"]: entry["state"] for entry in self.operator.list(state="all")}

    def calls(self):
        """id -> the calls for it, as (result, client_msg_id)"""
        calls = {}
        for entry in self.ring.sim.journal(None):
            if "openid" in entry and "/message/" in entry["path"]:
                calls.setdefault(entry["openid"][1:], []).append((entry["result"], entry.get("client_msg_id")))
        return calls

    def back_up(self):
        subprocess.run([os.path.join(BIN, "mega-store"), "backup", self.store, self.copy], check=True, stdout=subprocess.PIPE)

    def put_back(self):
        """Everything is stopped, and the broker started alone."""
        for name in ("broker",) + STAGES:
            self.assertEqual(self.ring[name].term(), 0, name)
        os.rename(self.store, self.store + ".lost")
        os.rename(self.copy, self.store)
        self.ring["broker"].start()
        self.operator.ask("pause", filter={"all": True})
        self.until_depth(out=0)

    def test_old_backup(self):
        out, begun = ["out%d" % i for i in range(4)], ["begun%d" % i for i in range(4)]
        waiting = ["waiting%d" % i for i in range(6)]
        self.push("order", *out)
        self.push("note", *begun)
        self.until_depth(out=SLOTS)
        self.push("order", *waiting)
        self.push("order", "later", "cancelled", **{"in": LATER_MS})
        until(lambda: self.ring.sim.get("/sim/stats")["in_flight"] == SLOTS or pause(), "all are being called")
        self.back_up()
        self.client.ask(dict(op="cancel", id="cancelled"))
        self.push("order", "new")
        self.until_depth(out=0, ready=0, scheduled=1)
        before = self.calls()
        self.assertEqual({len(c) for c in before.values()}, {1})
        self.put_back()

        states = self.states()
        self.assertEqual({states[i] for i in out + waiting}, {"ready"})
        self.assertEqual({states[i] for i in begun}, {"dead"}, "on_unknown")
        self.assertEqual((states["later"], states["cancelled"]), ("scheduled", "scheduled"))
        self.assertEqual(self.client.ask_one(op="status", id="new")["code"], 404)
        self.client.ask(*[dict(op="cancel", id=i) for i in waiting[:3]])
        for name in STAGES:
            self.ring[name].start()
        self.operator.ask("resume", filter={"all": True})
        sent = out + waiting[3:]
        until(lambda: {self.states()[i] for i in sent} == {"sent"} or pause(), "what a pause held comes back turn by turn")

        after, states = self.calls(), self.states()
        for i in sent:
            self.assertEqual(after[i], before[i] + [("duplicate", before[i][0][1])], "sent again, as the same one")
        for i in begun + waiting[:3] + ["new"]:
            self.assertEqual(after[i], before[i], "not sent again")
        self.assertNotIn("later", after)

    def test_sender_goes_on(self):
        """It is called for a message that the backup does not know, whose number is free there; and it does not hold any more what it
        was called for at the backup."""
        begun = ["begun%d" % i for i in range(4)]
        self.push("note", *begun)
        until(lambda: self.ring.sim.get("/sim/stats")["in_flight"] == len(begun) or pause(), "all are being called")
        self.back_up()
        self.until_depth(out=0)
        self.push("order", "late")
        until(lambda: self.ring.sim.get("/sim/stats")["in_flight"] == 1 or pause(), "it is being called")
        self.ring["broker"].kill()
        shutil.copyfile(os.path.join(self.copy, "data.mdb"), os.path.join(self.store, "data.mdb"))
        self.ring["broker"].start()
        self.operator.ask("pause", filter={"all": True})
        self.push("order", "fresh")
        until(lambda: self.ring.sim.get("/sim/stats")["in_flight"] == 0 or pause(), "the late result")
        self.until_depth(out=0)
        self.assertEqual({self.states()[i] for i in begun}, {"dead"}, "on_unknown")
        self.operator.ask("resume", filter={"all": True})
        until(lambda: self.states()["fresh"] == "sent" or pause(), "fresh is sent")
        self.assertEqual(self.client.ask_one(op="status", id="late")["code"], 404)
        self.assertEqual({i: len(c) for i, c in self.calls().items()}, dict.fromkeys(begun + ["late", "fresh"], 1))


if __name__ == "__main__":
    unittest.main()
