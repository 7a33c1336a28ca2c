#!/usr/bin/env python3
"""mega-gateway as a process: what it makes of frames, results and streams of bytes. Real TCP clients in front of
it, a fake broker behind it.

    MEGA_BIN=build/bin python3 tests/process/test_gateway.py
"""

import json
import os
import select
import socket
import struct
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from harness_gateway import GatewayTest, Gateway, frame, push, send, tset  # noqa: E402


class Translation(GatewayTest):
    def test_requests_carry_everything(self):
        client = self.connect()
        client.send(push(1, "o1", "test", b'{"item":"x","n":39.5,"big":12345678901234567890123}',
                         " at=123 ttl=5000 lane=express task=t1 app=second id=my-id unknown=1 junk"))
        request = self.broker.request()
        self.assertEqual(request["op"], "push")
        self.assertEqual(request["openid"], "o1")
        self.assertEqual(request["key"], "test")
        self.assertEqual(request["vars"]["item"], "x")
        self.assertEqual(request["vars"]["n"], 39.5)
        self.assertEqual(request["vars"]["big"].data, b"12345678901234567890123")
        self.assertEqual([request[k] for k in ("at", "ttl", "lane", "task", "app", "id")],
                         [123, 5000, "express", "t1", "second", "my-id"])
        self.broker.answer(request)
        self.assertEqual(client.answer(), (200, 1, ""))
        client.send(send(2, body=b"[1,2]", more=" in=9"))
        request = self.broker.request()
        self.assertEqual((request["op"], request["vars"], request["in"]), ("send", {"0": 1, "1": 2}, 9))
        self.assertTrue(request["id"])
        self.broker.answer(request, 200, "ok", msgid=7)
        self.assertEqual(client.answer(), (200, 2, ""))
        client.send(tset(3, "other"))
        request = self.broker.request()
        self.assertEqual((request["op"], request["key"]), ("tset", "other"))
        self.broker.answer(request)
        self.assertEqual(client.answer(), (200, 3, ""))

    def test_ids_differ(self):
        client = self.connect()
        client.send(b"".join(push(i) for i in range(100)))
        ids = [request["id"] for request in self.broker.serve(100)]
        self.assertEqual(len(set(ids)), 100)
        self.assertRegex(ids[0], "^[0-9a-f]{32}-[0-9a-f]+$")
        client.answers(100)

    def test_codes(self):
        client = self.connect()
        for code, message, expected in ((400, "template key not exists", (400, "template key not exists")),
                                        (404, "no such id", (500, "no such id")),
                                        (408, None, (500, "message expired")),
                                        (409, None, (500, "message cancelled")),
                                        (500, "why", (500, "why")),
                                        (503, "disk nearly full", (500, "disk nearly full"))):
            client.send(push(code))
            self.broker.answer(self.broker.request(), code, message)
            self.assertEqual(client.answer(), (expected[0], code, expected[1]))
        client.send(send(1))
        request = self.broker.request()
        self.broker.answer(request, 100)
        self.nothing_more(client)
        text = '{"errcode":43004,"errmsg":"require subscribe","openid":"o1"}'
        self.broker.answer(request, 400, text, errcode=43004)
        self.assertEqual(client.answer(), (400, 1, text))

    def test_source_error_of_tset_closes(self):
        client = self.connect()
        client.send(tset(1) + push(2))
        for request in self.broker.requests(2):
            if request["op"] == "tset":
                self.broker.answer(request, 500, "no database")
            else:
                waiting = request
        self.assertEqual(client.answer(), (500, 1, "no database"))
        self.nothing_more(client)
        self.broker.answer(waiting)  # an accepted push is still answered
        self.assertEqual(client.answer(), (200, 2, ""))
        self.assertIsNone(client.answer())

    def test_answers_in_any_order(self):
        client = self.connect()
        client.send(b"".join(push(i) for i in range(50)))
        for request in reversed(self.broker.requests(50)):
            self.broker.answer(request)
        self.assertEqual([answer[1] for answer in client.answers(50)], list(range(49, -1, -1)))

    def test_answers_to_nobody(self):
        """Results that fit no request, and frames that are no results, harm nothing."""
        client = self.connect()
        client.send(push(1))
        request = self.broker.request()
        for wrong in ({"ref": 1 << 40}, {"ref": None}, {"ref": "x"}, {"ref": -1}, {"ref": (1 << 64) - 1}):
            self.broker.answer(dict(request, **wrong))
        damaged = [b"", b"\xc1", b"x" * 1000, b"\x80", b"\xdf\xff\xff\xff\xff"]
        self.broker.socket.send_multipart([request["peer"]] + damaged)
        self.broker.answer(request)
        self.broker.answer(request)  # twice
        self.assertEqual(client.answer(), (200, 1, ""))
        client.send(push(2))
        self.broker.answer(request)  # of an earlier use of the slot
        self.nothing_more(client)
        self.broker.serve(1)
        self.assertEqual(client.answer(), (200, 2, ""))

    def test_long_frame(self):
        text = b"x" * 2000000
        client = self.connect()
        client.send(push(1, body=b'{"item":"' + text + b'"}') + push(2))
        first, second = self.broker.serve(2)
        self.assertEqual(len(first["vars"]["item"]), len(text))
        self.assertEqual(client.answers(2), [(200, 1, ""), (200, 2, "")])
        self.assertNotIn("vars", second)

    def test_several_listeners(self):
        self.restart(listen=("127.0.0.1:0", "localhost:0"))
        for which in (0, 1):
            client = self.connect(which=which)
            client.send(push(which))
            self.broker.serve(1)
            self.assertEqual(client.answer(), (200, which, ""))
        with open(os.path.join(self.gateway.folder, "gateway.ports"), encoding="ascii") as file:
            ports = [int(line.rsplit(":", 1)[1]) for line in file]
        self.assertEqual(ports, [address[1] for address in self.gateway.addresses])

    def test_second_copy_and_second_name(self):
        other = Gateway(folder=self.gateway.folder, frontend=self.gateway.frontend)
        self.assertEqual(other.wait_end(), 1)
        other.close()
        other = Gateway(folder=self.gateway.folder, frontend=self.gateway.frontend, name="gateway-2")
        other.wait_ready()
        client = other.connect()
        client.send(push(1))
        self.broker.serve(1)
        self.assertEqual(client.answer(), (200, 1, ""))
        client.close()
        self.assertEqual(other.close(), 0)

    def test_address_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            other = Gateway(folder=self.gateway.folder, listen=("127.0.0.1:%d" % taken.getsockname()[1],), name="gateway-2")
            other.wait_event("cannot listen")
            self.assertEqual(other.wait_end(), 1)
            other.close()

    def test_two_gateways_share_an_address(self):
        host, port = self.gateway.addresses[0]
        other = Gateway(folder=self.gateway.folder, listen=("%s:%d" % (host, port),), name="gateway-2")
        self.assertEqual(other.wait_event("listening")["addr"], "%s:%d" % (host, port))
        self.assertEqual(other.close(), 0)


