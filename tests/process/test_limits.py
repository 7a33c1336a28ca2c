"""What happens at the limits: floods at the frontend, a store that is full, Sends that nobody can settle."""
import collections
import os
import signal
import unittest

import msgpack
import zmq

from ring import BIN, Ring, pause, until


class Limits(unittest.TestCase):
    def test_a_thousand_for_one_do_not_hold_up_the_others(self):
        with Ring(sim=["--latency", "5"]) as ring:
            client = ring.client()
            requests = [dict(op="push", id="one%d" % i, openid="one", key="test", vars={"n": "one%d" % i}) for i in range(1000)]
            requests += [dict(op="push", id="o%d" % i, openid="o%d" % i, key="test", vars={"n": "o%d" % i}) for i in range(500)]
            client.ask(*requests)
            ring.sim.wait(delivered=1500)
            calls = ring.sim.delivered()
            last_other = max(i for i, e in enumerate(calls) if e["openid"] != "one")
            before = sum(e["openid"] == "one" for e in calls[:last_other])
            self.assertLess(before, 200, "others waited for the one")
            numbers = [e["body"].split('"value":"')[1].split('"')[0] for e in calls if e["openid"] == "one"]
            self.assertEqual(numbers, ["one%d" % i for i in range(1000)])

    def test_message_of_very_many_requests(self):
        with Ring() as ring:
            client = ring.client()
            client.socket.send_multipart([msgpack.packb({"op": "ping"})] * 50000)
            codes = collections.Counter()
            while codes[400] == 0:
                self.assertTrue(client.socket.poll(20000))
                for answer in map(msgpack.unpackb, client.socket.recv_multipart()):
                    codes[answer["code"]] += 1
                    if answer["code"] == 400:
                        self.assertIn("4096", answer["message"])
            self.assertEqual(codes, {200: 4096, 400: 1})
            self.assertEqual(ring.client().ask_one(op="ping")["state"], "ready")

    def test_many_callers_wait_for_one_id(self):
        """The latest 64 are answered when it is sent; the others, who were forgotten, when they ask again."""
        with Ring(sim=["--latency", "500"]) as ring:
            client = ring.client()
            asked = client.submit([dict(op="send", id="one", openid="o", key="test")] * 500)
            first = []
            while len(first) < 64:
                self.assertTrue(client.socket.poll(20000))
                first += [msgpack.unpackb(frame) for frame in client.socket.recv_multipart()]
            self.assertEqual({r["ref"] for r in first}, set(sorted(asked)[-64:]))
            self.assertFalse(client.socket.poll(300), "nobody else is answered")
            self.assertEqual({r["code"] for r in first + client.ask(*[asked[ref] for ref in sorted(asked)[:-64]])}, {200})

    def test_send_is_given_up_when_nobody_can_call(self):
        """After its first call a Send is answered within send_patience, even when there is no sender any more."""
        conf = {"broker": {"send_patience": "1500ms", "backoff": "300ms"}}
        with Ring(senders=1, sim=["--fault", "f=-1"], conf=conf) as ring:
            client = ring.client()
            asked = client.submit([dict(op="send", id="s", openid="f1", key="test")])
            ring.sim.wait(calls=1)
            ring["sender-1"].kill()
            result, = client.collect(asked, again_s=60).values()
            self.assertEqual((result["code"], result["state"]), (500, "dead"))
            ring["sender-1"].start()
            ring.wait_ready()
            self.assertEqual(client.ask_one(op="send", openid="g1", key="test")["state"], "sent")
            self.assertLessEqual(len([e for e in ring.sim.journal() if e["openid"] == "f1"]), 6)

    def test_send_waits_for_its_first_call_as_long_as_it_must(self):
        """Its patience begins with a call, not with being given out: no templater, then no token."""
        conf = {"broker": {"send_patience": "300ms", "out_max": "600ms"}}
        with Ring(sim=["--latency", "1"], conf=conf) as ring:
            client = ring.client()
            ring["templater-1"].signal(signal.SIGSTOP)  # it takes the job and does nothing with it
            asked = client.submit([dict(op="send", id="s", openid="o1", key="test")])
            until(lambda: "fence closed" in ring["broker"].log().split("fell silent")[-1]
                  and "fell silent" in ring["broker"].log() or pause(), "the templater is given up")
            self.assertFalse(client.socket.poll(600), "answered although there was no call")
            ring["templater-1"].signal(signal.SIGCONT)
            result, = client.collect(asked, again_s=60).values()
            self.assertEqual((result["code"], result["state"]), (200, "sent"))

    def test_send_behind_a_backlog_is_given_up_in_time(self):
        conf = {"broker": {"send_patience": "1500ms", "backoff": "1s"}, "wechat": {"rate": "20"}}
        with Ring(sim=["--fault", "f=-1"], conf=conf) as ring:
            client = ring.client()
            asked = client.submit([dict(op="send", id="s", openid="f1", key="test")])
            ring.sim.wait(calls=1)
            client.ask(*[dict(op="push", openid="p%d" % i, key="test") for i in range(300)])
            result, = client.collect(asked, seconds=10, again_s=60).values()
            self.assertEqual((result["code"], result["state"]), (500, "dead"))

    def test_repeated_after_an_unknown_outcome_is_sent(self):
        with Ring(sim=["--fault", "d=cut-after*1", "--fault", "d=44007"]) as ring:
            self.assertEqual(ring.client().ask_one(op="send", openid="d1", key="test")["state"], "sent")
            self.assertEqual(ring.client().ask_one(op="send", openid="o1", key="test")["state"], "sent")

    def test_place_taken_by_another_of_the_same_name(self):
        """Somebody comes to the broker with the name of a stage, and goes: the stage finds back, by itself."""
        with Ring(senders=1) as ring:
            for name in ("sender-1", "templater-1"):
                thief = zmq.Context.instance().socket(zmq.DEALER)
                thief.linger = 0
                thief.identity = name.encode()
                thief.connect(ring.control)
                until(lambda: "lease ran out" in ring[name].log() or pause(), name + " is cut off")
                thief.close()
            self.assertEqual(ring.client().ask_one(op="send", openid="o", key="test")["state"], "sent")

    def test_fewer_files_than_slots(self):
        """A sender raises its limit of open files as far as it may, and says at the start when that is not enough."""
        for hard, is_enough in ((4096, True), (100, False)):
            with self.subTest(hard), Ring(senders=1, sim=["--latency", "20"], conf={"sender": {"slots": "200"}}) as ring:
                sender = ring["sender-1"]
                sender.term()
                sender.program, *sender.arguments = ["/usr/bin/prlimit", "--nofile=64:%d" % hard,
                                                     os.path.join(BIN, sender.program)] + sender.arguments
                sender.start()
                results = ring.client().ask(*[dict(op="send", openid="of%d" % i, key="test", vars={"n": i}) for i in range(600)])
                self.assertEqual({r["state"] for r in results}, {"sent"})
                self.assertEqual(ring.sim.get("/sim/stats")["calls"], 600)
                self.assertEqual("more than there may be open files" in sender.log(), not is_enough)

    def test_store_full(self):
        """New messages get 503, what is accepted stays, and accepting goes on when there is room again."""
        big = "x" * 2400000
        with Ring(conf={"broker": {"store_size": "512M"}}) as ring:
            client, kept = ring.client(), []

            def push(i):
                result = client.ask_one(op="push", id="b%d" % i, openid="o", key="test", vars={"big": big}, **{"in": 3600000})
                if result["code"] == 200:
                    kept.append("b%d" % i)
                return result
            results = [push(i) for i in range(40)]
            while results[-1]["code"] == 200:
                results.append(push(len(results)))
                self.assertLess(len(results), 400)
            self.assertEqual(results[-1]["code"], 503)
            self.assertIn("store_size", results[-1]["message"])
            # A flood at once cannot get past the limit either.
            frames = [dict(op="push", id="f%d" % i, openid="o", key="test", vars={"big": big}, **{"in": 3600000})
                      for i in range(60)]
            self.assertEqual({r["code"] for r in client.ask(*frames)} - {503, 400}, set())
            self.assertTrue(ring["broker"].alive())
            self.assertEqual({r["state"] for r in client.ask(*[dict(op="status", id=x) for x in kept])}, {"waiting"})
            client.ask(*[dict(op="cancel", id=x) for x in kept[:len(kept) // 2]])
            until(lambda: push(1000)["code"] == 200 or pause(100), "accepting again")

    def test_disk_nearly_full(self):
        """With more free space demanded than there is, nothing new is accepted and what waits still goes out."""
        with Ring() as ring:
            client = ring.client()
            client.ask_one(op="push", id="before", openid="o", key="test", **{"in": 2000})
            ring["broker"].term()
            ring.conf.setdefault("broker", {})["min_free_space"] = "900000G"
            ring.write_conf()
            ring["broker"].start()
            result = client.ask_one(op="push", openid="o", key="test")
            self.assertEqual(result["code"], 503)
            self.assertIn("min_free_space", result["message"])
            ring.sim.wait(delivered=1)

    def test_receipts_of_a_full_store(self):
        """A receipt makes a result longer: one that is news waits until there is room, so that what is out can always be settled."""
        with Ring() as ring:
            client = ring.client()
            told = dict(op="receipt", openid="o", outcome="failed", msgid=client.ask_one(op="send", id="1", openid="o", key="test")["msgid"])
            ring["broker"].term()
            for room, code in (("900000G", 503), ("1M", 200), ("900000G", 200)):
                ring.conf.setdefault("broker", {})["min_free_space"] = room
                ring.write_conf()
                ring["broker"].start()
                answer = ring.client().ask_one(**told)
                self.assertEqual(answer["code"], code, answer)
                ring["broker"].term()
            self.assertEqual(answer["state"], "failed")


if __name__ == "__main__":
    unittest.main()
