"""HTTP of mega-sender and mega-token: compression, proxies, and time-outs that tell "not sent" from "unknown"."""
import gzip
import json
import select
import socket
import threading
import unittest
import zlib

import ring
from sender_peers import TOKENS, Broker, Case, Keeper, Listener, Server, answer, make_certificates, ok, raw, start_sim
from test_token import Asker

OK = b'{"errcode":0,"errmsg":"ok","msgid":4611686018427387905}'
NO_PROXIES = {name: "" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")}


class Tunnels(Listener):
    """A proxy that makes tunnels (CONNECT) to one address, whatever is asked for; or refuses to. `asked`: for what."""

    def __init__(self, target=None, refusal=b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"):
        super().__init__()
        self.target, self.refusal, self.asked, self.heads = target, refusal, [], []
        self.url = "http://127.0.0.1:%d" % self.port
        self.start()

    def serve(self, connection):
        connection.settimeout(ring.LIMIT_S)
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(65536)
            if not more:
                return
            head += more
        self.heads.append(head)
        self.asked.append(head.split(b" ")[1].decode())
        if self.target is None:
            connection.sendall(self.refusal)
            connection.close()
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(self.target) as other, connection:
            pair = {connection: other, other: connection}
            while True:
                for readable in select.select(list(pair), [], [], ring.LIMIT_S)[0]:
                    data = readable.recv(65536)
                    if not data:
                        return
                    pair[readable].sendall(data)


class Http(Case):
    def server(self, *serves):
        server = Server(*serves)
        self.addCleanup(server.close)
        return server

    def sender_of(self, base, env=None, sections=None):
        bench = self.bench({"default": {"api_base": base}}, sections)
        self.token = Keeper(bench, dict(TOKENS))
        self.sender = bench.start("mega-sender", "sender-1", dict(NO_PROXIES, **(env or {})))
        broker = Broker(bench, self.token)
        broker.connect()
        return broker

    def test_compressed_answers(self):
        """Offered and understood; a damaged one is no answer."""
        for name, body in (("gzip", gzip.compress(OK)), ("deflate", zlib.compress(OK))):
            with self.subTest(name):
                server = self.server(answer(body, headers=["Content-Encoding: " + name]))
                self.check(self.sender_of(server.base).result(), "sent", msgid=4611686018427387905)
                offered, = [line for line in server.requests[0].split(b"\r\n") if line.lower().startswith(b"accept-encoding:")]
                self.assertIn(name.encode(), offered)
        server = self.server(answer(gzip.compress(OK)[:30], headers=["Content-Encoding: gzip"]))
        self.check(self.sender_of(server.base).result(), "unknown")
        self.assertEqual(len(server.requests), 1)

    def test_compressed_answer_is_bounded(self):
        """A megabyte is a megabyte after it is unpacked."""
        server = self.server(answer(gzip.compress(OK[:-1] + b" " * 8000000 + b"}"), headers=["Content-Encoding: gzip"]))
        self.check(self.sender_of(server.base).result(), "unknown", "longer than 1048576 bytes")

    def test_no_expect(self):
        """Bodies below and above the size from which libcurl would ask first."""
        server = self.server(ok())
        broker = self.sender_of(server.base)
        for size in (100, 1024 * 1024 - 100, 1024 * 1024 + 1, 3000000):
            body = json.dumps({"x": "y" * size}).encode()
            self.check(broker.result(body=body), "sent")
            head, got = server.requests[-1].split(b"\r\n\r\n", 1)
            self.assertNotIn(b"expect", head.lower())
            self.assertEqual(got, body)
        self.assertEqual(server.connections, 1)

    def test_interim_answer(self):
        """100 and 103 before the answer are not the answer."""
        def serve(connection, request):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n")
            return ok()(connection, request)
        server = self.server(serve)
        self.check(self.sender_of(server.base).result(), "sent")

    def test_server_that_closes_each_time(self):
        server = self.server(raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(OK), OK)))
        broker = self.sender_of(server.base)
        for _ in range(3):
            self.check(broker.result(), "sent")
        self.assertEqual((server.connections, len(server.requests)), (3, 3))

    def test_closed_while_idle(self):
        """A kept connection that the server closed between two calls: the second call is made on another one, once."""
        gone = threading.Event()

        def serve(connection, request):
            ok()(connection, request)
            connection.shutdown(socket.SHUT_RDWR)
            gone.set()
        server = self.server(serve, ok())
        broker = self.sender_of(server.base)
        self.check(broker.result(), "sent")
        self.assertTrue(gone.wait(ring.LIMIT_S))
        self.check(broker.result(), "sent")
        self.assertEqual((server.connections, len(server.requests)), (2, 2))

    # --- proxies -------------------------------------------------------------------------------------------------

    def test_http_proxy(self):
        proxy = self.server(ok())
        broker = self.sender_of("http://wechat.invalid:8080", {"http_proxy": proxy.base})
        self.check(broker.result(), "sent")
        line = proxy.requests[0].split(b"\r\n")[0]
        self.assertEqual(line, b"POST http://wechat.invalid:8080/cgi-bin/message/template/send?access_token=T0 HTTP/1.1")

    def test_no_proxy(self):
        proxy, server = self.server(ok()), self.server(ok())
        broker = self.sender_of(server.base, {"http_proxy": proxy.base, "no_proxy": "example.com,127.0.0.1"})
        self.check(broker.result(), "sent")
        self.assertEqual((len(proxy.requests), len(server.requests)), (0, 1))

    def https(self):
        """The simulator behind TLS: its base, its port, a token, and the section that trusts it."""
        outer = self.bench()
        make_certificates(outer.folder)
        self.sim = start_sim(outer, "--https", "127.0.0.1:0", "--cert", outer.folder + "/good.pem", "--key", outer.folder + "/good.key")
        with open(self.sim.ready_file) as f:
            port = int(dict(line.strip().split("=") for line in f)["https"])
        return port, {"sender": {"ca_file": outer.folder + "/ca.pem", "timeout": "5s", "connect_timeout": "5s"}}

    def proxied(self, port, sections, proxy):
        """A real keeper and a sender behind the proxy."""
        bench = self.bench({"default": {"api_base": "https://127.0.0.1:%d" % port}}, sections)
        env = dict(NO_PROXIES, https_proxy=proxy.url)
        self.keeper = bench.start("mega-token", "token", env)
        self.sender = bench.start("mega-sender", "sender-1", env)
        broker = Broker(bench)
        return bench, broker

    def test_https_proxy(self):
        """Token and message go through the tunnel; the certificate is WeChat's, and nothing but the address is told outside of it."""
        port, sections = self.https()
        proxy = Tunnels(("127.0.0.1", port))
        self.addCleanup(proxy.listener.close)
        bench, broker = self.proxied(port, sections, proxy)
        broker.connect()
        self.check(broker.result(), "sent")
        self.assertEqual(set(proxy.asked), {"127.0.0.1:%d" % port})
        self.assertEqual(len(proxy.asked), 2)
        self.assertNotIn(b"access_token", b"".join(proxy.heads))
        self.assertNotIn(b"cgi-bin", b"".join(proxy.heads))

    def test_proxy_that_refuses(self):
        """Nothing was sent: neither the message nor the secret."""
        for refusal, message in ((b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403"),
                                 (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "502"),
                                 (b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", "407"), (b"", "")):
            with self.subTest(message):
                proxy = Tunnels(refusal=refusal)
                self.addCleanup(proxy.listener.close)
                broker = self.sender_of("https://wechat.invalid", {"https_proxy": proxy.url})
                self.check(broker.result(), "retry", "WeChat not reached: wechat.invalid", http_status=0)
                self.assertIn(message, broker.reports[-1]["message"])
                self.assertNotIn(b"access_token", b"".join(proxy.heads))
        bench = self.bench({"default": {"api_base": "https://wechat.invalid", "token_mode": "classic"}})
        keeper = bench.start("mega-token", "token", dict(NO_PROXIES, https_proxy=proxy.url))
        self.assertIn("WeChat not reached: wechat.invalid", Asker(bench).ask()["message"])
        self.assertNotIn(ring.SECRET.encode(), b"".join(proxy.heads))
        self.assertNotIn(ring.SECRET, keeper.log())

    def test_token_call_that_may_have_left(self):
        """A GET has no body to go by: here the request was written."""
        for serve, message in ((lambda c, r: 0, "WeChat closed the connection without an answer"),
                               (lambda c, r: c.recv(1), "WeChat did not answer within 1 s")):
            server = self.server(serve)
            bench = self.bench({"default": {"api_base": server.base, "token_mode": "classic"}})
            bench.start("mega-token", "token", NO_PROXIES)
            self.assertEqual(Asker(bench).ask()["message"], message)
            self.assertIn(b"GET /cgi-bin/token?", server.requests[0])

    def test_proxy_that_is_away(self):
        broker = self.sender_of("https://wechat.invalid", {"https_proxy": "http://user:pw-of-proxy@127.0.0.1:1"})
        report = broker.result()
        self.check(report, "retry", "WeChat not reached: wechat.invalid")
        self.assertNotIn("pw-of-proxy", report["message"] + self.sender.log())

    # --- time-outs -----------------------------------------------------------------------------------------------

    def test_port_that_never_accepts(self):
        """A full backlog: the connection never comes about, so nothing was sent."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(listener.close)
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        connected = select.select([], fillers, [], 0)[1]
        self.assertLess(len(connected), len(fillers), "the backlog takes everything")
        broker = self.sender_of("http://127.0.0.1:%d" % listener.getsockname()[1])
        self.check(broker.result(), "retry", "WeChat not reached", http_status=0)

    def test_handshake_that_stalls(self):
        """It reads all the client says and never answers: TLS is not up, so nothing was sent."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        got = []

        def serve():
            connection, _ = listener.accept()
            with connection:
                while got[-1:] != [b""]:
                    got.append(connection.recv(65536))
        threading.Thread(target=serve, daemon=True).start()
        broker = self.sender_of("https://127.0.0.1:%d" % listener.getsockname()[1])
        self.check(broker.result(), "retry", "WeChat not reached", http_status=0)
        self.assertNotIn(b"touser", b"".join(got))

    def test_silence_after_the_body(self):
        """Read and not answered; answered in part; the same on a connection that was used before."""
        def half(connection, request):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"errcode\":0,")
            return connection.recv(1)
        for name, serve in (("silent", lambda c, r: c.recv(1)), ("half", half)):
            with self.subTest(name):
                server = self.server(serve, ok(), serve, ok())
                broker = self.sender_of(server.base)
                self.check(broker.result(), "unknown", "WeChat did not answer within 1 s")
                self.check(broker.result(), "sent")
                self.check(broker.result(), "unknown", "WeChat did not answer within 1 s")
                self.check(broker.result(), "sent")
                self.assertEqual(len(server.requests), 4)

    def test_body_that_is_not_read(self):
        """A part of the body left this process before the time was over: unknown, not repeated."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        broker = self.sender_of("http://127.0.0.1:%d" % listener.getsockname()[1])
        self.check(broker.result(body=b'{"x":"' + b"y" * 20000000 + b'"}'), "unknown", "WeChat did not answer within 1 s")


if __name__ == "__main__":
    unittest.main()