class Vectors(GatewayTest):
    """The recorded exchanges, with a broker that knows the same templates as the original did."""

    def broker_answers(self, vector, count):
        """Answers as many requests as the vector's frames make; returns when all are answered."""
        original = vector["original"]
        for request in self.broker.requests(count):
            if request["key"] == "long":
                text = "over template size" if request["op"] == "tset" else "template key not exists"
                self.broker.answer(request, 400, text)
            elif request["key"] not in ("test", "plain"):
                self.broker.answer(request, 400, "template key not exists")
            elif request["op"] == "send" and request["openid"].startswith("bad"):
                self.broker.answer(request, 400, bytes.fromhex(original["response_hex"])[26:].decode())
            elif request["op"] == "send" and request["openid"][:4] in ("h500", "garb", "drop"):
                self.broker.answer(request, 500, "WeChat unreachable after all attempts")
            else:
                self.broker.answer(request)

    @staticmethod
    def expected(vector):
        """(answers as (code, opaque, message) or None for any message, closes)."""
        answers, rest = [], bytes.fromhex(vector["original"]["response_hex"])
        while rest:
            length, header = struct.unpack(">II", rest[:8])
            opaque = struct.unpack(">I", rest[8 + header:12 + header])[0]
            code, message = rest[8:8 + header].split()[1], rest[16 + header:4 + length]
            answers.append((int(code), opaque, message.decode()))
            rest = rest[4 + length:]
        return answers, vector["original"]["closes"]

    @staticmethod
    def requests_of(vector):
        """How many requests of the vector reach the broker."""
        ours = vector.get("ours", {})
        answers, closes = Vectors.expected(vector)
        message = ours.get("message_contains", answers[0][2] if answers else "")
        if ours.get("closes", closes) or not (ours or answers):
            return 0
        if message in ("body", "item", "a", "openid"):
            return 0
        if vector["name"] in ("tset_empty_key", "push_empty_key", "send_key_70"):
            return 0
        return max(1, len(answers))

    def check(self, vector):
        client = self.gateway.connect()
        for segment in vector.get("segments_hex", [vector["request_hex"]]):
            client.send(bytes.fromhex(segment))
        self.broker_answers(vector, self.requests_of(vector))
        answers, closes = self.expected(vector)
        if "ours" in vector:
            ours = vector["ours"]
            code, _, message = client.answer()
            self.assertEqual(code, ours["code"])
            self.assertIn(ours["message_contains"], message)
            closes = ours["closes"]
        else:
            self.assertEqual(sorted(client.answers(len(answers))), sorted(answers))
        if closes:
            self.assertIsNone(client.answer())
        else:
            self.nothing_more(client, 0.002)
        client.close()

    def test_all(self):
        with open(os.path.join(HERE, "..", "data", "vectors.json"), encoding="utf-8") as file:
            vectors = json.load(file)["vectors"]
        self.assertGreater(len(vectors), 100)
        for vector in vectors:
            with self.subTest(vector["name"]):
                self.check(vector)


