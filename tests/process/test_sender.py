"""mega-sender between a broker, a templater and a token keeper that the test plays, and the WeChat simulator."""
import glob
import json
import os
import select
import signal
import socket
import stat
import unittest

import ring
from sender_peers import LEASE_MS, Broker, Case, Keeper, Server, answer, make_certificates, ok, raw, start_sim


class Outcomes(Case):
    def test_sent(self):
        _, broker = self.with_sim()
        body = '{"touser":"o1","template_id":"T","data":{"a":{"value":"恭喜 <&> \\" / "}},"client_msg_id":"x"}'
        report = broker.result(openid="o1", body=body.encode())
        self.check(report, "sent", errcode=0, http_status=200)
        self.assertGreater(report["msgid"], 2 ** 31)
        entry, = self.sim.journal()
        self.assertEqual(entry["body"], body)

    def test_refused(self):
        _, broker = self.with_sim("--faults-as-recorded")
        report = broker.result(openid="bad0001")
        self.check(report, "refused", errcode=43004)
        self.assertEqual(report["message"], '{"errcode":43004,"errmsg":"require subscribe","openid":"bad0001"}')
        report = broker.result(openid="badu01")
        with open(os.path.join(os.path.dirname(__file__), "../data/vectors.json"), encoding="utf-8") as f:
            vector, = [v for v in json.load(f)["vectors"] if v["name"] == "send_errcode_unicode_errmsg"]
        recorded = bytes.fromhex(vector["original"]["response_hex"])
        self.assertEqual(json.loads(report["message"]), json.loads(recorded[recorded.index(b"{"):]))

    def test_classes(self):
        _, broker = self.with_sim("--fault", "a=40252", "--fault", "b=-1", "--fault", "c=45009", "--fault", "d=48001",
                                  "--fault", "e=43116", "--fault", "f=99999", "--fault", "g=http500", "--fault",
                                  "h=http404", "--fault", "i=garbage", "--fault", "j=empty", "--fault", "k=body:{}",
                                  "--fault", 'l=body:{"errcode":"0"}')
        for openid, outcome, message in (
                ("a", "pending", "40252"), ("b", "retry", "WeChat answered -1 (system busy)"), ("c", "retry", "45009"),
                ("d", "retry", "48001"), ("e", "retry", "43116"), ("f", "refused", '"openid":"f"'),
                ("g", "unknown", "WeChat answered HTTP 500"), ("i", "unknown", "WeChat's answer was not understood"),
                ("h", "retry", "WeChat answered HTTP 404"), ("j", "unknown", "not understood"),
                ("k", "unknown", "not understood"), ("l", "unknown", "not understood")):
            with self.subTest(openid):
                self.check(broker.result(openid=openid), outcome, message)

    def test_other_kind(self):
        _, broker = self.with_sim()
        self.check(broker.result(kind="fax"), "dead", '"fax"', calls=0)
        self.check(broker.result(body=""), "dead", "empty", calls=0)
        self.assertEqual(broker.begins, [])
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 0)

    def test_unknown_account(self):
        _, broker = self.with_sim()
        self.check(broker.result(app="other"), "retry", "add [wechat:other]", calls=0)

    def test_garbage_job(self):
        _, broker = self.with_sim()
        for junk in (b"", b"\xc1", b"\x98\x01", b"\xdd\xff\xff\xff\xff", os.urandom(300)):
            broker.push.send(junk)
        self.check(broker.result(), "sent")


