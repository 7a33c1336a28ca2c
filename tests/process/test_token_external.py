"""mega-token with token_mode = external: a token service of the test behind token_url, a real MariaDB behind token_sql."""
import os
import subprocess
import threading
import unittest

import ring
from mariadb import MariaDB
from sender_peers import Server, answer, make_certificates, raw, start_sim
from test_token import Asker, Case

TOKEN = "11_first-token_0123456789"
OTHER = "22_other-token_0123456789"


def as_json(token, lifetime_s=7200):
    return answer('{"access_token":"%s","expires_in":%d}' % (token, lifetime_s))


class Url(Case):
    def with_service(self, *serves, path="/token?key=url-secret", sections=None, **more):
        """The keeper asks a server that answers so, one after the other."""
        server = Server(*serves)
        bench = self.bench()
        bench.on_close(server.close)
        bench.seen |= {"url-secret", TOKEN, OTHER}
        accounts = {"default": dict({"token_mode": "external", "token_url": server.base + path, "app_secret": ""}, **more)}
        bench.write(accounts, sections)
        self.keeper = bench.start("mega-token", "token")
        return bench, server

    def test_json(self):
        bench, server = self.with_service(as_json(TOKEN))
        told = Asker(bench).ask(until=("token",))
        self.assertEqual(told["token"], TOKEN)
        self.assertTrue(7100000 < told["ttl"] <= 7200000, told)
        self.assertTrue(server.requests[0].startswith(b"GET /token?key=url-secret HTTP/1.1\r\n"), server.requests[0])
        self.assertEqual(len(server.requests), 1)

    def test_plain(self):
        bench, _ = self.with_service(answer(TOKEN + "\n"))
        told = Asker(bench).ask(until=("token",))
        self.assertEqual(told["token"], TOKEN)
        self.assertTrue(100000 < told["ttl"] <= 120000, told)

    def test_asked_again_before_its_end(self):
        bench, _ = self.with_service(as_json(TOKEN, 3), as_json(OTHER))
        asker = Asker(bench)
        self.assertEqual(asker.ask(until=("token",))["token"], TOKEN)
        self.assertEqual(asker.read_other(TOKEN), OTHER)

    def test_garbage(self):
        cases = ((answer("<html>no</html>"), "neither JSON with access_token nor a token alone"),
                 (answer('{"token":"%s"}' % TOKEN), "holds no access_token"),
                 (answer('{"errcode":40164,"errmsg":"x"}'), "answered errcode 40164"),
                 (answer(TOKEN, "500 Oops"), "answered HTTP 500"),
                 (answer("", "302 Found", ["Location: http://127.0.0.1:1/"]), "answered HTTP 302"),
                 (raw(b""), "the token service closed the connection"),
                 (raw(b"\0\1\2"), "the token service"))
        for serve, message in cases:
            with self.subTest(message):
                bench, _ = self.with_service(serve, as_json(TOKEN))
                asker = Asker(bench)
                told = asker.ask()
                self.assertEqual(told["t"], "none")
                self.assertIn(message, told["message"])
                self.assertNotIn("url-secret", told["message"])
                self.assertEqual(asker.ask(until=("token",))["token"], TOKEN)  # asked again soon

    def test_slow(self):
        """A service that does not answer is given up in time; others go on meanwhile."""
        never = threading.Event()
        bench = self.bench()
        server = Server(lambda *_: never.wait(30))
        bench.on_close(server.close)
        bench.on_close(never.set)
        sim = start_sim(bench)
        bench.write({"default": {"api_base": sim.base},
                     "slow": {"token_mode": "external", "token_url": server.base + "/"}}, {"sender": {"timeout": "2s"}})
        bench.start("mega-token", "token")
        asker = Asker(bench)
        asker.say("get", "slow")
        self.assertEqual(asker.ask(until=("token",))["t"], "token")
        self.assertIn("the token service did not answer within 2 s", asker.ask("slow")["message"])

    def test_rejected_is_asked_for_at_once(self):
        bench, server = self.with_service(as_json(TOKEN), as_json(OTHER))
        asker = Asker(bench)
        asker.ask(until=("token",))
        asker.say("rejected", token=TOKEN)
        self.assertEqual(asker.read_other(TOKEN), OTHER)
        self.assertEqual(len(server.requests), 2)

    def test_rejected_same_again(self):
        bench, server = self.with_service(as_json(TOKEN), as_json(TOKEN), as_json(TOKEN), as_json(OTHER))
        asker = Asker(bench)
        asker.ask(until=("token",))
        asker.say("rejected", token=TOKEN)
        told = asker.read()
        while told["t"] == "token":
            told = asker.read()
        self.assertIn("the token service still gives the one that WeChat rejected", told["message"])
        self.assertTrue(0 < told["retry"] <= 1000, told)
        asker.say("rejected", token=TOKEN)  # says nothing new
        while told["t"] == "none":
            told = asker.read()
        self.assertEqual(told["token"], OTHER)
        self.assertEqual(len(server.requests), 4)
        log = self.keeper.log()
        self.assertIn("the token service still gives an access token that WeChat rejects", log)
        self.assertIn("level=error", log)
        self.assertNotIn("is forced", log)

    def test_cached_token_serves_while_the_service_is_away(self):
        bench, server = self.with_service(as_json(TOKEN))
        Asker(bench).ask(until=("token",))
        self.keeper.kill()
        server.serves[:] = [answer("", "503 Away")]
        bench.start("mega-token", "token")
        self.assertEqual(Asker(bench).ask(until=("token",))["token"], TOKEN)

    def test_tls_is_verified(self):
        bench = self.bench()
        make_certificates(bench.folder)
        sim = start_sim(bench, "--https", "127.0.0.1:0", "--cert", bench.folder + "/wrong.pem", "--key",
                        bench.folder + "/wrong.key")
        with open(sim.ready_file) as f:
            port = dict(line.strip().split("=") for line in f)["https"]
        bench.write({"default": {"token_mode": "external", "token_url": "https://127.0.0.1:%s/token?key=url-secret" % port}},
                    {"sender": {"ca_file": bench.folder + "/ca.pem"}})
        bench.seen.add("url-secret")
        bench.start("mega-token", "token")
        told = Asker(bench).ask()
        self.assertEqual(told["t"], "none")
        self.assertIn("the token service not reached: 127.0.0.1:" + port, told["message"])

    def test_dump_and_file(self):
        """The address is masked, and can stand in a file."""
        bench, server = self.with_service(as_json(TOKEN))
        self.keeper.kill()
        path = os.path.join(bench.folder, "token.url")
        with open(path, "w") as f:
            f.write(server.base + "/token?key=url-secret\n")
        bench.write({"default": {"token_mode": "external", "token_url_file": path}})
        for program in ("mega-token", "mega-sender"):
            done = subprocess.run([os.path.join(ring.BIN, program), "-c", bench.conf_path, "--dump-config"],
                                  capture_output=True, text=True, timeout=ring.LIMIT_S)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("token_url = ****\n", done.stdout)
            self.assertIn("token_mode = external\n", done.stdout)
            self.assertNotIn("url-secret", done.stdout + done.stderr)
        bench.start("mega-token", "token")
        self.assertEqual(Asker(bench).ask(until=("token",))["token"], TOKEN)

    def test_wrong_configuration(self):
        bench = self.bench()
        bench.seen.add("url-secret")
        for account, message in (({"token_mode": "external"}, "external needs token_url"),
                                 ({"token_mode": "external", "token_url": "url-secret"}, "token_url: is no address"),
                                 ({"token_url": "http://h/url-secret"}, "is for token_mode = external only"),
                                 ({"token_mode": "external", "token_sql": "SELECT 'url-secret'"}, "needs the database")):
            with self.subTest(message):
                bench.write({"default": account})
                keeper = bench.start("mega-token", "token")
                self.assertEqual(keeper.process.wait(ring.LIMIT_S), 1)
                self.assertIn(message, keeper.log())