class Streams(GatewayTest):
    timeouts = {"frame_timeout": "300ms", "idle_timeout": "400ms"}

    def test_split_at_every_byte(self):
        self.restart(timeouts=None)
        client = self.connect()
        both = push(1, body=b'{"item":"x"}') + send(2)
        for cut in range(len(both) + 1):
            client.send(both[:cut])
            client.send(both[cut:])
            self.broker.serve(2)
            self.assertEqual(sorted(client.answers(2)), [(200, 1, ""), (200, 2, "")])
        for byte in both:
            client.send(bytes([byte]))
        self.broker.serve(2)
        client.answers(2)

    def test_pipelining_by_the_thousand(self):
        client = self.connect()
        client.send(b"".join(push(i, body=b'{"item":"x"}') for i in range(1000)))
        self.broker.serve(1000)
        self.assertEqual(sorted(answer[1] for answer in client.answers(1000)), list(range(1000)))

    def test_requests_travel_together(self):
        client = self.connect()
        client.send(b"".join(push(i) for i in range(500)))
        requests = self.broker.serve(500)
        self.assertGreater(max(request["together"] for request in requests), 10)
        self.assertLessEqual(max(request["together"] for request in requests), 256)
        client.answers(500)

    def test_broker_of_before(self):
        """One that does not say that it takes several requests in a frame gets one in each, also after one that does."""
        self.broker.serve_pings(lambda: self.broker.pings > 0)
        self.broker.away()
        self.broker.packs = False
        self.broker.open()
        client = self.connect()
        client.send(b"".join(push(i) for i in range(200)))
        requests = self.broker.serve(200)
        self.assertEqual({request["together"] for request in requests}, {1})
        client.answers(200)

    def test_frame_timeout(self):
        for beginning in (b"\0", push(1)[:-1], push(1)[:20]):
            client = self.connect()
            client.send(beginning)
            self.assertIsNone(client.answer())

    def test_frame_timeout_is_for_the_whole_frame(self):
        """Byte after byte does not help."""
        client, at, whole = self.connect(), 0, push(1, body=b'{"item":"' + b"x" * 100000 + b'"}')
        try:
            while not select.select([client.socket], [], [], 0.02)[0]:
                client.send(whole[at:at + 1])
                at += 1
            self.assertEqual(client.socket.recv(1), b"")
        except OSError:
            pass
        self.assertLess(at, 1000)

    def test_frame_timeout_is_for_each_frame(self):
        """A stream that is always in the middle of some frame is none that stands still."""
        client, whole = self.connect(), push(1)
        client.send(whole[:9])
        for _ in range(12):
            self.nothing_more(client, 0.06)
            client.send(whole[9:] + whole[:9])
            self.broker.serve(1)
            self.assertEqual(client.answer(), (200, 1, ""))

    def test_frame_timeout_answers_first(self):
        """What was handed over before the unfinished frame is answered first."""
        client = self.connect()
        client.send(push(1) + push(2)[:-1])
        request = self.broker.request()
        self.gateway.wait_event("frame not whole in time; connection ends")
        self.broker.answer(request)
        self.assertEqual(client.answer(), (200, 1, ""))
        self.assertIsNone(client.answer())

    def test_idle_timeout(self):
        client = self.connect()
        self.assertIsNone(client.answer())
        client = self.connect()
        client.send(push(1))
        self.broker.serve(1)
        self.assertEqual(client.answer(), (200, 1, ""))
        self.assertIsNone(client.answer())

    def test_unanswered_is_not_idle(self):
        client, other = self.connect(), self.connect()
        client.send(send(1))
        request = self.broker.request()
        self.assertIsNone(other.answer())
        self.nothing_more(client, 0.5)
        self.broker.answer(request)
        self.assertEqual(client.answer(), (200, 1, ""))
        self.assertIsNone(client.answer())

    def test_leave_in_mid_frame(self):
        for leave in ("close", "reset"):
            client = self.gateway.connect()
            client.send(push(1) + push(2)[:-1])
            request = self.broker.request()
            getattr(client, leave)()
            self.broker.answer(request)
            self.gateway.wait_event("connection closed")
        client = self.connect()
        client.send(push(3))
        self.broker.serve(1)
        self.assertEqual(client.answer(), (200, 3, ""))

    def test_half_close(self):
        client = self.connect()
        client.send(push(1) + send(2) + push(3)[:-1]).half_close()
        first, second = self.broker.requests(2)
        self.broker.answer(first)
        self.assertEqual(client.answer(), (200, 1, ""))
        self.nothing_more(client, 0.5)  # longer than either time limit
        self.broker.answer(second)
        self.assertEqual(client.answer(), (200, 2, ""))
        self.assertIsNone(client.answer())
        client = self.connect().half_close()
        self.assertIsNone(client.answer())

    def test_error_reaches_a_client_that_goes_on_sending(self):
        client = self.connect()
        client.send(push(1) + frame("zzz", 2) + push(3) * 5000)
        self.broker.serve(1)
        self.assertEqual(sorted(client.answers(2)), [(200, 1, ""), (500, 0, "Unknown command")])
        self.assertIsNone(client.answer())
        self.assertIsNone(self.broker.request(0.1))

    def test_package_limit(self):
        self.restart(setting="package_max_length = 1000")
        client = self.connect()
        fits = 1000 - len(push(1, body=b""))
        client.send(push(1, body=b" " * fits))
        self.broker.serve(1)
        self.assertEqual(client.answer(), (200, 1, ""))
        client.send(push(1, body=b" " * (fits + 1))[:4])  # its length is enough
        self.assertEqual(client.answer(), (500, 0, "Package too big"))
        self.assertIsNone(client.answer())


if __name__ == "__main__":
    unittest.main()
