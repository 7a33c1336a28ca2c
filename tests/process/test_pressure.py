"""What pressure.py proves, in short: a broker and a gateway started anew under load; and the limits of one client: rate, waiting callers,
a flood beside others, addresses and connections that may not come in."""
import os
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from floods import flood  # noqa: E402
from pressure import PAUSE_MAX_S, set_conf, upgrade  # noqa: E402
from ring import LIMIT_S, Ring, Tcp, pause, until  # noqa: E402


def push(number, op="push"):
    return {"op": op, "id": "m-%s" % number, "openid": "o-%s" % number, "key": "test", "vars": {"n": "1"}}


class Upgrade(unittest.TestCase):
    def test_broker_sender_gateway(self):
        self.assertEqual(upgrade(callers=1, stages=("broker", "sender-1", "gateway-1"), calm_s=0.3), [])


class OneClient(unittest.TestCase):
    def setUp(self):
        conf = {"server": {"listen[]": "127.0.0.1:0", "allow": "127.0.0.2"}, "gateway": {"client_connections": "2"},
                "broker": {"client_rate": "100", "client_sends": "3"}}
        self.ring = Ring(senders=1, conf=conf).__enter__()
        self.addCleanup(self.ring.__exit__, None, None, None)

    def test_rate(self):
        one, other = self.ring.client(), self.ring.client()
        results = one.ask(*[push(i) for i in range(400)])
        refused = [r for r in results if r["code"] == 503]
        self.assertGreaterEqual(len(results) - len(refused), 100)
        self.assertGreater(len(refused), 100)
        self.assertEqual(refused[0]["message"], "too many requests from this client: at most 100 a second (client_rate); try again")
        self.assertEqual([r["code"] for r in other.ask(*[push("x%d" % i) for i in range(50)])], [200] * 50)
        counts = {word: count for _, word, count in self.ring.operator().status()["refusals"]}
        self.assertGreaterEqual(counts["client_rate"], len(refused))

    def test_waiting_callers(self):
        one, other = self.ring.client(), self.ring.client()
        self.assertEqual(self.ring.operator().ask("pause", filter={"all": True})["code"], 200)
        waits = one.submit([push(i, "send") for i in range(3)])
        refused = one.ask(push(4, "send"))[0]
        self.assertEqual((refused["code"], refused["message"]),
                         (503, "too many callers of this client wait: at most 3 (client_sends); try again"))
        others = other.submit([push("x", "send")])
        self.assertEqual(self.ring.operator().ask("resume", filter={"all": True})["code"], 200)
        self.assertEqual([r["state"] for r in one.collect(waits).values()], ["sent"] * 3)
        self.assertEqual([r["state"] for r in other.collect(others).values()], ["sent"])
        self.assertEqual(one.ask(push(5, "send"))[0]["state"], "sent")  # nobody waits any more

    def test_flood(self):
        set_conf(self.ring, client_rate="0")
        self.ring["broker"].signal(signal.SIGHUP)
        self.assertEqual(self.ring.operator().ask("pause", filter={"all": True})["code"], 200)
        good, longest_s = self.ring.client(), 0.0
        with flood(self.ring.frontend):
            accepted = self.ring.operator().status()["totals"]["accepted"]
            until(lambda: self.ring.operator().status()["totals"]["accepted"] > accepted + 1000 or pause(), "the flood is there")
            for i in range(50):
                began = time.monotonic()
                self.assertEqual(good.ask(push(i))[0]["code"], 200)
                longest_s = max(longest_s, time.monotonic() - began)
        self.assertLess(longest_s, PAUSE_MAX_S)

    def connect(self, source):
        return socket.create_connection(("127.0.0.1", self.ring.port()), LIMIT_S, (source, 0))

    def test_addresses(self):
        with self.connect("127.0.0.1") as s:
            self.assertEqual(s.recv(1), b"")
        tcp = Tcp.__new__(Tcp)
        tcp.socket, tcp.buffer = self.connect("127.0.0.2"), b""
        self.assertEqual(tcp.ask("push o test", 7, '{"n":"1"}'), (200, 7, b""))
        with self.connect("127.0.0.2"), self.connect("127.0.0.2") as third:
            self.assertEqual(third.recv(1), b"")
        tcp.close()
        log = self.ring["gateway-1"].log()
        self.assertIn("its address is not in [server] allow", log)
        self.assertIn("its address has too many connections", log)


if __name__ == "__main__":
    unittest.main()
