#!/usr/bin/env python3
"""mega-gateway under pressure: crowds, bounds, a broker that goes away, and stopping. Real TCP clients in front of
it, a fake broker behind it.

    MEGA_BIN=build/bin python3 tests/process/test_gateway_bounds.py
"""

import os
import select
import signal
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from harness_gateway import WAIT_S, GatewayTest, frame, push, send, tset  # noqa: E402


CONN_PUSHES_MAX = 1024  # of gateway/limits.h
CONN_SENDS_MAX = 4096


class Crowds(GatewayTest):
    def test_a_thousand_connections(self):
        before = self.gateway.rss_bytes()
        clients = [self.connect() for _ in range(1000)]
        for i, client in enumerate(clients):
            client.send(push(i)[:10])
        for i, client in enumerate(clients):
            client.send(push(i)[10:])
        self.broker.serve(1000)
        for i, client in enumerate(clients):
            self.assertEqual(client.answer(), (200, i, ""))
        self.assertLess(self.gateway.rss_bytes() - before, 100 * 1024 * 1024)

    def test_no_descriptors_left(self):
        self.restart(files_max=160)  # 64 of them are kept for the gateway itself
        clients = [self.connect() for _ in range(200)]  # the kernel takes the others
        self.gateway.wait_event("connections at their limit; new ones wait")
        clients[0].send(push(1))
        self.broker.serve(1)
        self.assertEqual(clients[0].answer(), (200, 1, ""))
        for client in clients[:150]:
            client.close()
        clients[199].send(push(2))
        self.broker.serve(1)
        self.assertEqual(clients[199].answer(), (200, 2, ""))

    def test_who_waits_for_an_answer_makes_no_room(self):
        self.restart(files_max=160)
        client = self.connect()
        client.send(push(1) + push(2)[:10])
        asked = self.broker.request()
        crowd = [self.connect() for _ in range(150)]  # noqa: F841, none of them says a word
        self.gateway.wait_event("silent connection makes room for a new one")
        self.broker.answer(asked)
        self.assertEqual(client.answer(), (200, 1, ""))

    def test_client_that_never_reads(self):
        self.restart(timeouts={"frame_timeout": "500ms"})
        deaf = self.connect(receive_bytes=4096)
        wrong = frame("push  test", 1) * 1000  # each is answered at once, by itself
        end = time.monotonic() + WAIT_S
        while deaf.send_some(wrong) > 0 or select.select([], [deaf.socket], [], 0.05)[1]:
            self.assertLess(time.monotonic(), end, "the gateway reads for ever")
        other = self.connect()
        other.send(push(1))
        self.broker.serve(1)
        self.assertEqual(other.answer(), (200, 1, ""))
        fields = self.gateway.wait_event("client does not read its answers; connection closed")
        self.assertLess(int(fields["unread_bytes"]), 1024 * 1024)

    def test_slow_reader_goes_on(self):
        """A client that reads late gets everything."""
        client = self.connect(receive_bytes=4096)
        count = 100000
        todo = push(1, body=b'{"' + b"n" * 64 + b'":[]}') * count  # 16 MB of answers, more than the kernel holds
        while todo and select.select([], [client.socket], [], 0.1)[1]:
            todo = todo[client.send_some(todo):]
        for _ in range(count):
            if todo and select.select([], [client.socket], [], 0)[1]:
                todo = todo[client.send_some(todo):]
            self.assertEqual(client.answer()[0], 400)


