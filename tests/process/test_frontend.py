"""The frontend as callers in other languages use it: pyzmq and msgpack, DEALER and REQ; good requests and nonsense."""
import time
import unittest

import msgpack
import zmq

from ring import Ring, SIMPLE, pause, until

LIMITED = {"test": SIMPLE,
           "slow": '{"touser":"${OPENID}","template_id":"T","data":{},"$mega":{"lane":"express","ttl":"1h"}}'}


class Frontend(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(templates=LIMITED, sim=["--fault", "bad=43004", "--fault", "flaky=-1*2", "--fault", "lost=cut*1",
                                                "--fault", "never=http500", "--fault", "late=slow:700"],
                        conf={"templater": {"missing_variable": "reject"}, "wechat": {"max_attempts": "3"}})
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)

    def setUp(self):
        self.client = self.ring.client()

    def ask(self, **request):
        return self.client.ask_one(**request)

    def settled(self, **request):
        """The status of a message when it is neither waiting nor out."""
        result = {}

        def is_settled():
            result.update(self.ask(op="status", **request))
            return result["state"] not in ("waiting", "out") or pause()
        until(is_settled, "settled: %s" % request)
        return result

    def test_push_and_status(self):
        result = self.ask(op="push", id="p1", openid="o1", key="test", vars={"n": 1})
        self.assertEqual((result["code"], result["id"], result["state"]), (200, "p1", "waiting"))
        result = self.settled(id="p1")
        self.assertEqual((result["code"], result["state"]), (200, "sent"))
        self.assertGreater(result["msgid"], 2 ** 53)

    def test_send_refused(self):
        result = self.ask(op="send", openid="bad1", key="test", vars={"n": 1})
        self.assertEqual((result["code"], result["errcode"], result["state"]), (400, 43004, "refused"))
        self.assertIn('"openid":"bad1"', result["message"])

    def test_send_is_retried(self):
        result = self.ask(op="send", openid="flaky1", key="test", vars={"n": 1})
        self.assertEqual((result["code"], result["state"]), (200, "sent"))
        calls = [e for e in self.ring.sim.journal() if e["openid"] == "flaky1"]
        self.assertEqual(len(calls), 3)
        self.assertEqual(len({e["client_msg_id"] for e in calls}), 3, "a call known to have failed gets a new number")

    def test_unknown_outcome_keeps_its_number(self):
        result = self.ask(op="send", openid="lost1", key="test", vars={"n": 1})
        self.assertEqual(result["code"], 200)
        calls = [e for e in self.ring.sim.journal() if e["openid"] == "lost1"]
        self.assertEqual(len(calls), 2)
        self.assertEqual(len({e["client_msg_id"] for e in calls}), 1)

    def test_send_gives_up(self):
        result = self.ask(op="send", id="n1", openid="never1", key="test", vars={"n": 1})
        self.assertEqual((result["code"], result["state"]), (500, "dead"))
        self.assertIn("WeChat", result["message"])
        self.assertEqual(self.ask(op="status", id="n1")["state"], "dead")

    def test_same_id_is_one_message(self):
        request = dict(op="push", id="same", openid="osame", key="test", vars={"n": 1})
        results = self.client.ask(*[request] * 5)
        self.assertEqual({r["code"] for r in results}, {200})
        self.settled(id="same")
        self.assertEqual(self.ask(**request)["state"], "sent")
        self.assertEqual(len([e for e in self.ring.sim.journal() if e["openid"] == "osame"]), 1)
        other = self.ask(**dict(request, vars={"n": 2}))
        self.assertEqual(other["code"], 400)
        self.assertIn("id", other["message"])

    def test_status_that_waits(self):
        """Answered when the message has ended, whatever its state was; at once when it has, or is unknown."""
        self.assertEqual(self.ask(op="status", id="nobody", wait=True)["code"], 404)
        self.ask(op="push", id="w1", openid="late-w1", key="test", vars={"n": 1}, **{"in": 300})
        answers = self.client.ask(dict(op="status", id="w1", wait=True), dict(op="status", id="w1"))
        self.assertEqual([(a["code"], a["state"]) for a in answers], [(200, "sent"), (100, "waiting")])
        self.assertEqual(self.ask(op="status", id="w1", wait=True)["state"], "sent")
        self.ask(op="push", id="w2", openid="o", key="test", vars={"n": 1}, **{"in": 3600000})
        waiting = self.client.submit([dict(op="status", id="w2", wait=True)])
        self.assertEqual(self.ask(op="cancel", id="w2")["state"], "cancelled")
        answer, = self.client.collect(waiting).values()
        self.assertEqual((answer["code"], answer["state"]), (409, "cancelled"))

    def refused(self):
        operator = self.ring.operator()
        try:
            return operator.status()["refusals"]
        finally:
            operator.close()

    def test_check_keeps_nothing(self):
        self.assertEqual(self.ask(op="check", id="c1", openid="o", key="test", vars={"n": 1})["code"], 200)
        self.assertEqual(self.ask(op="status", id="c1")["code"], 404)
        missing = self.ask(op="check", openid="o", key="test")
        self.assertEqual((missing["code"], missing["message"]), (400, "n: missing; the template needs this variable"))
        self.assertEqual(self.ask(op="check", openid="o", key="nosuch")["message"], "template key not exists")
        refused = self.refused()
        self.ask(op="push", id="c2", openid="o", key="test", vars={"n": 1}, **{"in": 3600000})
        self.assertEqual(self.ask(op="check", id="c2", openid="o", key="test", vars={"n": 1})["state"], "waiting")
        self.assertEqual(self.ask(op="check", id="c2", openid="other", key="test", vars={"n": 1})["code"], 400)
        self.assertEqual(self.refused(), refused, "nobody wanted to send anything")
        self.ask(op="cancel", id="c2")

    def test_schedule_and_cancel(self):
        self.assertEqual(self.ask(op="push", id="later", openid="o", key="test", vars={"n": 1}, **{"in": 3600000})["code"], 200)
        self.assertEqual(self.ask(op="status", id="later")["state"], "waiting")
        self.assertEqual(self.ask(op="cancel", id="later")["state"], "cancelled")
        result = self.ask(op="status", id="later")
        self.assertEqual((result["code"], result["state"]), (409, "cancelled"))
        now_ms = int(time.time() * 1000)
        self.ask(op="push", id="soon", openid="osoon", key="test", vars={"n": 1}, at=now_ms + 400)
        self.assertEqual(self.settled(id="soon")["state"], "sent")
        entry, = [e for e in self.ring.sim.journal() if e["openid"] == "osoon"]
        self.assertGreaterEqual(entry["t"], now_ms + 400)

    def test_ttl(self):
        # The first call for a recipient holds the second one back beyond its ttl.
        self.ask(op="push", id="ahead", openid="late1", key="test", vars={"n": 1})
        self.ask(op="push", id="expires", openid="late1", key="test", vars={"n": 2}, ttl=100)
        result = self.settled(id="expires")
        self.assertEqual((result["code"], result["state"]), (408, "expired"))

    def test_one_call_per_recipient(self):
        requests = [dict(op="push", id="r%d" % i, openid="orow", key="test", vars={"n": "row %03d" % i}) for i in range(200)]
        self.client.ask(*requests)
        for request in requests:
            self.settled(id=request["id"])
        calls = [e for e in self.ring.sim.journal() if e["openid"] == "orow"]
        self.assertEqual([e["result"] for e in calls], ["delivered"] * 200)
        texts = [e["body"].split("row ")[1][:3] for e in calls]
        self.assertEqual(texts, sorted(texts), "first come, first served")

    def test_refusals_name_the_field(self):
        good = dict(op="push", openid="o", key="test", vars={"n": 1})
        cases = [
            (dict(good, openid=""), "openid"), (dict(good, openid="x" * 129), "openid"), (dict(good, openid=5), "openid"),
            (dict(good, key="nokey"), "template key not exists"), (dict(good, key="k" * 70), "template key not exists"),
            (dict(good, vars={}), "n: missing"), (dict(good, vars={"n": [1]}), "n:"), (dict(good, vars={"n": {}}), "n:"),
            (dict(good, vars=[1]), "vars"), (dict(good, vars={1: 1}), "vars"), (dict(good, vars={"n": b"\xff"}), "n:"),
            (dict(good, vars={str(i): 1 for i in range(1025)}), "vars"),
            (dict(good, id="x" * 65), "id"), (dict(good, id="a b"), "id"), (dict(good, id=1), "id"),
            (dict(good, app="nobody"), "app"), (dict(good, app=[]), "app"),
            (dict(good, at="soon"), "at"), (dict(good, at=2 ** 62), "at"), (dict(good, **{"in": -1}), "in"),
            (dict(good, **{"in": 401 * 86400000}), "in"), (dict(good, at=1, **{"in": 1}), "at"),
            (dict(good, ttl=-5), "ttl"), (dict(good, lane="fast"), "lane"), (dict(good, task="t" * 65), "task"),
            (dict(good, colour="red"), "colour"), (dict(good, op="publish"), "op"), ({"openid": "o"}, "op"),
            (dict(op="status"), "id"), (dict(op="cancel"), "id"), (dict(op="tset"), "key"),
            (dict(op="tset", key="nokey"), "template key not exists"),
        ]
        results = self.client.ask(*[request for request, _ in cases])
        for (request, field), result in zip(cases, results):
            with self.subTest(field=field, request=str(request)[:100]):
                self.assertEqual(result["code"], 400, result)
                self.assertIn(field, result["message"])
        self.assertEqual(self.ask(op="status", id="never-seen")["code"], 404)

    def raw(self, *frames):
        """Sends frames as they are and returns as many results."""
        self.client.socket.send_multipart(list(frames))
        results = []
        while len(results) < len(frames):
            self.assertTrue(self.client.socket.poll(10000), "no answer")
            results += [msgpack.unpackb(f) for f in self.client.socket.recv_multipart()]
        return results

    def test_nonsense(self):
        big = msgpack.packb(dict(op="push", openid="o", key="test", vars={"n": "x" * 3000000}, ref=9))
        frames = [b"\xc1", b"\x93\x01", b"\x01", b"\xa5hello", msgpack.packb([1, 2]), msgpack.packb({}), msgpack.packb({1: 2}),
                  b"\xdf\xff\xff\xff\xff", b"\xdd\x10\x00\x00\x00", big,
                  msgpack.packb(dict(op="push", ref={"a": 1})), b"\x91" * 100000]
        results = self.raw(*frames)
        for frame, result in zip(frames, results):
            with self.subTest(frame[:30]):
                self.assertEqual(result["code"], 400, result)
                self.assertRegex(result["message"], "^(request|op|ref):")
        self.assertEqual(self.ask(op="ping")["state"], "ready")

    def ask_packed(self, frame, count):
        """The results of a frame of several requests, in their order; they come packed as well."""
        self.client.socket.send(frame)
        results = msgpack.Unpacker()
        found = []
        while len(found) < count:
            self.assertTrue(self.client.socket.poll(10000), found)
            for part in self.client.socket.recv_multipart():
                results.feed(part)
            found += list(results)
        self.assertEqual(len(found), count, found)
        return found

    def test_several_in_a_frame(self):
        requests = [dict(op="push", openid="opack%d" % i, id="pack-%d" % i, key="test", vars={"n": i}, ref=i) for i in range(300)]
        requests[7] = dict(op="push", openid="opack7", key="test", colour="red", ref=7)
        results = self.ask_packed(b"".join(map(msgpack.packb, requests)), 300)
        self.assertEqual([r["ref"] for r in results], list(range(300)))
        self.assertEqual([r["code"] for r in results], [200] * 7 + [400] + [200] * 292)
        self.assertEqual(self.settled(id="pack-299")["state"], "sent")

    def test_nonsense_behind_a_request(self):
        ping = msgpack.packb(dict(op="ping", ref=1))
        for behind, count in [(b"\x00", 1), (b"hello", 1), (b"\xc1" + ping, 1), (b"\x91" * 1000, 1)]:
            with self.subTest(behind[:10]):
                codes = [r["code"] for r in self.ask_packed(ping + behind, 1 + count)]
                self.assertEqual(codes, [200] + [400] * count)
        damaged = self.ask_packed(b"\xc1" + ping * 300000, 1)[0]
        self.assertEqual(damaged["message"], "request: not msgpack")
        results = self.ask_packed(ping * 5000, 4097)
        self.assertEqual([r["code"] for r in results], [200] * 4096 + [400])

    def test_big_but_good(self):
        result = self.ask(op="push", id="big", openid="o", key="test", vars={"n": 1, "unused": "x" * 2400000})
        self.assertEqual(result["code"], 200, result)
        self.assertEqual(self.settled(id="big")["state"], "sent")

    def test_req(self):
        socket = zmq.Context.instance().socket(zmq.REQ)
        socket.linger = 0
        socket.connect(self.ring.frontend)
        try:
            for request, code in [(dict(op="ping"), 200), (dict(op="push", openid="oreq", key="test", vars={"n": 1}), 200),
                                  (dict(op="send", openid="oreq2", key="test", vars={"n": 1}), 200), (b"\xc1", 400),
                                  (b'{"op": "push", "openid": "oreq3"}' * 50, 400), (msgpack.packb(dict(op="ping")) * 3, 400),
                                  (dict(op="nonsense"), 400)]:
                socket.send(request if isinstance(request, bytes) else msgpack.packb(request))
                self.assertTrue(socket.poll(10000))
                parts = socket.recv_multipart()
                self.assertEqual([msgpack.unpackb(p)["code"] for p in parts], [code])
        finally:
            socket.close()

    def test_many_at_once(self):
        requests = [dict(op="push", openid="om%d" % i, key="test", vars={"n": i}) for i in range(5000)]
        results = self.client.ask(*requests)
        self.assertEqual({r["code"] for r in results}, {200})
        self.assertEqual(len({r["id"] for r in results}), 5000)

    def test_lane_of_template(self):
        self.assertEqual(self.ask(op="send", openid="oexp", key="slow")["state"], "sent")


if __name__ == "__main__":
    unittest.main()
