"""The TCP port of the real set: pipelining, splitting, a thousand clients, clients that misbehave, a gateway that is killed."""
import socket
import struct
import unittest

from ring import Ring, Tcp, frame

NULL = "null"


class TcpPort(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(gateways=2, sim=["--fault", "bad=43004", "--latency", "1-5"])
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)

    def answers(self, client, count):
        """`count` answers by their opaque number."""
        found = {}
        while len(found) < count:
            answer = client.read()
            self.assertIsNotNone(answer, "closed after %d answers" % len(found))
            found[answer[1]] = (answer[0], answer[2])
        return found

    def test_pipelined_by_the_thousand(self):
        client = self.ring.tcp()
        before = self.ring.sim.get("/sim/stats")["delivered"]
        data = b"".join(frame("push p%d test" % i, i, '{"n":%d}' % i) for i in range(5000))
        client.send(data)
        found = self.answers(client, 5000)
        self.assertEqual(set(found.values()), {(200, b"")})
        self.ring.sim.wait(delivered=before + 5000)

    def test_sends_and_pushes_mixed(self):
        client = self.ring.tcp()
        commands = ["send s%d test", "push q%d test", "send bad%d test", "tset test", "push z%d nokey"]
        data = b"".join(frame((c % i if "%" in c else c), i * 10 + k, NULL if c != "tset test" else None)
                        for i in range(100) for k, c in enumerate(commands))
        client.send(data)
        found = self.answers(client, 500)
        for opaque, (code, message) in found.items():
            self.assertEqual(code, [200, 200, 400, 200, 400][opaque % 10], (opaque, message))
        self.assertEqual(found[2][1], b'{"errcode":43004,"errmsg":"%s","openid":"bad0"}' % self.errmsg(found[2][1]))

    @staticmethod
    def errmsg(message):
        return message.split(b'"errmsg":"')[1].split(b'"')[0]

    def test_split_at_every_byte(self):
        client = self.ring.tcp()
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = frame("push b%d test" % 1, 77, '{"n":"x"}')
        for at in range(1, len(data)):
            client.send(data[:at])
            client.send(data[at:])
            self.assertEqual(client.read(), (200, 77, b""))

    def test_thousand_connections(self):
        clients = [self.ring.tcp("gateway-%d" % (1 + i % 2)) for i in range(1000)]
        for i, client in enumerate(clients):
            client.send(frame("push c%d test" % i, i, NULL) * 3)
        for i, client in enumerate(clients):
            for _ in range(3):
                self.assertEqual(client.read(), (200, i, b""))

    def test_client_that_never_reads(self):
        """It is held back, and costs the others nothing."""
        deaf = self.ring.tcp()
        deaf.socket.settimeout(0.5)
        data = frame("push d test", 1, NULL) * 500
        sent = 0
        try:
            while sent < 64 * 1024 * 1024:
                sent += deaf.socket.send(data)
        except socket.timeout:
            pass
        self.assertLess(sent, 64 * 1024 * 1024, "never held back")
        self.assertEqual(self.ring.tcp().ask("push e test", 5, NULL), (200, 5, b""))

    def test_client_that_leaves_in_mid_frame(self):
        for at in (1, 4, 8, 20, 40):
            client = self.ring.tcp()
            client.send(frame("push f test", 1, NULL)[:at])
            client.close()
        self.assertEqual(self.ring.tcp().ask("push g test", 6, NULL), (200, 6, b""))

    def test_parameters(self):
        client = self.ring.tcp()
        self.assertEqual(client.ask("push h test id=tcp-1 in=3600000 task=t lane=express", 1, NULL), (200, 1, b""))
        zmq_client = self.ring.client()
        self.assertEqual(zmq_client.ask_one(op="status", id="tcp-1")["state"], "waiting")
        self.assertEqual(zmq_client.ask_one(op="cancel", id="tcp-1")["state"], "cancelled")
        for wrong, field in (("at=x", b"at"), ("in=-1", b"in"), ("ttl=1s", b"ttl"), ("lane=fast", b"lane"), ("app=none", b"app"),
                             ("id=" + "x" * 65, b"id"), ("task=" + "x" * 65, b"task")):
            code, opaque, message = client.ask("push h test " + wrong, 2, NULL)
            self.assertEqual((code, opaque), (400, 2), wrong)
            self.assertIn(field, message)
        self.assertEqual(client.ask("push h test something else=1", 3, NULL), (200, 3, b""))

    def test_killed_gateway_loses_nothing_accepted(self):
        client = self.ring.tcp("gateway-2")
        ids = ["gk%d" % i for i in range(3000)]
        client.send(b"".join(frame("push o%s test id=%s" % (x, x), i, NULL) for i, x in enumerate(ids)))
        accepted = [client.read() for _ in range(500)]
        self.ring.restart("gateway-2")
        while True:
            answer = client.read()
            if answer is None:
                break
            accepted.append(answer)
        states = self.ring.client().ask(*[dict(op="status", id=ids[a[1]]) for a in accepted])
        self.assertEqual({s["code"] for s in states} - {100, 200}, set())
        again = Tcp(self.ring.port("gateway-2"))
        self.assertEqual(again.ask("push o test", 1, NULL), (200, 1, b""))
        again.close()


if __name__ == "__main__":
    unittest.main()
