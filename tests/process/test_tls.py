"""Verified TLS, of mega-sender and mega-token: who is refused, what the error says, and that nothing is sent to him."""
import os
import socket
import ssl
import subprocess
import threading
import unittest
import warnings

import ring
from sender_peers import Broker, Case, Keeper, make_certificates, start_sim
from test_token import Asker


def make_more_certificates(folder):
    """Beside those of make_certificates: one of its CA that has expired, one that is not valid yet."""
    os.mkdir(os.path.join(folder, "ca"))
    open(os.path.join(folder, "ca", "index.txt"), "w").close()
    with open(os.path.join(folder, "ca", "serial"), "w") as f:
        f.write("1000\n")
    with open(os.path.join(folder, "ca.cnf"), "w") as f:
        f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=ca/index.txt\nserial=ca/serial\nnew_certs_dir=ca\ndefault_md=sha256\n"
                "policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n")
    for name, start, end in (("expired", "20200101000000Z", "20210101000000Z"), ("early", "20900101000000Z", "20910101000000Z")):
        subprocess.run(["openssl", "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in",
                        "good.csr", "-out", name + ".pem", "-startdate", start, "-enddate", end, "-extfile", "good.ext"],
                       cwd=folder, check=True, capture_output=True)
        os.symlink("good.key", os.path.join(folder, name + ".key"))


def one_version(protocol, version):
    context = ssl.SSLContext(protocol)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is an old version
        context.minimum_version = context.maximum_version = version
    return context


class OldTls(threading.Thread):
    """A server that offers one version of TLS only. `received`: what came inside of it."""

    def __init__(self, folder, version):
        super().__init__(daemon=True)
        self.received, self.attempts, self.folder, self.version = b"", 0, folder, version
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base = "https://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.start()

    def run(self):
        context = one_version(ssl.PROTOCOL_TLS_SERVER, self.version)
        context.load_cert_chain(self.folder + "/good.pem", self.folder + "/good.key")
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.attempts += 1
            connection.settimeout(ring.LIMIT_S)
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    self.received += tls.recv(65536)
            except OSError:
                pass


PATIENT = {"timeout": "5s", "connect_timeout": "5s"}  # TLS on a machine that is busy

REFUSED = (  # certificate, ca_file, what the error says
    ("wrong", "ca.pem", "the host name does not match, check api_base"),
    ("expired", "ca.pem", "the certificate has expired: check api_base and this host's clock"),
    ("early", "ca.pem", "the certificate is not valid yet: check this host's clock"),
    ("good", "other.pem", "unknown issuer: set [sender] ca_file"),
    ("good", "", "unknown issuer: set [sender] ca_file"),
)


class Tls(Case):
    def setUp(self):
        self.outer = self.bench()
        make_certificates(self.outer.folder)
        make_more_certificates(self.outer.folder)

    def start_sim(self, certificate):
        self.sim = start_sim(self.outer, "--https", "127.0.0.1:0", "--cert", "%s/%s.pem" % (self.outer.folder, certificate),
                             "--key", "%s/%s.key" % (self.outer.folder, certificate))
        with open(self.sim.ready_file) as f:
            return "https://127.0.0.1:" + dict(line.strip().split("=") for line in f)["https"]

    def inner(self, base, ca_file, mode="stable"):
        return self.bench({"default": {"api_base": base, "token_mode": mode}},
                          {"sender": dict(PATIENT, ca_file=ca_file and self.outer.folder + "/" + ca_file)})

    def send(self, bench, token):
        bench.sender = bench.start("mega-sender", "sender-1")
        broker = Broker(bench, Keeper(bench, {"default": token}))
        broker.connect()
        return broker.result()

    def ask(self, bench):
        bench.start("mega-token", "token")
        return Asker(bench).ask()

    def sim_token(self):
        return self.sim.get("/cgi-bin/token?grant_type=client_credential&appid=%s&secret=%s"
                            % (ring.APP_ID, ring.SECRET))["access_token"]

    def test_sender_refuses(self):
        for certificate, ca_file, message in REFUSED:
            with self.subTest(certificate + " " + ca_file):
                bench = self.inner(self.start_sim(certificate), ca_file)
                report = self.send(bench, self.sim_token())
                self.check(report, "retry", message, http_status=0)
                self.assertRegex(report["message"], r"^WeChat not reached: 127\.0\.0\.1:\d+: ")
                self.assertIn(message, bench.sender.log().replace("\\", ""))
                self.assertEqual((self.sim.get("/sim/stats")["calls"], self.sim.journal()), (0, []))
                self.sim.kill()

    def test_keeper_refuses(self):
        for certificate, ca_file, message in REFUSED:
            for mode in ("stable", "classic"):
                with self.subTest(certificate + " " + ca_file + " " + mode):
                    told = self.ask(self.inner(self.start_sim(certificate), ca_file, mode))
                    self.assertEqual(told["t"], "none", told)
                    self.assertIn(message, told["message"])
                    self.assertNotIn(ring.SECRET, told["message"])
                    self.assertEqual(self.sim.get("/sim/stats")["token_fetches"], 0)
                    self.sim.kill()

    def test_taken(self):
        """The counter-proof: a good certificate of the CA in ca_file."""
        base = self.start_sim("good")
        self.check(self.send(self.inner(base, "ca.pem"), self.sim_token()), "sent")
        fetches = self.sim.get("/sim/stats")["token_fetches"]
        self.assertEqual(self.ask(self.inner(base, "ca.pem"))["t"], "token")
        self.assertEqual(self.sim.get("/sim/stats")["token_fetches"], fetches + 1)

    def test_versions(self):
        """1.1 is refused by both, nothing goes out; 1.2 is spoken (the server says nothing inside of it)."""
        old = OldTls(self.outer.folder, ssl.TLSVersion.TLSv1_1)
        self.addCleanup(old.listener.close)
        willing = one_version(ssl.PROTOCOL_TLS_CLIENT, ssl.TLSVersion.TLSv1_1)
        willing.load_verify_locations(self.outer.folder + "/ca.pem")
        with socket.create_connection(old.listener.getsockname(), ring.LIMIT_S) as connection:
            with willing.wrap_socket(connection, server_hostname="127.0.0.1") as tls:
                self.assertEqual(tls.version(), "TLSv1.1")  # whoever speaks it is served
        report = self.send(self.inner(old.base, "ca.pem"), "T0")
        self.check(report, "retry", "TLS 1.2 or later is needed")
        told = self.ask(self.inner(old.base, "ca.pem"))
        self.assertEqual(told["t"], "none")
        self.assertIn("TLS 1.2 or later is needed", told["message"])
        self.assertGreaterEqual(old.attempts, 3)
        self.assertEqual(old.received, b"")
        new = OldTls(self.outer.folder, ssl.TLSVersion.TLSv1_2)
        self.addCleanup(new.listener.close)
        self.check(self.send(self.inner(new.base, "ca.pem"), "T0"), "unknown")
        self.assertIn(b"POST /cgi-bin/message/template/send?access_token=T0 HTTP/1.1", new.received)

    def test_ca_file_without_certificates(self):
        base = self.start_sim("good")
        bench = self.inner(base, "good.key")
        self.check(self.send(bench, self.sim_token()), "retry", "ca_file")
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 0)


if __name__ == "__main__":
    unittest.main()
