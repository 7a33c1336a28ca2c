"""api_base with several addresses: what was not sent goes to the next one at once, what may have been sent never does."""
import select
import socket
import unittest

import ring
from sender_peers import TOKENS, Broker, Case, Keeper, Server, answer, ok, start_sim
from test_token import Asker

NOWHERE = "http://127.0.0.1:1"
REJECTED = answer('{"errcode":40001,"errmsg":"invalid credential"}')


class Hosts(Case):
    def server(self, *serves):
        server = Server(*serves)
        self.addCleanup(server.close)
        return server

    def with_hosts(self, *bases, sections=None):
        bench = self.bench({"default": {"api_base": ", ".join(bases)}}, sections)
        self.token = Keeper(bench, dict(TOKENS))
        self.sender = bench.start("mega-sender", "sender-1")
        broker = Broker(bench, self.token)
        broker.connect()
        return broker

    def accept(self, broker, listener):
        broker.until(lambda: select.select([listener], [], [], 0)[0], "the call has begun")
        return listener.accept()[0]

    def left(self):
        return self.sender.log().count("address of WeChat is left")

    def test_not_reached(self):
        """The same turn goes to the next address; the ones after it begin there."""
        good = self.server(ok())
        broker = self.with_hosts(NOWHERE, "http://wechat.invalid", good.base)
        self.check(broker.result(), "sent", calls=3)
        self.check(broker.result(), "sent", calls=1)
        self.assertEqual(len(good.requests), 2)
        self.assertEqual(self.left(), 2)
        self.assertIn("address=" + NOWHERE, self.sender.log())

    def test_kind_without_key(self):
        """The broker's leave is for the turn: it is not asked for again at the next address."""
        good = self.server(ok())
        broker = self.with_hosts(NOWHERE, good.base)
        broker.grants = False
        seq = broker.job(kind="custom")
        broker.until(broker.asked, "leave is asked for")
        self.assertEqual(good.requests, [])
        broker.begun((seq, 1))
        self.check(broker.report(seq), "sent", calls=2)
        self.assertEqual(broker.asked(), [(seq, 1)])
        self.assertEqual(len(good.requests), 1)

    def test_none_reached(self):
        """Each address once a turn."""
        broker = self.with_hosts(NOWHERE, "http://127.0.0.1:2")
        for _ in range(3):
            self.check(broker.result(), "retry", "WeChat not reached", calls=2)
        self.assertEqual(self.left(), 2)

    def test_single_address(self):
        """Nothing to go to: as if nothing had happened."""
        broker = self.with_hosts(NOWHERE)
        self.check(broker.result(), "retry", "WeChat not reached", calls=1)
        self.assertEqual(self.left(), 0)

    def test_missed(self):
        """Three without an answer: the address is left. None of them is made again, not even elsewhere."""
        for name, serve, message in (("5xx", answer("", "502 Bad Gateway"), "HTTP 502"),
                                     ("closed", lambda c, r: 0, "without an answer"),
                                     ("no answer", lambda c, r: c.recv(1), "did not answer within"),
                                     ("not WeChat", answer("<html>"), "not understood")):
            with self.subTest(name):
                bad, good = self.server(serve), self.server(ok())
                broker = self.with_hosts(bad.base, good.base)
                for _ in range(3):
                    self.check(broker.result(), "unknown", message, calls=1)
                self.assertEqual((len(bad.requests), len(good.requests), self.left()), (3, 0, 1))
                self.check(broker.result(), "sent")
                self.assertEqual((len(bad.requests), len(good.requests)), (3, 1))

    def test_an_answer_between(self):
        """Not in a row: it is not left. An errcode is an answer, whatever it says."""
        bad = answer("", "502 Bad Gateway")
        first = self.server(bad, bad, answer('{"errcode":43004,"errmsg":"x"}'), bad, bad, ok())
        broker = self.with_hosts(first.base, NOWHERE)
        outcomes = [broker.result()["outcome"] for _ in range(6)]
        self.assertEqual(outcomes, ["unknown", "unknown", "refused", "unknown", "unknown", "sent"])
        self.assertEqual(self.left(), 0)

    def test_back(self):
        """After a while one call tries the first address, and all go back to it."""
        bad = answer("", "502 Bad Gateway")
        first, second = self.server(bad, bad, bad, ok()), self.server(ok())
        broker = self.with_hosts(first.base, second.base)
        for _ in range(3):
            broker.result()
        broker.until(lambda: self.check(broker.result(), "sent") or len(first.requests) > 3, "tried again", 60)
        elsewhere = len(second.requests)
        self.assertGreater(elsewhere, 0)
        self.check(broker.result(), "sent")
        self.assertEqual(len(second.requests), elsewhere)
        self.assertIn("address of WeChat is used again", self.sender.log())

    def test_rejected_token_elsewhere(self):
        """The repetition with another token is not used up by an address that was not reached."""
        good = self.server(REJECTED, ok())
        broker = self.with_hosts(NOWHERE, good.base)
        self.token.on_rejected = lambda app, token: self.token.tokens.update(default="T1")
        self.check(broker.result(), "sent", calls=3)
        self.assertEqual([b"=T0 " in r or b"=T1 " in r for r in good.requests], [True, True])
        self.assertEqual(self.token.rejected, ["T0"])

    def test_rejected_twice(self):
        good = self.server(REJECTED)
        broker = self.with_hosts(NOWHERE, good.base)
        self.token.on_rejected = lambda app, token: self.token.tokens.update(default=token + "x")
        self.check(broker.result(), "retry", "40001", calls=3)
        self.assertEqual(len(good.requests), 2)

    def test_lease_is_over_before_the_next_address(self):
        """A call that has another address to go to goes nowhere without the lease, nor after a fence that lost it."""
        stalls = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(stalls.close)
        good = self.server(ok())
        broker = self.with_hosts("https://127.0.0.1:%d" % stalls.getsockname()[1], good.base,
                                 sections={"sender": {"timeout": "30s", "connect_timeout": "20s"}})
        seq = broker.job()
        connection = self.accept(broker, stalls)
        broker.beats_back = broker.welcomes = False
        hellos = broker.hellos
        broker.until(lambda: broker.hellos > hellos, "the lease ran out")
        connection.close()  # not sent
        broker.until(lambda: self.left(), "the address is left")
        broker.generation += 1  # its job is somebody else's now
        broker.welcomes = broker.beats_back = True
        self.check(broker.report(seq), "retry", "WeChat not reached", calls=1)
        self.assertEqual(good.requests, [])

    def test_stopping(self):
        """TERM: what is to be repeated is not begun any more."""
        stalls = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(stalls.close)
        good = self.server(ok())
        broker = self.with_hosts("https://127.0.0.1:%d" % stalls.getsockname()[1], good.base,
                                 sections={"sender": {"timeout": "30s", "connect_timeout": "20s"}})
        seq = broker.job()
        connection = self.accept(broker, stalls)
        self.sender.process.terminate()
        broker.until(lambda: "stopping" in self.sender.log(), "stopping")
        connection.close()
        self.check(broker.report(seq), "retry", "WeChat not reached", calls=1)
        broker.until(lambda: broker.byes, "goodbye")
        self.assertEqual(good.requests, [])


