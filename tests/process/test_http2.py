"""HTTP/2 where it is offered: through nghttpx to the simulator, and against a server that breaks in the ways HTTP/2 can."""
import os
import shutil
import socket
import ssl
import subprocess
import unittest

import h2.config
import h2.connection
import h2.errors
import h2.events

import ring
from sender_peers import TOKENS, Broker, Case, Keeper, Listener, Server, make_certificates, ok, start_sim

OK = b'{"errcode":0,"errmsg":"ok","msgid":4611686018427387905}'
PATIENT = {"timeout": "3s", "connect_timeout": "3s"}  # TLS on a machine that is busy


class Server2(Listener):
    """An HTTP/2 server over TLS that does with each request, once its body is there, what the next function of a list does (the
    last one repeats): serve(connection, stream). `bodies`: of all requests that were whole."""

    def __init__(self, folder, *serves):
        super().__init__()
        self.serves, self.bodies, self.resets = list(serves), [], 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder + "/good.pem", folder + "/good.key")
        self.context.set_alpn_protocols(["h2"])
        self.base = "https://127.0.0.1:%d" % self.port
        self.start()

    def serve(self, raw):
        raw.settimeout(ring.LIMIT_S)
        try:
            with self.context.wrap_socket(raw, server_side=True) as tls:
                assert tls.selected_alpn_protocol() == "h2"
                Peer(self, tls).talk()
        except OSError:
            pass


class Peer:
    """One connection of it."""

    def __init__(self, server, tls):
        self.server, self.tls, self.bodies = server, tls, {}
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.http.initiate_connection()
        self.flush()

    def flush(self):
        self.tls.sendall(self.http.data_to_send())

    def talk(self):
        while True:
            data = self.tls.recv(65536)
            if not data:
                return
            for event in self.http.receive_data(data):
                self.take(event)
            self.flush()

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.bodies[event.stream_id] = b""
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += event.data
            self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.server.resets += 1
        elif isinstance(event, h2.events.StreamEnded):
            with self.server.lock:
                self.server.bodies.append(self.bodies.pop(event.stream_id))
                serve = self.server.serves.pop(0) if len(self.server.serves) > 1 else self.server.serves[0]
            serve(self, event.stream_id)

    def answer(self, stream, status="200", body=OK):
        self.http.send_headers(stream, [(":status", status), ("content-length", str(len(body)))])
        self.http.send_data(stream, body, end_stream=True)

    def cut(self):
        self.flush()
        self.tls.shutdown(socket.SHUT_RDWR)


def good(peer, stream):
    peer.answer(stream)


def silent(peer, stream):
    pass


def refused(peer, stream):
    """"Not processed, may be repeated", says RFC 9113: by whoever may, which is not libcurl."""
    peer.http.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)


def cancelled(peer, stream):
    peer.http.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)


def goaway_all(peer, stream):
    """Says that it has taken no stream at all, and closes."""
    peer.http.close_connection(h2.errors.ErrorCodes.NO_ERROR, last_stream_id=0)
    peer.cut()


def goaway_before_answer(peer, stream):
    """Takes no further streams, and answers this one."""
    peer.answer(stream)
    peer.http.close_connection(h2.errors.ErrorCodes.NO_ERROR, last_stream_id=stream)
    peer.cut()


def cut(peer, stream):
    peer.cut()


def half(peer, stream):
    peer.http.send_headers(stream, [(":status", "200"), ("content-length", "100")])
    peer.http.send_data(stream, OK[:10])
    peer.cut()


def bad_gateway(peer, stream):
    peer.answer(stream, "502", b"")


