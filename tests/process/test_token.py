"""mega-token: one fetch however many ask, rejected tokens, the cache, what it says when there is none."""
import json
import os
import stat
import subprocess
import threading
import unittest

import msgpack
import zmq

import ring
from sender_peers import Bench, Server, answer, make_certificates, pack, start_sim

TOKENS = "/cgi-bin/stable_token"


class Asker:
    """A sender, as far as tokens go."""

    def __init__(self, bench):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(bench.token)
        bench.on_close(self.socket.close)

        self.seen = bench.seen if hasattr(bench, "seen") else set()

    def say(self, kind, app="default", **more):
        self.socket.send(pack(dict({"t": kind, "app": app}, **more)))

    def read(self, ms=20000):
        assert self.socket.poll(ms), "the keeper says nothing"
        return self.receive()

    def receive(self):
        message = msgpack.unpackb(self.socket.recv())
        if "token" in message:
            self.seen.add(message["token"])
        return message

    def read_other(self, token):
        """The next token that is another one; answers to earlier questions may come before it."""
        message = self.read()
        while message["t"] == "token" and message["token"] == token:
            message = self.read()
        assert message["t"] == "token", message
        return message["token"]

    def ask(self, app="default", until=("token", "none")):
        """Asks until it is told."""
        end = ring.deadline(20)
        while ring.time.monotonic() < end:
            self.say("get", app)
            while self.socket.poll(100):
                message = self.receive()
                if message["t"] in until and message["app"] == app:
                    return message
        raise AssertionError("the keeper says nothing")


class Case(unittest.TestCase):
    def bench(self, accounts=None, sections=None):
        """What was seen as a token, or is put into `seen` as a secret, must be in no log at the end."""
        bench = Bench(accounts or {"default": {}}, sections)
        bench.seen = set()
        self.addCleanup(bench.close)
        self.addCleanup(self.check_logs, bench)
        return bench

    def check_logs(self, bench):
        for process in bench.processes:
            if process.name != "sim" and os.path.exists(process.log_path):
                for secret in bench.seen:
                    self.assertNotIn(secret, process.log())

    def with_sim(self, *arguments, mode="stable", sections=None, **account):
        bench = self.bench()
        sim = start_sim(bench, *arguments)
        bench.write({"default": dict({"api_base": sim.base, "token_mode": mode}, **account)}, sections)
        return bench, sim