class Tokens(Case):
    """mega-token goes by the same rules."""

    def keeper_of(self, mode, *bases):
        sim = start_sim(self.bench())
        bench = self.bench({"default": {"api_base": ", ".join(bases + (sim.base,)), "token_mode": mode}})
        self.keeper = bench.start("mega-token", "token")
        return bench, sim

    def test_not_reached(self):
        """Asked at the next address at once: nobody is told that there is no token."""
        for mode in ("stable", "classic"):
            with self.subTest(mode):
                bench, sim = self.keeper_of(mode, NOWHERE, "http://wechat.invalid")
                self.assertEqual(Asker(bench).ask()["t"], "token")
                self.assertEqual(sim.get("/sim/stats")["token_fetches"], 1)
                log = self.keeper.log()
                self.assertEqual(log.count("address of WeChat is left"), 2)
                self.assertNotIn("access token not fetched", log)
                self.assertNotIn(ring.SECRET, log)

    def test_missed(self):
        """It may have been answered: not asked elsewhere until three in a row were not."""
        for mode in ("stable", "classic"):
            with self.subTest(mode):
                bad = Server(answer("", "502 Bad Gateway"))
                self.addCleanup(bad.close)
                bench, sim = self.keeper_of(mode, bad.base)
                self.assertEqual(Asker(bench).ask(until=("token",))["t"], "token")
                self.assertEqual((len(bad.requests), sim.get("/sim/stats")["token_fetches"]), (3, 1))
                self.assertIn("WeChat answered HTTP 502", self.keeper.log())

    def test_an_errcode_is_an_answer(self):
        """A wrong secret is as wrong elsewhere."""
        first = Server(answer('{"errcode":40125,"errmsg":"invalid appsecret"}'))
        self.addCleanup(first.close)
        bench, sim = self.keeper_of("stable", first.base)
        self.assertIn("40125", Asker(bench).ask()["message"])
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], 0)
        self.assertNotIn("is left", self.keeper.log())


if __name__ == "__main__":
    unittest.main()