class Http2(Case):
    def setUp(self):
        self.outer = self.bench()
        make_certificates(self.outer.folder)

    def sender_of(self, *bases):
        bench = self.bench({"default": {"api_base": ",".join(bases)}}, {"sender": dict(PATIENT, ca_file=self.outer.folder + "/ca.pem")})
        self.token = Keeper(bench, dict(TOKENS))
        self.sender = bench.start("mega-sender", "sender-1")
        broker = Broker(bench, self.token)
        broker.connect()
        return broker

    def with_server(self, *serves):
        self.server = Server2(self.outer.folder, *serves)
        self.addCleanup(self.server.listener.close)
        return self.sender_of(self.server.base)

    def test_one_connection(self):
        broker = self.with_server(good)
        for _ in range(5):
            self.check(broker.result(), "sent", msgid=4611686018427387905, http_status=200)
        self.assertEqual((len(self.server.bodies), self.server.connections), (5, 1))

    def test_many_at_once(self):
        broker = self.with_server(good)
        seqs = [broker.job(openid="o%d" % i) for i in range(40)]
        for seq in seqs:
            self.check(broker.report(seq), "sent")
        self.assertEqual(len(set(self.server.bodies)), 40)
        self.assertLessEqual(self.server.connections, 4)

    def test_large_body(self):
        """Larger than the window of a stream."""
        broker = self.with_server(good)
        body = b'{"x":"' + b"y" * 1500000 + b'"}'
        self.check(broker.result(body=body), "sent")
        self.assertEqual(self.server.bodies, [body])

    def test_broken(self):
        """After the body: unknown, and not one more request; on a new connection and on one that was used before."""
        for serve in (refused, cancelled, goaway_all, cut, half, silent, bad_gateway):
            with self.subTest(serve.__name__):
                broker = self.with_server(serve, good, serve, good)
                self.check(broker.result(), "unknown")
                self.check(broker.result(), "sent")
                self.check(broker.result(), "unknown")
                self.check(broker.result(), "sent")
                self.assertEqual(len(self.server.bodies), 4)
                self.assertEqual(len(set(self.server.bodies)), 4)

    def test_broken_is_not_repeated_elsewhere(self):
        other = Server(ok())
        self.addCleanup(other.close)
        for serve in (refused, goaway_all, cut, silent):
            with self.subTest(serve.__name__):
                server = Server2(self.outer.folder, serve)
                self.addCleanup(server.listener.close)
                broker = self.sender_of(server.base, other.base)
                self.check(broker.result(), "unknown", calls=1)
                self.assertEqual((len(server.bodies), len(other.requests)), (1, 0))

    def test_silent_stream_beside_others(self):
        """A call that times out does not take the others of its connection with it."""
        broker = self.with_server(silent, good)
        first = broker.job(openid="o1")
        broker.until(lambda: self.server.bodies, "the first one is there")
        for i in range(2, 6):
            self.check(broker.result(openid="o%d" % i), "sent")
        self.check(broker.report(first), "unknown", "WeChat did not answer within 3 s")
        self.assertEqual(len(self.server.bodies), 5)

    def test_goaway_when_idle(self):
        """The server ends the connection between two calls: the second is made on another one, once."""
        broker = self.with_server(goaway_before_answer, good)
        self.check(broker.result(), "sent")
        self.check(broker.result(), "sent")
        self.assertEqual((len(self.server.bodies), self.server.connections), (2, 2))

    def test_nghttpx(self):
        """A server that others wrote, in front of the simulator: every call came over HTTP/2."""
        sim = start_sim(self.outer)
        proxy = Nghttpx(self.outer, sim.base)
        self.addCleanup(proxy.close)
        bench = self.bench({"default": {"api_base": proxy.base}}, {"sender": dict(PATIENT, ca_file=self.outer.folder + "/ca.pem")})
        bench.start("mega-token", "token")
        bench.start("mega-sender", "sender-1")
        broker = Broker(bench)
        broker.connect()
        seqs = [broker.job(openid="o%d" % i, kind=kind) for i, kind in enumerate(["template", "custom"] * 10)]
        for seq in seqs:
            self.check(broker.report(seq), "sent")
        stats = sim.get("/sim/stats")
        self.assertEqual((stats["calls"], stats["delivered"]), (20, 20))
        ring.until(lambda: len(proxy.access()) >= 21 or ring.pause(), "nghttpx has written its log")
        self.assertEqual({line.split(" ")[0] for line in proxy.access()}, {"h2"})


class Nghttpx:
    """nghttpx on a free port with TLS, and its access log."""

    def __init__(self, bench, backend):
        program = shutil.which("nghttpx", path="/usr/sbin:/usr/bin:/usr/local/bin")
        assert program, "nghttpx is missing: scripts/packages test"
        self.access_path = os.path.join(bench.folder, "access.log")
        self.log_path = os.path.join(bench.folder, "nghttpx.log")
        for _ in range(10):  # the port may be taken by somebody else meanwhile
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            self.base = "https://127.0.0.1:%d" % self.port
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(
                    [program, "--conf=/dev/null", "--workers=1", "--frontend=127.0.0.1,%d" % self.port,
                     "--backend=127.0.0.1," + backend.rsplit(":", 1)[1], "--accesslog-file=" + self.access_path,
                     "--accesslog-format=$alpn $status $method", "--errorlog-file=" + self.log_path,
                     bench.folder + "/good.key", bench.folder + "/good.pem"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            if self.is_up():
                return
        with open(self.log_path, errors="replace") as f:
            raise AssertionError("nghttpx does not listen: " + f.read())

    def is_up(self):
        end = ring.deadline()
        while self.process.poll() is None and ring.time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                ring.pause()
        return False

    def access(self):
        with open(self.access_path) as f:
            return [line for line in f.read().splitlines() if line]

    def close(self):
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    unittest.main()