class Token(Case):

    def test_one_fetch_for_all(self):
        bench, sim = self.with_sim()
        askers = [Asker(bench) for _ in range(20)]
        for asker in askers:
            asker.say("get")
        keeper = bench.start("mega-token", "token")
        told = [asker.ask(until=("token",)) for asker in askers]
        self.assertEqual(len({m["token"] for m in told}), 1)
        self.assertTrue(all(7100000 < m["ttl"] <= 7200000 for m in told), told)
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], 1)
        self.assertEqual(stat.S_IMODE(os.stat(bench.token[6:]).st_mode), 0o660)
        self.assertEqual(keeper.term(), 0)
        self.assertNotIn(told[0]["token"], keeper.log())

    def test_rejected_is_replaced_once(self):
        bench, sim = self.with_sim()
        bench.start("mega-token", "token")
        askers = [Asker(bench) for _ in range(5)]
        first = [asker.ask(until=("token",))["token"] for asker in askers][0]
        sim.post("/sim/invalidate")
        for asker in askers:
            asker.say("rejected", token=first)
        told = {asker.read_other(first) for asker in askers}
        self.assertEqual(len(told), 1)
        second, = told
        stats = sim.get("/sim/stats")
        # what is not the current token is not replaced again
        for asker in askers:
            asker.say("rejected", token=first)
            self.assertEqual(asker.ask(until=("token",))["token"], second)
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], stats["token_fetches"])

    def test_invalidated_again_and_again(self):
        """Four senders, a token that is ended from outside several times a second: one fetch each time, at once."""
        bench, sim = self.with_sim()
        keeper = bench.start("mega-token", "token")
        askers = [Asker(bench) for _ in range(4)]
        token, = {asker.ask(until=("token",))["token"] for asker in askers}
        for i in range(20):
            sim.post("/sim/invalidate")
            for asker in askers:
                asker.say("rejected", token=token)
            told = {asker.read_other(token) for asker in askers}
            self.assertEqual(len(told), 1)
            token, = told
            stats = sim.get("/sim/stats")
            self.assertEqual((stats["token_fetches"], stats["forced"]), (i + 2, 0))
        self.assertNotIn("token_fetches", keeper.log())

    def test_cap_of_fetches(self):
        bench, sim = self.with_sim(token_fetches="3")
        keeper = bench.start("mega-token", "token")
        asker = Asker(bench)
        token = asker.ask(until=("token",))["token"]
        for _ in range(2):
            sim.post("/sim/invalidate")
            asker.say("rejected", token=token)
            token = asker.read_other(token)
        sim.post("/sim/invalidate")
        asker.say("rejected", token=token)
        told = asker.read()
        while told["t"] == "token":
            told = asker.read()
        self.assertIn("fetched 3 times within an hour ([wechat] token_fetches)", told["message"])
        self.assertTrue(50000 < told["retry"] <= 60000, told)
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], 3)
        self.assertIn("level=error", keeper.log())

    def test_never_forced(self):
        bench, sim = self.with_sim(token_forced="0")
        keeper = bench.start("mega-token", "token")
        asker = Asker(bench)
        token = asker.ask(until=("token",))["token"]
        asker.say("rejected", token=token)
        sim.wait(token_fetches=2)
        self.assertEqual(Asker(bench).ask(until=("token",))["token"], token)  # said nothing before the fetch had ended
        self.assertEqual(sim.get("/sim/stats")["forced"], 0)
        self.assertIn("a rejected access token was given again and is used on", keeper.log())

    def test_unknown_account(self):
        bench, _ = self.with_sim()
        bench.start("mega-token", "token")
        told = Asker(bench).ask("nobody")
        self.assertEqual(told["t"], "none")
        self.assertIn("no account of this name", told["message"])

    def test_rejected_same_again_is_forced(self):
        bench, sim = self.with_sim()
        keeper = bench.start("mega-token", "token")
        asker = Asker(bench)
        first = asker.ask(until=("token",))["token"]
        asker.say("rejected", token=first)  # the simulator knows nothing of it and gives the same one again
        second = asker.read_other(first)
        stats = sim.get("/sim/stats")
        self.assertEqual((stats["token_fetches"], stats["forced"]), (3, 1))
        self.assertIn("level=error", keeper.log())
        asker.say("rejected", token=second)  # too soon for another forced one: it is used on
        sim.wait(token_fetches=4)
        self.assertEqual(asker.ask()["token"], second)
        self.assertEqual(sim.get("/sim/stats")["forced"], 1)

    def test_forced_count_outlives_restart(self):
        bench, sim = self.with_sim()
        bench.start("mega-token", "token")
        asker = Asker(bench)
        first = asker.ask(until=("token",))["token"]
        asker.say("rejected", token=first)
        second = asker.read_other(first)
        bench.processes[-1].kill()
        bench.start("mega-token", "token")
        asker = Asker(bench)
        self.assertEqual(asker.ask(until=("token",))["token"], second)
        asker.say("rejected", token=second)
        sim.wait(token_fetches=4)
        self.assertEqual(asker.ask()["token"], second)
        self.assertEqual(sim.get("/sim/stats")["forced"], 1)

    def test_classic(self):
        bench, sim = self.with_sim(mode="classic")
        bench.start("mega-token", "token")
        asker = Asker(bench)
        first = asker.ask(until=("token",))["token"]
        asker.say("rejected", token=first)
        asker.read_other(first)
        stats = sim.get("/sim/stats")
        self.assertEqual((stats["token_fetches"], stats["stable_fetches"]), (2, 0))

    def test_refreshed_before_its_end(self):
        for mode in ("stable", "classic"):
            with self.subTest(mode):
                bench, sim = self.with_sim("--token-lifetime", "3", mode=mode)
                bench.start("mega-token", "token")
                asker = Asker(bench)
                first = asker.ask(until=("token",))
                asker.read_other(first["token"])
                self.assertLess(sim.get("/sim/stats")["token_fetches"], 5)

    def test_cache(self):
        bench, sim = self.with_sim()
        keeper = bench.start("mega-token", "token")
        first = Asker(bench).ask(until=("token",))["token"]
        cache = os.path.join(bench.folder, "token.cache")
        self.assertEqual(stat.S_IMODE(os.stat(cache).st_mode), 0o600)
        self.assertEqual(keeper.term(), 0)
        keeper = bench.start("mega-token", "token")
        self.assertEqual(Asker(bench).ask(until=("token",))["token"], first)
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], 1)
        keeper.kill()
        os.chmod(cache, 0o640)
        keeper = bench.start("mega-token", "token")
        Asker(bench).ask(until=("token",))
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], 2)
        self.assertIn("token cache is ignored", keeper.log())
        self.assertEqual(stat.S_IMODE(os.stat(cache).st_mode), 0o600)  # written anew

    def test_cache_of_other_secret(self):
        bench, sim = self.with_sim("--account", "a:one", "--account", "a2:two")
        bench.write({"default": {"api_base": sim.base, "app_id": "a", "app_secret": "one"}})
        keeper = bench.start("mega-token", "token")
        first = Asker(bench).ask(until=("token",))["token"]
        keeper.kill()
        bench.write({"default": {"api_base": sim.base, "app_id": "a2", "app_secret": "two"}})
        bench.start("mega-token", "token")
        self.assertNotEqual(Asker(bench).ask(until=("token",))["token"], first)

    def test_wrong_secret(self):
        bench = self.bench()
        sim = start_sim(bench)
        bench.write({"default": {"api_base": sim.base, "app_secret": "not-the-secret"}})
        keeper = bench.start("mega-token", "token")
        told = Asker(bench).ask()
        self.assertEqual(told["t"], "none")
        self.assertIn("40125", told["message"])
        self.assertIn("check app_secret", told["message"])
        self.assertTrue(50000 < told["retry"] <= 60000, told)
        self.assertNotIn("not-the-secret", keeper.log())
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], 1)

    def test_secret_corrected_by_hup(self):
        """It would be tried again in a minute; and neither secret is logged."""
        bench, sim = self.with_sim(app_secret="f" * 32)
        keeper = bench.start("mega-token", "token")
        asker = Asker(bench)
        bench.seen.add("f" * 32)
        self.assertIn("40125", asker.ask(until=("none",))["message"])
        bench.write({"default": {"api_base": sim.base}})
        keeper.signal(ring.signal.SIGHUP)
        self.assertTrue(asker.ask(until=("token",))["token"])
        self.assertIn('key="[wechat] app_secret" from=**** to=****', keeper.log())

    def held(self):
        """A keeper that is told to stop while WeChat, which is the test, has a fetch of it and does not answer."""
        asked, release = threading.Event(), threading.Event()

        def hold(connection, request):
            asked.set()
            release.wait(ring.LIMIT_S)
            return answer('{"access_token":"LATE","expires_in":7200}')(connection, request)
        server = Server(hold)
        bench = self.bench({"default": {"api_base": server.base}}, {"sender": {"timeout": "60s"}})
        bench.on_close(server.close)
        bench.on_close(release.set)
        keeper = bench.start("mega-token", "token")
        self.assertTrue(asked.wait(ring.LIMIT_S))
        keeper.signal(ring.signal.SIGTERM)
        for _ in range(10):
            self.assertTrue(keeper.alive(), keeper.log())
            ring.pause()
        return bench, keeper, release

    def test_fetch_under_way_is_kept_on_term(self):
        """It may have ended the token of before."""
        bench, keeper, release = self.held()
        release.set()
        self.assertEqual(keeper.process.wait(ring.LIMIT_S), 0)
        with open(os.path.join(bench.folder, "token.cache"), "rb") as f:
            self.assertIn(b"LATE", f.read())

    def test_second_term_ends_it_at_once(self):
        _, keeper, _ = self.held()
        began = ring.time.monotonic()
        keeper.signal(ring.signal.SIGTERM)
        self.assertEqual(keeper.process.wait(ring.LIMIT_S), 0)
        self.assertLess(ring.time.monotonic() - began, 2)

    def test_other_accounts_go_on(self):
        bench = self.bench()
        sim = start_sim(bench)
        bench.write({"default": {"api_base": sim.base}, "bad": {"api_base": sim.base, "app_secret": "x"},
                     "away": {"api_base": "http://127.0.0.1:1"}})
        bench.start("mega-token", "token")
        asker = Asker(bench)
        self.assertEqual(asker.ask()["t"], "token")
        self.assertEqual(asker.ask("bad")["t"], "none")
        told = asker.ask("away")
        self.assertIn("WeChat not reached: 127.0.0.1:1", told["message"])

    def test_comes_back(self):
        bench, sim = self.with_sim()
        sim.post("/sim/token-refuse?errcode=-1")
        bench.start("mega-token", "token")
        asker = Asker(bench)
        told = asker.ask()
        self.assertEqual(told["t"], "none")
        self.assertIn("-1 (system busy)", told["message"])
        sim.post("/sim/token-refuse?errcode=0")
        while told["t"] == "none":
            told = asker.read()  # told without asking again
        self.assertEqual(told["t"], "token")

    def test_garbage_for_wechat(self):
        for body in ("", "<html>", "{}", '{"access_token":5,"expires_in":7200}', '{"access_token":"t"}'):
            with self.subTest(body):
                server = Server(answer(body))
                bench = self.bench({"default": {"api_base": server.base}})
                bench.on_close(server.close)
                bench.start("mega-token", "token")
                self.assertIn("no access token", Asker(bench).ask()["message"])

    def test_garbage_for_the_keeper(self):
        bench, _ = self.with_sim()
        bench.start("mega-token", "token")
        asker = Asker(bench)
        for junk in (b"", b"\xc1", b"\x81", pack({"t": "token", "app": "default", "token": "x", "ttl": 5}), pack([1]),
                     pack({"t": "get", "app": "nobody"}), pack({"t": "rejected", "app": "default", "token": ""}),
                     pack({"t": "get"}), b"\xdf\xff\xff\xff\xff", os.urandom(500)):
            asker.socket.send(junk)
        asker.socket.send_multipart([b"\xc1", pack({"t": "get", "app": "default"})])
        self.assertEqual(asker.ask(until=("token",))["t"], "token")

    def test_https(self):
        bench = self.bench()
        make_certificates(bench.folder)
        sim = start_sim(bench, "--https", "127.0.0.1:0", "--cert", bench.folder + "/good.pem", "--key",
                        bench.folder + "/good.key")
        with open(sim.ready_file) as f:
            port = dict(line.strip().split("=") for line in f)["https"]
        base = "https://127.0.0.1:" + port
        for ca_file, good in (("ca.pem", True), ("other.pem", False)):
            with self.subTest(ca_file):
                bench.write({"default": {"api_base": base}}, {"sender": {"ca_file": bench.folder + "/" + ca_file}})
                keeper = bench.start("mega-token", "token")
                told = Asker(bench).ask()
                self.assertEqual(told["t"], "token" if good else "none", told)
                if not good:
                    self.assertIn("certificate", told["message"])
                keeper.kill()
                if good:
                    os.unlink(os.path.join(bench.folder, "token.cache"))
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], 1)

    def test_https_of_another_host(self):
        bench = self.bench()
        make_certificates(bench.folder)
        sim = start_sim(bench, "--https", "127.0.0.1:0", "--cert", bench.folder + "/wrong.pem", "--key",
                        bench.folder + "/wrong.key")
        with open(sim.ready_file) as f:
            port = dict(line.strip().split("=") for line in f)["https"]
        bench.write({"default": {"api_base": "https://127.0.0.1:" + port}},
                    {"sender": {"ca_file": bench.folder + "/ca.pem"}})
        bench.start("mega-token", "token")
        self.assertEqual(Asker(bench).ask()["t"], "none")
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], 0)

    def test_second_keeper_ends(self):
        bench, _ = self.with_sim()
        bench.start("mega-token", "token")
        Asker(bench).ask(until=("token",))
        other = bench.start("mega-token", "other-name")
        self.assertEqual(other.process.wait(ring.LIMIT_S), 1)
        self.assertEqual(Asker(bench).ask()["t"], "token")  # the first one is unharmed

    def test_no_account(self):
        bench = self.bench()
        bench.write({})
        keeper = bench.start("mega-token", "token")
        self.assertEqual(keeper.process.wait(ring.LIMIT_S), 1)
        self.assertIn("[wechat]", keeper.log())