class Transport(Case):
    """NOT_SENT (retry with a new call number) against UNKNOWN (the same client_msg_id)."""

    def test_cut(self):
        _, broker = self.with_sim("--fault", "c=cut", "--fault", "d=cut-after")
        for openid in ("c1", "d1"):
            self.check(broker.result(openid=openid), "unknown", "WeChat closed the connection without an answer")
            # on a connection that was used before, libcurl would repeat the call by itself
            self.check(broker.result(openid="ok"), "sent")
            self.check(broker.result(openid=openid + "x"), "unknown", "WeChat closed the connection without an answer")
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 6)

    def test_hang(self):
        _, broker = self.with_sim("--fault", "h=hang")
        self.check(broker.result(openid="h"), "unknown", "WeChat did not answer within 1 s")

    def test_connection_dies_when_used_again(self):
        """The hidden second call: the server takes the second request of a connection and closes."""
        _, broker = self.with_server(ok(), lambda c, r: 0, ok())
        self.check(broker.result(), "sent")
        self.check(broker.result(), "unknown", "without an answer")
        self.assertEqual(len(self.server.requests), 2)
        for _ in range(3):  # handle and pool are good again
            self.check(broker.result(), "sent")
        self.assertEqual(len(self.server.requests), 5)

    def test_reset_when_used_again(self):
        def reset(connection, request):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        _, broker = self.with_server(ok(), reset, ok())
        self.check(broker.result(), "sent")
        self.check(broker.result(), "unknown", "WeChat closed the connection")
        self.check(broker.result(), "sent")
        self.assertEqual(len(self.server.requests), 3)

    def test_refused_connection(self):
        _, broker = self.with_server(base="http://127.0.0.1:1")
        self.check(broker.result(), "retry", "WeChat not reached: 127.0.0.1:1", http_status=0)

    def test_unknown_host(self):
        _, broker = self.with_server(base="http://wechat.invalid")
        self.check(broker.result(), "retry", "WeChat not reached: wechat.invalid")

    def test_no_handshake(self):
        """A host that takes the connection and is silent."""
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        _, broker = self.with_server(base="https://127.0.0.1:%d" % silent.getsockname()[1])
        self.check(broker.result(), "retry", "WeChat not reached: 127.0.0.1")

    def test_no_tls(self):
        server = Server(ok())
        self.addCleanup(server.close)
        _, broker = self.with_server(base=server.base.replace("http:", "https:"))
        self.check(broker.result(), "retry", "WeChat not reached")
        self.assertEqual(server.requests, [])

    def test_cut_answers(self):
        for data in (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"errcode\":0}", b"HTTP/1.1 200 OK\r\nCont", b"x",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"err",
                     b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde"):
            with self.subTest(data):
                _, broker = self.with_server(raw(data))
                self.check(broker.result(), "unknown", "WeChat")
                self.assertEqual(len(self.server.requests), 1)

    def test_long_answer(self):
        _, broker = self.with_server(answer(b'{"errcode":0,"errmsg":"' + b"x" * 1100000 + b'"}'))
        self.check(broker.result(), "unknown", "WeChat's answer is longer than 1048576 bytes")

    def test_long_refusal(self):
        _, broker = self.with_server(answer('{"errcode":43004,"errmsg":"%s"}' % ("中" * 9000)))
        report = broker.result(openid="o9")
        self.check(report, "refused")
        self.assertLessEqual(len(report["message"].encode()), 8192)
        self.assertEqual(json.loads(report["message"])["openid"], "o9")

    def test_redirect_is_not_followed(self):
        other = Server(ok())
        self.addCleanup(other.close)
        _, broker = self.with_server(answer("", "302 Found", ["Location: " + other.base]))
        self.check(broker.result(), "retry", "WeChat answered HTTP 302")
        self.assertEqual(other.requests, [])

    def test_request(self):
        _, broker = self.with_server(ok(), tokens={"default": "a+/=%&b"})
        broker.result(body=b'{"x":"\xe4\xb8\xad"}')
        head, body = self.server.requests[0].split(b"\r\n\r\n", 1)
        lines = head.split(b"\r\n")
        self.assertEqual(lines[0], b"POST /cgi-bin/message/template/send?access_token=a%2B%2F%3D%25%26b HTTP/1.1")
        self.assertIn(b"Content-Type: application/json; charset=utf-8", lines)
        self.assertIn(b"Content-Length: %d" % len(body), lines)
        self.assertNotIn(b"Expect", head)
        self.assertEqual(body, b'{"x":"\xe4\xb8\xad"}')
        self.assertNotIn("a+/=%&b", self.sender.log())
        self.assertNotIn("a%2B", self.sender.log())

    def test_large_body_and_reuse(self):
        _, broker = self.with_server(ok())
        body = json.dumps({"x": "y" * 3000000}).encode()
        for _ in range(3):
            self.check(broker.result(body=body), "sent")
        self.assertEqual([r.split(b"\r\n\r\n", 1)[1] for r in self.server.requests], [body] * 3)
        self.assertEqual(self.server.connections, 1)

    def test_https(self):
        bench = self.bench()
        make_certificates(bench.folder)
        for certificate, ca_file, outcome in (("good", "ca.pem", "sent"), ("good", "other.pem", "retry"),
                                              ("wrong", "ca.pem", "retry"), ("good", "", "retry")):
            with self.subTest(certificate + " " + ca_file):
                sim = start_sim(bench, "--https", "127.0.0.1:0", "--cert", "%s/%s.pem" % (bench.folder, certificate),
                                "--key", "%s/%s.key" % (bench.folder, certificate))
                with open(sim.ready_file) as f:
                    port = dict(line.strip().split("=") for line in f)["https"]
                inner = self.bench({"default": {"api_base": "https://127.0.0.1:" + port}},
                                   {"sender": {"ca_file": ca_file and bench.folder + "/" + ca_file}})
                keeper = Keeper(inner, {"default": self.sim_token(sim)})
                inner.start("mega-sender", "sender-1")
                broker = Broker(inner, keeper)
                broker.connect()
                report = broker.result()
                self.check(report, outcome)
                if outcome == "retry":
                    self.assertIn("WeChat not reached", report["message"])
                    self.assertEqual(sim.get("/sim/stats")["calls"], 0)
                sim.kill()

    @staticmethod
    def sim_token(sim):
        return sim.get("/cgi-bin/token?grant_type=client_credential&appid=%s&secret=%s"
                       % (ring.APP_ID, ring.SECRET))["access_token"]


class Tokens(Case):
    def test_rejected_then_sent(self):
        _, broker = self.with_sim("--fault", "exp=expire")
        self.check(broker.result(openid="exp1"), "sent", calls=2)
        self.sim.post("/sim/invalidate")
        self.check(broker.result(openid="o2"), "sent", calls=2)
        self.check(broker.result(openid="o3"), "sent", calls=1)

    def test_rejected_twice(self):
        _, broker = self.with_server(answer('{"errcode":40001,"errmsg":"invalid credential"}'))
        self.token.on_rejected = lambda app, token: self.token.tokens.update(default=token + "x")
        self.check(broker.result(), "retry", "WeChat answered 40001", calls=2, errcode=40001)
        self.assertEqual(len(self.server.requests), 2)
        self.assertEqual(self.token.rejected[0], "T0")

    def test_rejected_and_no_other(self):
        """The keeper has no other one: the call ends as WeChat's answer said."""
        _, broker = self.with_server(answer('{"errcode":42001}'))
        broker.until(lambda: self.token.gets, "asked for a token")
        self.token.tokens = {}
        self.check(broker.result(), "retry", "WeChat answered 42001", calls=1)
        self.assertIn("T0", self.token.rejected)
        # now the account has none
        report = broker.result()
        self.check(report, "returned", calls=0)
        self.assertIn("default", broker.stopped)

    def test_only_the_token_that_was_used_is_rejected(self):
        """A call that was begun with the old token ends when there is a new one already: nothing is fetched again."""
        _, broker = self.with_sim("--fault", "slow=slow:300")
        broker.result(openid="o0")
        slow = broker.job(openid="slow1")
        broker.until(lambda: self.sim.get("/sim/stats")["in_flight"] == 1, "in flight")
        self.sim.post("/sim/invalidate")
        self.check(broker.result(openid="o1"), "sent", calls=2)
        fetches = self.sim.get("/sim/stats")["token_fetches"]
        self.check(broker.report(slow), "sent")
        self.assertEqual(self.sim.get("/sim/stats")["token_fetches"], fetches)

    def test_keeper_away(self):
        """A keeper that is away costs nothing while the token lasts."""
        _, broker = self.with_sim()
        self.check(broker.result(), "sent")
        self.keeper.kill()
        self.check(broker.result(), "sent")

    def test_no_keeper(self):
        bench = self.bench({"default": {"api_base": "http://127.0.0.1:1"}})
        bench.start("mega-sender", "sender-1")
        broker = Broker(bench)
        broker.connect()
        seq = broker.job()
        self.check(broker.report(seq), "returned", "does not answer", calls=0)
        self.assertIn("does not answer", broker.stopped["default"])
        keeper = Keeper(bench, {"default": "T"})
        broker.keeper = keeper
        broker.until(lambda: not broker.stopped, "the account goes on")
        self.check(broker.result(), "retry", "WeChat not reached")

    def test_none(self):
        """What the keeper says comes with the beat before the returned job does; other accounts go on."""
        bench = self.bench()
        server = Server(ok())
        bench.on_close(server.close)
        bench.write({"default": {"api_base": server.base}, "two": {"api_base": server.base}})
        keeper = Keeper(bench, {"default": "T0", "two": Exception("40125: check app_secret")})
        bench.start("mega-sender", "sender-1")
        broker = Broker(bench, keeper)
        broker.connect()
        seen = []
        broker.on_results = lambda m, take=broker.on_results: (seen.append(dict(broker.stopped)), take(m))
        self.check(broker.result(app="two"), "returned", "check app_secret", calls=0)
        self.assertEqual(seen[0], {"two": "40125: check app_secret"})
        self.check(broker.result(), "sent")
        keeper.tokens["two"] = "T2"
        broker.until(lambda: not broker.stopped, "account two goes on")
        self.check(broker.result(app="two"), "sent")


class Ring(Case):
    """The control link: what the fence needs, results until they are confirmed, the lease, the end."""

    def test_hello(self):
        bench, broker = self.with_sim()
        self.assertEqual(broker.hello["kind"], "sender")
        self.assertEqual(broker.hello["slots"], 4)
        path = broker.hello["endpoint"][6:]
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o660)
        self.assertRegex(path, r"/run/sender-1-[0-9a-f]{16}\.ipc$")

    def test_stale_sockets_are_removed(self):
        bench, broker = self.with_sim()
        first = broker.hello["endpoint"]
        other = os.path.join(bench.folder, "run", "sender-2-0123456789abcdef.ipc")
        open(other, "w").close()
        self.sender.kill()
        self.assertTrue(os.path.exists(first[6:]))
        self.sender = bench.start("mega-sender", "sender-1")
        broker.until(lambda: broker.hello["endpoint"] != first, "a new hello")
        self.assertFalse(os.path.exists(first[6:]))
        self.assertTrue(os.path.exists(other))
        broker.until(lambda: self.end_sender(), "end")
        self.assertEqual(glob.glob(bench.folder + "/run/sender-1-*"), [])

    def end_sender(self):
        if self.sender.alive() and not getattr(self, "is_asked", 0):
            self.is_asked = 1
            self.sender.signal(signal.SIGTERM)
        return not self.sender.alive()

    def test_slots(self):
        _, broker = self.with_sim("--latency", "100")
        seqs = [broker.job(openid="o%d" % i) for i in range(20)]
        for seq in seqs:
            self.check(broker.report(seq), "sent")
        self.assertEqual(self.sim.get("/sim/stats")["max_in_flight"], 4)
        self.assertEqual(len(broker.reports), 20)

    def test_duplicate_seq(self):
        _, broker = self.with_sim("--fault", "slow=slow:300")
        broker.job(openid="slow1", seq=7, turn=1)
        broker.job(openid="slow1", seq=7, turn=1)
        broker.job(openid="slow1", seq=7, turn=3)
        self.check(broker.report(7), "sent", turn=3)
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 1)
        self.assertEqual(len(broker.reports), 1)

    def test_result_stands_for_newer_turn(self):
        _, broker = self.with_sim("--fault", "bad=43004*1", "--fault", "busy=-1*1")
        broker.confirms = False
        broker.job(openid="o1", seq=7, turn=1)
        self.check(broker.report(7), "sent", turn=1)
        broker.job(openid="o1", seq=7, turn=2)
        self.check(broker.report(7, turn=2), "sent", turn=2)
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 1)
        # a refusal is forgotten: the newer turn may be one by another template (fallback)
        broker.job(openid="bad1", seq=9, turn=1)
        self.check(broker.report(9), "refused", turn=1)
        broker.job(openid="bad1", seq=9, turn=2)
        self.check(broker.report(9, turn=2), "sent", turn=2)
        # and so is one that is not final
        broker.job(openid="busy1", seq=8, turn=1)
        self.check(broker.report(8), "retry")
        broker.job(openid="busy1", seq=8, turn=2)
        self.check(broker.report(8, turn=2), "sent", calls=1)

    def test_unconfirmed_results_are_offered_again(self):
        _, broker = self.with_sim()
        broker.confirms = False
        seq = broker.job()
        first = broker.report(seq)
        broker.reports.clear()
        broker.held.clear()
        broker.generation += 1
        broker.say({"t": "who"})  # as a broker that was started anew
        broker.until(lambda: broker.held, "held")
        self.assertEqual(broker.held[0], (2, [(seq, 1)]))
        self.assertEqual(broker.report(seq), first)
        broker.confirm([first])
        broker.reports.clear()
        broker.held.clear()
        broker.fence()
        broker.until(lambda: broker.held, "held")
        self.assertEqual(broker.held[0], (3, []))
        self.assertEqual(broker.reports, [])
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 1)

    def test_a_lost_confirmation(self):
        """Without any reconnect: the result is offered again after a while."""
        _, broker = self.with_sim()
        broker.confirms = False
        seq = broker.job()
        broker.report(seq)
        broker.until(lambda: len(broker.reports) > 1, "offered again")

    def test_full_of_unconfirmed(self):
        """2 x slots without a confirmation: the rest waits in the socket, nothing is lost."""
        _, broker = self.with_sim()
        broker.confirms = False
        seqs = [broker.job(openid="o%d" % i) for i in range(20)]
        broker.until(lambda: len({r["seq"] for r in broker.reports}) == 8, "full")
        broker.for_ms(200)
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 8)
        broker.confirms = True
        broker.confirm(broker.reports)
        for seq in seqs:
            self.check(broker.report(seq), "sent")
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 20)

    def test_fence(self):
        """What is in flight is held, what was not begun is dropped, older jobs are not taken any more."""
        _, broker = self.with_sim()
        self.sim.post("/sim/pause")
        seqs = [broker.job(openid="o%d" % i) for i in range(7)]
        broker.until(lambda: self.sim.get("/sim/stats")["in_flight"] == 4, "in flight")
        broker.held.clear()
        broker.fence()
        broker.until(lambda: broker.held, "held")
        generation, holdings = broker.held[0]
        self.assertEqual(generation, 2)
        self.assertEqual(sorted(holdings), [(seq, 1) for seq in seqs[:4]])
        late = broker.job(openid="late", generation=1)
        self.sim.post("/sim/resume")
        for seq in seqs[:4]:
            self.check(broker.report(seq), "sent")
        again = [broker.job(openid="o%d" % i, seq=seqs[i], turn=2) for i in range(4, 7)]
        for seq in again:
            self.check(broker.report(seq), "sent", turn=2)
        self.assertEqual([r for r in broker.reports if r["seq"] == late], [])
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 7)

    def test_lapsed_lease_begins_nothing(self):
        _, broker = self.with_sim()
        self.check(broker.result(), "sent")
        broker.beats_back = broker.welcomes = False
        hellos = broker.hellos
        broker.until(lambda: broker.hellos > hellos, "the lease ran out")
        seq = broker.job(openid="o2")
        broker.for_ms(300)
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 1)
        broker.welcomes = broker.beats_back = True
        broker.generation += 1  # the broker counted it as lost
        broker.held.clear()
        broker.until(lambda: broker.held, "welcomed again")
        broker.job(openid="o2", seq=seq, turn=2)
        self.check(broker.report(seq), "sent", turn=2)
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 2)

    def test_stopped_and_resumed(self):
        """STOP for longer than the lease: what lay in its sockets meanwhile, beats included, begins nothing."""
        _, broker = self.with_sim()
        self.check(broker.result(), "sent")
        broker.for_ms(100)
        self.sender.signal(signal.SIGSTOP)
        broker.job(openid="o2")
        broker.for_ms(LEASE_MS + 100)
        broker.generation += 1
        hellos = broker.hellos
        broker.held.clear()
        self.sender.signal(signal.SIGCONT)
        broker.until(lambda: broker.hellos > hellos and broker.held, "welcomed again")
        self.assertEqual(broker.held[-1], (2, []))
        self.check(broker.result(openid="o3"), "sent")
        self.assertEqual([e["openid"] for e in self.sim.journal()], ["o1", "o3"])

    def test_stopped_while_it_connects(self):
        """The lease is looked at again when the body is about to be written: this call is not made."""
        bench = self.bench()
        make_certificates(bench.folder)
        gate = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(gate.close)
        bench.write({"default": {"api_base": "https://127.0.0.1:%d" % gate.getsockname()[1]}},
                    {"sender": {"ca_file": bench.folder + "/ca.pem", "timeout": "10s", "connect_timeout": "9s"}})
        keeper = Keeper(bench, {"default": "T0"})
        bench.start("mega-sender", "sender-1")
        broker = Broker(bench, keeper)
        broker.connect()
        seq = broker.job()
        broker.until(lambda: select.select([gate], [], [], 0)[0], "the call has begun, TLS has not")
        connection, _ = gate.accept()
        broker.beats_back = broker.welcomes = False
        hellos = broker.hellos
        broker.until(lambda: broker.hellos > hellos, "the lease ran out")
        taken = self.serve_tls(connection, bench)
        broker.until(lambda: taken.done, "TLS is up")
        broker.generation += 1
        broker.welcomes = broker.beats_back = True
        self.check(broker.report(seq), "returned", "not heard within the lease", calls=0)
        self.assertNotIn(b"touser", taken.data)

    @staticmethod
    def serve_tls(connection, bench):
        """Speaks TLS and reads until the client has gone."""
        import ssl
        import threading

        class Taken(threading.Thread):
            data, done = b"", False

            def run(self):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(bench.folder + "/good.pem", bench.folder + "/good.key")
                try:
                    with context.wrap_socket(connection, server_side=True) as tls:
                        more = b"x"
                        while more:
                            more = tls.recv(65536)
                            self.data += more
                except OSError:
                    pass
                self.done = True
        taken = Taken(daemon=True)
        taken.start()
        return taken

    def test_term_drains(self):
        _, broker = self.with_sim("--latency", "300")
        seqs = [broker.job(openid="o%d" % i) for i in range(6)]
        broker.until(lambda: self.sim.get("/sim/stats")["in_flight"] == 4, "in flight")
        self.sender.signal(signal.SIGTERM)
        broker.until(lambda: broker.byes, "goodbye")
        self.assertEqual(sorted(r["outcome"] for r in broker.reports), ["returned"] * 2 + ["sent"] * 4)
        self.assertEqual({r["seq"] for r in broker.reports}, set(seqs))
        self.assertEqual(self.sender.process.wait(ring.LIMIT_S), 0)

    def test_term_waits_for_confirmation(self):
        _, broker = self.with_sim()
        broker.confirms = False
        seq = broker.job()
        report = broker.report(seq)
        self.sender.signal(signal.SIGTERM)
        broker.for_ms(300)
        self.assertTrue(self.sender.alive())
        broker.confirm([report])
        broker.until(lambda: broker.byes, "goodbye", 2)
        self.assertEqual(self.sender.process.wait(ring.LIMIT_S), 0)

    def test_term_when_idle(self):
        _, broker = self.with_sim()
        self.assertEqual(self.sender.term(), 0)
        broker.until(lambda: broker.byes, "goodbye")

    def test_second_term(self):
        _, broker = self.with_sim("--fault", "h=hang", sections={"sender": {"timeout": "30s"}})
        broker.job(openid="h")
        broker.until(lambda: self.sim.get("/sim/stats")["in_flight"] == 1, "in flight")
        self.sender.signal(signal.SIGTERM)
        broker.until(lambda: "stopping" in self.sender.log(), "stopping")
        self.sender.signal(signal.SIGTERM)
        self.assertEqual(self.sender.process.wait(5), 0)

    def test_refused(self):
        bench, broker = self.with_sim()
        broker.say({"t": "refused", "message": "version"})
        self.assertEqual(self.sender.process.wait(ring.LIMIT_S), 1)

    def test_tcp_endpoint(self):
        _, broker = self.with_sim(sections={"sender": {"endpoint": "tcp://127.0.0.1:*"}})
        self.assertRegex(broker.hello["endpoint"], r"^tcp://127\.0\.0\.1:\d+$")
        self.check(broker.result(), "sent")

    def test_no_account(self):
        bench = self.bench()
        bench.write({})
        sender = bench.start("mega-sender", "sender-1")
        self.assertEqual(sender.process.wait(ring.LIMIT_S), 1)
        self.assertIn("[wechat]", sender.log())

    def test_same_name_twice(self):
        bench, broker = self.with_sim()
        other = bench.start("mega-sender", "sender-1")
        self.assertEqual(other.process.wait(ring.LIMIT_S), 1)
        self.check(broker.result(), "sent")


if __name__ == "__main__":
    unittest.main()