class Sql(Case):
    @classmethod
    def setUpClass(cls):
        cls.db = MariaDB()
        cls.addClassCleanup(cls.db.close)
        cls.db.__enter__()
        cls.db.sql("CREATE DATABASE mega; CREATE TABLE mega.tokens (app varchar(32), token varchar(2100), left_s varchar(30))")

    def setUp(self):
        self.db.sql("DELETE FROM mega.tokens")

    def put(self, token, left_s=None, app="a"):
        self.db.sql("DELETE FROM mega.tokens WHERE app='%s'; INSERT INTO mega.tokens VALUES ('%s', '%s', %s)"
                    % (app, app, token, "NULL" if left_s is None else "'%s'" % left_s))

    def with_sql(self, sql="SELECT token, left_s FROM tokens WHERE app='a'", port=None, query_timeout="5s", **accounts):
        bench = self.bench()
        bench.seen |= {TOKEN, OTHER, self.db.password, "sql-secret"}
        self.pdo = {"dsn": '"mysql:host=127.0.0.1;port=%d;dbname=mega"' % (port or self.db.port), "username": self.db.user,
                    "password_file": os.path.join(bench.folder, "password"), "query_timeout": query_timeout}
        with open(self.pdo["password_file"], "w") as f:
            f.write(self.db.password)
        bench.write(dict({"default": {"token_mode": "external", "token_sql": '"%s"' % sql}}, **accounts), {"pdo": self.pdo})
        self.keeper = bench.start("mega-token", "token")
        return bench

    def test_token_and_lifetime(self):
        self.put(TOKEN, "7000.5")
        told = Asker(self.with_sql()).ask(until=("token",))
        self.assertEqual(told["token"], TOKEN)
        self.assertTrue(6900000 < told["ttl"] <= 7000000, told)
        self.assertEqual(self.keeper.term(), 0)

    def test_token_alone(self):
        self.put(TOKEN)
        for sql in ("SELECT token FROM tokens", "SELECT token, left_s FROM tokens"):
            told = Asker(self.with_sql(sql)).ask(until=("token",))
            self.assertEqual(told["token"], TOKEN)
            self.assertTrue(100000 < told["ttl"] <= 120000, told)

    def test_two_accounts(self):
        self.put(TOKEN)
        self.put(OTHER, app="b")
        other = {"token_mode": "external", "token_sql": "SELECT token FROM tokens WHERE app='b'"}
        asker = Asker(self.with_sql(other=other))
        self.assertEqual(asker.ask(until=("token",))["token"], TOKEN)
        self.assertEqual(asker.ask("other", until=("token",))["token"], OTHER)

    def test_rejected(self):
        self.put(TOKEN, 7200)
        asker = Asker(self.with_sql())
        asker.ask(until=("token",))
        asker.say("rejected", token=TOKEN)
        told = asker.read()
        while told["t"] == "token":
            told = asker.read()
        self.assertIn("the token service still gives the one that WeChat rejected", told["message"])
        self.put(OTHER, 7200)
        while told["t"] == "none":
            told = asker.read()
        self.assertEqual(told["token"], OTHER)

    def test_wrong(self):
        cases = (("SELECT token FROM tokens", "yields no row"),
                 ("SELECT 'a' UNION SELECT 'b'", "more than one row"),
                 ("SELECT NULL", "holds no token"),
                 ("SELECT 'a b'", "holds no token"),
                 ("SELECT 'abc', 'soon'", "is no number of seconds"),
                 ("SELECT 'abc', -1", "is over"),
                 ("SELECT 'abc', UNIX_TIMESTAMP()", "over a day"),
                 ("SELECT token FROM nothing_there", "mysql: read: "),
                 ("SELECT FROM WHERE 'sql-secret'", "error of syntax (1064)"),
                 ("SELECT REPEAT('a', 2049)", "holds no token"))
        for sql, message in cases:
            with self.subTest(sql):
                told = Asker(self.with_sql(sql)).ask()
                self.assertEqual(told["t"], "none")
                self.assertIn(message, told["message"])
                self.assertNotIn("sql-secret", told["message"])
                self.assertEqual(self.keeper.term(), 0)

    def test_slow_database_holds_up_nobody(self):
        self.put(TOKEN)
        bench = self.with_sql("SELECT token, SLEEP(30) FROM tokens")
        self.keeper.kill()
        sim = start_sim(bench)
        bench.write({"slow": {"token_mode": "external", "token_sql": '"SELECT token, SLEEP(30) FROM tokens"'},
                     "default": {"api_base": sim.base}}, {"pdo": dict(self.pdo, query_timeout="20s")})
        keeper = bench.start("mega-token", "token")
        asker = Asker(bench)
        token = asker.ask(until=("token",))["token"]
        for _ in range(3):
            sim.post("/sim/invalidate")
            asker.say("rejected", token=token)
            token = asker.read_other(token)
        self.assertEqual(keeper.term(), 0)  # while the query still goes on
        self.assertIn("leaving without it", keeper.log())

    def test_query_has_a_limit(self):
        self.put(TOKEN)
        told = Asker(self.with_sql("SELECT token, SLEEP(30) FROM tokens", query_timeout="1s")).ask()
        self.assertIn("mysql: read: ", told["message"])

    def test_database_comes_back(self):
        """It is away at the start, comes, goes and is back: the connection is made again."""
        with MariaDB() as db:
            db.sql("CREATE DATABASE mega")
            db.sql("CREATE TABLE mega.tokens (token varchar(99)); INSERT INTO mega.tokens VALUES ('%s')" % TOKEN)
            db.stop()
            bench = self.with_sql("SELECT token FROM tokens", port=db.port)
            asker = Asker(bench)
            self.assertIn("mysql: connect: ", asker.ask()["message"])
            db.start()
            self.assertEqual(asker.ask(until=("token",))["token"], TOKEN)
            db.stop()
            db.start()
            db.sql("UPDATE mega.tokens SET token='%s'" % OTHER)
            asker.say("rejected", token=TOKEN)
            told = asker.read()
            while told["t"] == "none" or told["token"] == TOKEN:
                told = asker.read()
            self.assertEqual(told["token"], OTHER)
            self.assertNotIn("access token not fetched", self.keeper.log().split('event="access token fetched"', 1)[1])

    def test_dump(self):
        bench = self.with_sql("SELECT 'sql-secret-but-a-token'")
        done = subprocess.run([os.path.join(ring.BIN, "mega-token"), "-c", bench.conf_path, "--dump-config"],
                              capture_output=True, text=True, timeout=ring.LIMIT_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("token_sql = ****\n", done.stdout)
        self.assertNotIn("sql-secret", done.stdout + done.stderr)

    def test_wrong_dsn(self):
        bench = self.bench()
        bench.write({"default": {"token_mode": "external", "token_sql": "SELECT 1"}}, {"pdo": {"dsn": "nonsense"}})
        keeper = bench.start("mega-token", "token")
        self.assertEqual(keeper.process.wait(ring.LIMIT_S), 1)
        self.assertIn("[pdo] dsn: must begin with mysql:", keeper.log())


if __name__ == "__main__":
    unittest.main()