class Bounds(GatewayTest):
    def test_memory_for_long_frames(self):
        """Of frames of 60 MB four at a time may come in; the fifth waits for one to end."""
        self.restart(setting="package_max_length = 64M")
        whole = push(1, body=b" " * 60000000)
        first = [self.connect() for _ in range(4)]
        for client in first:
            client.send(whole[:100000])
        probe = self.connect()
        probe.send(push(9))
        self.broker.serve(1)  # what was sent before is read by now
        self.assertEqual(probe.answer(), (200, 9, ""))
        last = self.connect()
        self.assertLess(self.unread(last, whole), len(whole))
        first[0].send(whole[100000:])  # the first ones are not held
        self.broker.serve(1)
        self.assertEqual(first[0].answer(), (200, 1, ""))
        first[1].close()
        last_rest = self.connect()
        last_rest.send(whole)
        self.broker.serve(1)
        self.assertEqual(last_rest.answer(), (200, 1, ""))

    def test_waiting_costs_nothing(self):
        """Whatever the gateway waits for, it sleeps."""
        self.restart(files_max=160, timeouts={"answer_timeout": "100ms"})
        held = self.connect()
        held.send(push(1) * 5000)
        self.broker.requests(CONN_PUSHES_MAX)
        ended = self.connect()
        ended.send(send(2)).half_close()
        self.broker.request()
        deaf = self.connect(receive_bytes=4096)
        self.unread(deaf, frame("push  test", 1) * 1000000)
        crowd = [self.connect() for _ in range(150)]  # noqa: F841, they are there
        self.gateway.wait_event("connections at their limit; new ones wait")
        self.broker.answers_pings = False
        before = self.gateway.cpu_s()
        self.nothing_more(held, 1)
        self.broker.away()
        self.gateway.wait_event("broker lost; unanswered requests wait")
        self.nothing_more(held, 1)
        self.assertLess(self.gateway.cpu_s() - before, 0.4)

    def unread(self, client, data):
        """Sends until the gateway stops reading and the kernel is full; returns the bytes that were taken."""
        taken, end = 0, time.monotonic() + WAIT_S
        while taken < len(data):
            self.assertLess(time.monotonic(), end)
            taken += client.send_some(data[taken:])
            if not select.select([], [client.socket], [], 0.2)[1]:
                return taken
        return taken

    def count_requests(self):
        found = []
        while True:
            request = self.broker.request(0.3)
            if request is None:
                return found
            found.append(request)

    def test_pushes_of_one_connection(self):
        client = self.connect()
        client.send(b"".join(push(i) for i in range(3000)))
        found = self.count_requests()
        self.assertEqual(len(found), CONN_PUSHES_MAX)
        self.broker.answer_all(found[:100])
        client.answers(100)
        more = self.count_requests()
        self.assertEqual(len(more), 100)
        self.broker.answer_all(found[100:] + more)
        self.broker.serve(3000 - CONN_PUSHES_MAX - 100)
        client.answers(2900)

    def test_gateway_stops_reading(self):
        client = self.connect()
        todo = push(1, body=b'{"item":"' + b"x" * 900 + b'"}') * 40000
        taken = self.unread(client, todo)
        self.assertLess(taken, len(todo))
        self.assertEqual(len(self.count_requests()), CONN_PUSHES_MAX)
        other = self.connect()  # is not held back by the first one
        other.send(push(7))
        self.broker.answer(self.broker.request())
        self.assertEqual(other.answer(), (200, 7, ""))

    def test_sends_have_their_own_bound(self):
        client = self.connect()
        client.send(b"".join(send(i) for i in range(CONN_SENDS_MAX)))
        sends = self.broker.requests(CONN_SENDS_MAX)
        client.send(push(1))
        self.broker.serve(1)
        self.assertEqual(client.answer(), (200, 1, ""))
        client.send(send(2))
        self.assertIsNone(self.broker.request(0.3))
        self.broker.answer_all(sends[:1])
        self.assertEqual(client.answer(), (200, sends[0]["ref"] and 0, ""))
        self.assertEqual(self.broker.request()["op"], "send")

    def test_pushes_in_all(self):
        clients = [self.connect() for _ in range(66)]
        for client in clients:
            client.send(b"".join(push(i) for i in range(CONN_PUSHES_MAX)))
        found = self.count_requests()
        self.assertEqual(len(found), 65536)
        extra = self.connect()
        extra.send(send(5))  # Sends are not held by waiting Pushes
        request = self.broker.request()
        self.assertEqual(request["op"], "send")
        self.broker.answer(request)
        self.assertEqual(extra.answer(), (200, 5, ""))
        self.broker.answer_all(found)
        self.broker.serve(66 * CONN_PUSHES_MAX - 65536)
        for client in clients:
            opaques = sorted(answer[1] for answer in client.answers(CONN_PUSHES_MAX))
            self.assertEqual(opaques, list(range(CONN_PUSHES_MAX)))