class Command(Case):
    """mega token."""

    def mega(self, bench, *arguments, text=None):
        command = [os.path.join(ring.BIN, "mega"), "token"] + list(arguments)
        done = subprocess.run(command + ["-c", bench.conf_path, "--timeout", "20s"], input=text, capture_output=True,
                              text=True, timeout=ring.LIMIT_S)
        self.assertNotIn("Sanitizer", done.stderr)
        return done.returncode, done.stdout, done.stderr

    def bench_of_three(self):
        bench = self.bench()
        sim = start_sim(bench, "--account", "wx-shop:shop-secret", "--account", ring.APP_ID + ":" + ring.SECRET)
        bench.write({"default": {"api_base": sim.base}, "bad": {"api_base": sim.base, "app_secret": "not-the-secret"},
                     "shop": {"api_base": sim.base, "app_id": "wx-shop", "app_secret": "shop-secret"}})
        bench.start("mega-token", "token")
        return bench, sim

    def test_show(self):
        bench, _ = self.bench_of_three()
        tokens = {app: Asker(bench).ask(app, until=("token",))["token"] for app in ("default", "shop")}
        self.assertEqual(self.mega(bench, "show"), (0, tokens["default"] + "\n", ""))
        self.assertEqual(self.mega(bench, "show", "--app", "shop"), (0, tokens["shop"] + "\n", ""))
        status, out, _ = self.mega(bench, "show", "--ttl")
        token, ttl = out.split()
        self.assertEqual((status, token), (0, tokens["default"]))
        self.assertTrue(7000000 < int(ttl) <= 7200000, ttl)
        told = json.loads(self.mega(bench, "show", "--json", "--app", "shop")[1])
        self.assertEqual((told["app"], told["token"]), ("shop", tokens["shop"]))
        self.assertTrue(7000000 < told["ttl"] <= 7200000)
        status, out, error = self.mega(bench, "show", "--app", "bad")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("40125", error)
        status, out, error = self.mega(bench, "show", "--app", "nobody")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("no account of this name", error)

    def test_status(self):
        bench, _ = self.bench_of_three()
        status, out, error = self.mega(bench, "status")
        self.assertEqual((status, error), (1, ""))
        rows = [line.split() for line in out.splitlines()]
        self.assertEqual([row[:2] for row in rows],
                         [["ACCOUNT", "STATE"], ["default", "token"], ["bad", "none"], ["shop", "token"]])
        self.assertIn("check app_secret", out)
        for token in (Asker(bench).ask(app, until=("token",))["token"] for app in ("default", "shop")):
            self.assertNotIn(token, out)
        status, out, _ = self.mega(bench, "status", "--json")
        told = {row["app"]: row for row in map(json.loads, out.splitlines())}
        self.assertEqual({app: row["state"] for app, row in told.items()},
                         {"default": "token", "bad": "none", "shop": "token"})
        self.assertTrue(0 < told["bad"]["retry"] <= 60000)
        self.assertEqual(self.mega(bench, "status", "--app", "shop")[0], 0)
        status, out, _ = self.mega(bench, "status", "--json", "--app", "\udcff\udcfe")  # two bytes that are not UTF-8
        self.assertEqual((status, json.loads(out)["app"]), (1, "\ufffd\ufffd"))

    def test_reject(self):
        bench, sim = self.with_sim()
        bench.start("mega-token", "token")
        asker = Asker(bench)
        token = asker.ask(until=("token",))["token"]
        sim.post("/sim/invalidate")
        self.assertEqual(self.mega(bench, "reject", text=token + "\n"), (0, "another token is in use\n", ""))
        asker.read_other(token)
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], 2)
        self.assertEqual(self.mega(bench, "reject", text=token)[0], 0)  # is another one already
        self.assertEqual(sim.get("/sim/stats")["token_fetches"], 2)
        self.assertEqual(self.mega(bench, "reject", text="")[0], 2)
        self.assertEqual(self.mega(bench, "reject", text="x" * 2049)[0], 2)
        self.assertEqual(self.mega(bench, "reject", token, text="")[0], 2)  # not where others see it

    def test_no_keeper(self):
        bench = self.bench()
        for command in ("show", "status", "reject"):
            done = subprocess.run([os.path.join(ring.BIN, "mega"), "token", command, "-c", bench.conf_path, "--timeout",
                                   "50ms"], input="t\n", capture_output=True, text=True, timeout=ring.LIMIT_S)
            self.assertEqual(done.returncode, 1, done)
            if command == "status":
                self.assertIn("no answer", done.stdout)
            else:
                self.assertIn("No such file", done.stderr)

    def test_usage(self):
        bench = self.bench()
        for arguments in ((), ("nonsense",), ("show", "--app", ""), ("show", "x"), ("status", "--ttl"), ("show", "--nonsense")):
            self.assertEqual(self.mega(bench, *arguments)[0], 2, arguments)
        self.assertEqual(self.mega(bench, "show", "--endpoint", "nonsense")[0], 2)
        self.assertIn("mega token show", self.mega(bench, "--help")[1])


if __name__ == "__main__":
    unittest.main()