class BrokerAway(GatewayTest):
    timeouts = {"answer_timeout": "300ms"}

    def test_starts_without_a_broker(self):
        self.broker.away()
        client = self.connect()
        client.send(push(1))
        self.nothing_more(client, 1.2)
        self.broker.pings = 0
        self.broker.open()
        self.broker.serve(1)
        self.assertEqual(client.answer(), (200, 1, ""))
        self.assertLess(self.broker.pings, 4)  # nothing piled up for a broker that was not there

    def test_same_ids_after_a_loss(self):
        client = self.connect()
        client.send(b"".join(push(i) + send(i + 500) for i in range(500)))
        before = self.broker.requests(1000)
        self.broker.away()
        self.gateway.wait_event("broker lost; unanswered requests wait")
        client.send(push(2000))
        self.nothing_more(client)
        self.broker.epoch += 1
        self.broker.open()
        after = self.broker.serve(1001)
        self.assertEqual([(r["op"], r["id"], r["ref"]) for r in before],
                         [(r["op"], r["id"], r["ref"]) for r in after[:1000]])
        answers = client.answers(1001)
        self.assertEqual(sorted(answer[1] for answer in answers), list(range(1000)) + [2000])
        self.nothing_more(client)

    def test_epoch_change_without_a_loss(self):
        """Something between gateway and broker may keep the connection: the epoch alone is enough."""
        client = self.connect()
        client.send(push(1) + send(2))
        before = self.broker.requests(2)
        self.broker.epoch += 1
        after = self.broker.requests(2)  # the next answered ping tells
        self.assertEqual([r["id"] for r in before], [r["id"] for r in after])
        self.broker.answer_all(before)
        self.broker.answer_all(after)
        self.assertEqual(sorted(client.answers(2)), [(200, 1, ""), (200, 2, "")])
        self.nothing_more(client)

    def test_overdue_push_is_asked_again(self):
        client = self.connect()
        client.send(send(1) + push(2) + tset(3))
        requests = self.broker.requests(3)
        for op in ("push", "tset"):
            again = self.broker.request()
            self.assertEqual(again["op"], op)
            self.assertIn(again["ref"], [r["ref"] for r in requests if r["op"] == op])
            self.broker.answer(again)
        self.assertEqual(client.answers(2), [(200, 2, ""), (200, 3, "")])
        self.assertIsNone(self.broker.request(0.7))  # the Send waits as long as it must

    def test_silent_broker_is_not_flooded(self):
        """Nothing is asked twice as long as the broker has not read past it."""
        client = self.connect()
        client.send(push(1))
        request = self.broker.request()
        self.broker.answers_pings = False
        pings = self.broker.pings
        self.broker.serve_pings(lambda: self.broker.pings >= pings + 3)
        self.assertEqual(self.broker.waiting, [])
        self.broker.answers_pings = True
        self.assertEqual(self.broker.request()["id"], request["id"])

    def test_client_leaves_while_the_broker_is_away(self):
        """What was handed over stays handed over."""
        first = self.connect()
        first.send(push(0))
        self.broker.serve(1)
        first.answer()
        self.broker.away()
        self.gateway.wait_event("broker lost; unanswered requests wait")
        client = self.gateway.connect()
        client.send(push(1, "gone") + send(2, "gone")).half_close()
        self.nothing_more(client)
        client.reset()
        self.gateway.wait_event("connection closed")
        self.broker.open()
        found = self.broker.serve(2)
        self.assertEqual([r["openid"] for r in found], ["gone", "gone"])
        first.send(push(3))
        self.broker.serve(1)
        self.assertEqual(first.answer(), (200, 3, ""))


class Stopping(GatewayTest):
    def test_waits_for_pushes_only(self):
        client = self.connect()
        client.send(push(1) + send(2))
        first, _ = self.broker.requests(2)
        self.gateway.signal(signal.SIGTERM)
        self.gateway.wait_event("told to stop; waiting for answers")
        with self.assertRaises(ConnectionError):
            self.gateway.connect()
        client.send(push(3))  # is not read any more
        self.broker.answer(first)
        self.assertEqual(client.answer(), (200, 1, ""))
        self.assertEqual(self.gateway.wait_end(), 0)
        self.assertIsNone(self.broker.request(0.1))
        self.assertFalse(os.path.exists(os.path.join(self.gateway.folder, "gateway.ports")))

    def test_waits_two_seconds_at_most(self):
        client = self.connect()
        client.send(push(1))
        self.broker.request()
        self.gateway.signal(signal.SIGTERM)
        begin = time.monotonic()
        self.assertEqual(self.gateway.wait_end(), 0)
        self.assertLess(time.monotonic() - begin, 4)
        self.assertGreater(time.monotonic() - begin, 1.5)

    def test_second_term_ends_now(self):
        client = self.connect()
        client.send(push(1))
        self.broker.request()
        self.gateway.signal(signal.SIGTERM)
        self.gateway.wait_event("told to stop; waiting for answers")
        self.gateway.signal(signal.SIGTERM)
        self.gateway.wait_event("told to stop again; stopping now")
        begin = time.monotonic()
        self.assertEqual(self.gateway.wait_end(), 0)
        self.assertLess(time.monotonic() - begin, 1)

    def test_push_of_a_client_that_is_gone(self):
        client = self.connect()
        client.send(push(1))
        asked = self.broker.request()
        self.broker.away()
        client.reset()
        self.gateway.signal(signal.SIGTERM)
        self.gateway.wait_event("told to stop; waiting for answers")
        self.broker.open()
        again = self.broker.request()
        self.assertIsNotNone(again, "handed over before it ends")
        self.assertEqual(again["id"], asked["id"])
        self.broker.answer(again)
        self.assertEqual(self.gateway.wait_end(), 0)

    def test_idle_ends_at_once(self):
        self.connect()
        self.gateway.signal(signal.SIGTERM)
        begin = time.monotonic()
        self.assertEqual(self.gateway.wait_end(), 0)
        self.assertLess(time.monotonic() - begin, 1.5)


if __name__ == "__main__":
    unittest.main()
