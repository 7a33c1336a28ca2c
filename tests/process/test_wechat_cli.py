"""`mega wechat` as it is typed: a real token keeper; the simulator, and a WeChat played by the test for what it does not do; and
for send-test the whole ring. Nothing that is printed holds a token or a secret."""
import json
import os
import pty
import re
import select
import shutil
import signal
import ssl
import stat
import subprocess
import threading
import unittest

import ring
from sender_peers import Bench, Keeper, Server, answer, make_certificates, start_sim

TOKEN = "50_token-of-the-test-%d"
RID = "61725984-6126f6f9-040f19c4"
PATHS = ["/cgi-bin/message/%s" % name for name in ("template/send", "custom/send", "subscribe/send", "subscribe/bizsend",
                                                   "template/subscribe")]


def refusal(errcode, errmsg="no"):
    return {"errcode": errcode, "errmsg": "%s rid: %s" % (errmsg, RID)}


class WeChat:
    """Calls of WeChat by their path. `answers`: path -> what is answered: an object, bytes, a function of the request's query and
    body, or a list of these, one a call and the last one again."""

    def __init__(self, tls=None):
        self.server = (TlsServer if tls else Server)(self.serve)
        if tls:
            self.server.context = tls
            self.server.base = self.server.base.replace("http:", "https:")
        self.answers, self.calls, self.tokens = {}, [], 0

    def serve(self, connection, request):
        head, body = request.decode().split("\r\n\r\n", 1)
        method, target = head.split(" ")[:2]
        path, _, query = target.partition("?")
        query = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        self.calls.append((method, path, query, body))
        found = self.answers.get(path, self.token if path.endswith("token") else refusal(48001))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        found = found(query, body) if callable(found) else found
        return answer(found if isinstance(found, bytes) else json.dumps(found))(connection, request)

    def token(self, query, body):
        self.tokens += 1
        return {"access_token": TOKEN % self.tokens, "expires_in": 7200}

    def made(self, path):
        return [call for call in self.calls if call[1] == path]


class TlsServer(Server):
    context = None

    def serve(self, connection):
        try:
            connection = self.context.wrap_socket(connection, server_side=True)
        except OSError:
            return
        super().serve(connection)


def quota(query, body):
    path = json.loads(body)["cgi_path"]
    if path not in PATHS[:2]:
        return refusal(76021, "cgi_path not found, please check")
    found = {"errcode": 0, "errmsg": "ok", "quota": {"daily_limit": 100000, "used": 12, "remain": 99988}}
    return found if path == PATHS[1] else dict(found, rate_limit={"call_count": 3000, "refresh_second": 60})


class Case(unittest.TestCase):
    def setUp(self):
        self.bench = Bench({"default": {}})
        self.addCleanup(self.bench.close)

    def check(self, printed):
        for secret in (ring.SECRET, "50_token"):
            self.assertNotIn(secret, printed)
        for word in ("Sanitizer", "runtime error", "Assertion"):
            self.assertNotIn(word, printed)

    def mega(self, *arguments, status=0):
        """What it prints on standard output, and on standard error."""
        done = subprocess.run([os.path.join(ring.BIN, "mega"), "wechat", *arguments, "-c", self.bench.conf_path],
                              capture_output=True, text=True, timeout=ring.LIMIT_S, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.check(done.stdout + done.stderr)
        return done.stdout, done.stderr

    def typed(self, text, *arguments, status=0):
        """The same on a terminal, where `text` is typed; everything that is printed there."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([os.path.join(ring.BIN, "mega"), "wechat", *arguments, "-c", self.bench.conf_path],
                                   stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        os.write(ours, text.encode())
        printed = b""
        try:
            while select.select([ours], [], [], ring.LIMIT_S)[0]:
                printed += os.read(ours, 65536)
        except OSError:
            pass  # it has ended
        os.close(ours)
        self.assertEqual(process.wait(ring.LIMIT_S), status, printed)
        self.check(printed.decode())
        return printed.decode()


class WeChatCommands(Case):
    def setUp(self):
        super().setUp()
        self.wechat = WeChat()
        self.addCleanup(self.wechat.server.close)

    def start(self, accounts=None, sections=None):
        base = self.wechat.server.base
        self.bench.write({name: dict({"api_base": base}, **keys) for name, keys in (accounts or {"default": {}}).items()}, sections)
        return self.bench.start("mega-token", "token")

    # --- quota

    def test_quota(self):
        self.wechat.answers["/cgi-bin/openapi/quota/get"] = quota
        self.start()
        out, _ = self.mega("quota")
        rows = {line.split()[0]: line for line in out.splitlines() if line.startswith("/")}
        self.assertEqual(list(rows), PATHS)
        self.assertRegex(rows[PATHS[0]], r" 100000 +12 +99988  3000 in 60 s$")
        self.assertRegex(rows[PATHS[1]], r" 100000 +12 +99988  -$")
        self.assertIn("76021", rows[PATHS[2]])
        self.assertIn("1 %", out)
        self.assertEqual({call[2]["access_token"] for call in self.wechat.made("/cgi-bin/openapi/quota/get")}, {TOKEN % 1})
        self.assertEqual(self.wechat.tokens, 1)

    def test_quota_json(self):
        self.wechat.answers["/cgi-bin/openapi/quota/get"] = quota
        self.start()
        out, _ = self.mega("quota", "--json", PATHS[0][1:], "/nonsense")
        known, unknown = json.loads(out)["paths"]
        self.assertEqual(known, {"path": PATHS[0], "limit": 100000, "used": 12, "left": 99988, "rate_calls": 3000, "rate_s": 60})
        self.assertEqual((unknown["path"], unknown["errcode"], unknown["rid"]), ("/nonsense", 76021, RID))
        self.mega("quota", "/nonsense", status=1)

    def test_quota_fails(self):
        self.start()
        for given, told in ((refusal(45011, "api minute-quota reach limit"), "45011"), ({"errcode": 0}, "no quota"),
                            (b"<html>", "no JSON object")):
            with self.subTest(told):
                self.wechat.answers["/cgi-bin/openapi/quota/get"] = given
                out, err = self.mega("quota", status=1)
                self.assertIn(told, err)
                self.assertEqual(out, "")
        self.mega("quota", "https://api.weixin.qq.com/cgi-bin/x", status=2)
        self.mega("quota", "", status=2)
        self.mega("quota", "--app", "nobody", status=2)

    def test_refusal_is_explained(self):
        self.wechat.answers["/cgi-bin/openapi/quota/get"] = refusal(50004, "no secret=%s \x1b[31m" % ring.SECRET)
        self.start()
        _, err = self.mega("quota", status=1)
        self.assertIn("50004: account is barred from access tokens; look for a notice", err)
        self.assertIn("mega wechat rid " + RID, err)
        self.assertNotIn("\x1b", err)
        out, _ = self.mega("quota", "--json", status=1)
        self.assertEqual(json.loads(out)["rid"], RID)

    # --- the token

    def test_rejected_token(self):
        def other(query, body):
            return quota(query, body) if query["access_token"] == TOKEN % 2 else refusal(40001, "invalid credential")
        self.wechat.answers["/cgi-bin/openapi/quota/get"] = other
        self.start()
        self.mega("quota", PATHS[0])
        self.assertEqual([call[2]["access_token"] for call in self.wechat.made("/cgi-bin/openapi/quota/get")],
                         [TOKEN % 1, TOKEN % 2])

    def test_no_token(self):
        self.wechat.answers["/cgi-bin/stable_token"] = refusal(40164, "invalid ip 1.2.3.4, not in whitelist")
        self.start()
        _, err = self.mega("quota", status=1)
        self.assertIn("40164", err)
        self.assertIn("whitelist", err)
        self.assertEqual(self.wechat.made("/cgi-bin/openapi/quota/get"), [])

    def test_no_keeper(self):
        self.bench.write({"default": {"api_base": self.wechat.server.base}})
        _, err = self.mega("quota", status=1)
        self.assertIn("mega-token", err)
        self.assertEqual(self.wechat.calls, [])

    def test_next_address(self):
        self.wechat.answers["/cgi-bin/openapi/quota/get"] = quota
        keeper = self.start()
        self.mega("quota", PATHS[0])
        self.bench.write({"default": {"api_base": "http://127.0.0.1:1, " + self.wechat.server.base}})
        self.mega("quota", PATHS[0])
        self.assertTrue(keeper.alive())

    # --- clear-quota

    def used(self):
        path = os.path.join(self.bench.folder, "clear_quota")
        if not os.path.exists(path):
            return None
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path) as f:
            return int(re.fullmatch(r"\d{4}-\d\d (\d+) %s\n" % ring.APP_ID, f.read()).group(1))

    def test_clear_quota(self):
        self.wechat.answers["/cgi-bin/clear_quota"] = {"errcode": 0, "errmsg": "ok"}
        self.start()
        _, err = self.mega("clear-quota", status=2)
        self.assertIn("--yes", err)
        self.assertIn("nothing was done", self.typed("y\n", "clear-quota", status=1))
        self.assertEqual((self.wechat.made("/cgi-bin/clear_quota"), self.used()), ([], None))
        told = self.typed("yes\n", "clear-quota")
        self.assertIn("at most 10 are left", told)
        self.assertIn("at most 9 are left", told)
        self.assertEqual(self.used(), 1)
        out, _ = self.mega("clear-quota", "--yes", "--json")
        self.assertEqual(json.loads(out), {"account": "default", "cleared": True, "used": 2, "left_at_most": 8})
        method, _, query, body = self.wechat.made("/cgi-bin/clear_quota")[0]
        self.assertEqual((method, query, json.loads(body)), ("POST", {"access_token": TOKEN % 1}, {"appid": ring.APP_ID}))

    def test_clear_quota_used_up(self):
        self.wechat.answers["/cgi-bin/clear_quota"] = [refusal(40013), refusal(48006, "forbid to clear quota")]
        self.start()
        self.mega("clear-quota", "--yes", status=1)
        self.assertIsNone(self.used())
        _, err = self.mega("clear-quota", "--yes", status=1)
        self.assertIn("48006", err)
        self.assertEqual(self.used(), 10)
        self.assertIn("at most 0 are left", self.typed("no\n", "clear-quota", status=1))

    def interrupted(self, *arguments, when):
        """Ends by the signal of Ctrl-C, which `when` sends."""
        process = subprocess.Popen([os.path.join(ring.BIN, "mega"), *arguments, "-c", self.bench.conf_path],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        when(process)
        out, err = process.communicate(timeout=ring.LIMIT_S)
        self.check(out + err)
        self.assertEqual(process.returncode, -signal.SIGINT, out + err)

    def test_interrupted_while_it_waits_for_the_keeper(self):
        def press(process):
            self.assertTrue(keeper.socket.poll(ring.LIMIT_S * 1000))
            process.send_signal(signal.SIGINT)
        for arguments in (["wechat", "quota"], ["wechat", "clear-quota", "--yes"], ["wechat", "ping"],
                          ["token", "show", "--timeout", "1m"]):
            with self.subTest(arguments):
                self.bench = Bench({"default": {}})
                self.addCleanup(self.bench.close)
                keeper = Keeper(self.bench, {})  # which says nothing
                self.interrupted(*arguments, when=press)

    def test_clear_quota_interrupted_is_counted(self):
        """What WeChat may have done by the time of the Ctrl-C is in the count."""
        asked, pressed = threading.Event(), threading.Event()

        def clear(query, body):
            asked.set()
            pressed.wait(ring.LIMIT_S)
            return {"errcode": 0, "errmsg": "ok"}

        def press(process):
            self.assertTrue(asked.wait(ring.LIMIT_S))
            process.send_signal(signal.SIGINT)
            pressed.set()
        self.wechat.answers["/cgi-bin/clear_quota"] = clear
        self.start()
        self.interrupted("wechat", "clear-quota", "--yes", when=press)
        self.assertEqual(self.used(), 1)

    def test_clear_quota_lost(self):
        self.wechat.answers["/cgi-bin/clear_quota"] = b"what?"
        self.start()
        _, err = self.mega("clear-quota", "--yes", status=1)
        self.assertIn("it is counted", err)
        self.assertEqual(self.used(), 1)

    def check_by_secret(self):
        method, _, query, _ = self.wechat.made("/cgi-bin/clear_quota/v2")[-1]
        self.assertEqual((method, query), ("POST", {"appid": ring.APP_ID, "appsecret": ring.SECRET}))
        self.assertEqual(self.wechat.made("/cgi-bin/clear_quota"), [])

    def test_clear_quota_with_secret(self):
        self.wechat.answers["/cgi-bin/clear_quota/v2"] = [{"errcode": 0}, refusal(40125, "invalid secret " + ring.SECRET)]
        self.bench.write({"default": {"api_base": self.wechat.server.base}})  # and no keeper
        self.mega("clear-quota", "--yes", "--with-secret")
        self.check_by_secret()
        self.assertEqual(self.used(), 1)
        self.mega("clear-quota", "--yes", "--with-secret", status=1)
        self.mega("quota", "--with-secret", status=2)

    def test_clear_quota_without_token(self):
        self.wechat.answers["/cgi-bin/stable_token"] = refusal(45009, "reach max api daily quota limit")
        self.wechat.answers["/cgi-bin/clear_quota/v2"] = {"errcode": 0}
        self.start()
        self.assertIn("with its AppSecret", self.typed("yes\n", "clear-quota"))
        self.check_by_secret()

    def test_clear_quota_other_reason(self):
        self.wechat.answers["/cgi-bin/stable_token"] = refusal(40125, "invalid appsecret")
        self.start()
        _, err = self.mega("clear-quota", "--yes", status=1)
        self.assertIn("40125", err)
        self.assertEqual([call for call in self.wechat.calls if "clear_quota" in call[1]], [])

    # --- rid

    def test_rid(self):
        self.wechat.answers["/cgi-bin/openapi/rid/get"] = {"errcode": 0, "request": {
            "invoke_time": 1635156704, "cost_in_ms": 30, "request_url": "access_token=50_token-x&a=1",
            "request_body": '{"touser":"o1","secret":"%s"}\n' % ring.SECRET, "response_body": '{"errcode":40003,"x":"\x1b[2J"}',
            "client_ip": "113.108.70.51"}}
        self.start()
        out, _ = self.mega("rid", RID)
        for part in ("2021-10-25T18:11:44+08:00", "30 ms", "access_token=****&a=1", '"touser":"o1"', "113.108.70.51", "40003"):
            self.assertIn(part, out)
        self.assertNotIn("\x1b", out)
        self.assertIn('"}\nresponse', out)  # nothing in the place of the line break at the body's end
        told = json.loads(self.mega("rid", RID, "--json")[0])
        self.assertEqual((told["rid"], told["invoke_time"], told["cost_ms"], told["request_url"]),
                         (RID, 1635156704, 30, "access_token=****&a=1"))
        self.assertEqual(json.loads(self.wechat.made("/cgi-bin/openapi/rid/get")[0][3]), {"rid": RID})

    def test_rid_refused(self):
        self.wechat.answers["/cgi-bin/openapi/rid/get"] = [refusal(76001, "rid not found"), {"errcode": 0}]
        self.start()
        self.assertIn("76001", self.mega("rid", RID, status=1)[1])
        self.assertIn("no request", self.mega("rid", RID, status=1)[1])
        calls = len(self.wechat.calls)
        for wrong in ("", "x", RID[:-1], RID + "0", RID.replace("f", "g"), RID.replace("-", ":")):
            self.assertIn("is no rid", self.mega("rid", wrong, status=2)[1])
        self.mega("rid", status=2)
        self.mega("rid", RID, RID, status=2)
        self.assertEqual(len(self.wechat.calls), calls)

    # --- ping

    def test_ping(self):
        self.wechat.answers["/cgi-bin/get_api_domain_ip"] = {"ip_list": ["1.2.3.4"]}
        self.start({"default": {}, "shop": {"api_base": self.wechat.server.base + ", http://127.0.0.1:1"}})
        out, _ = self.mega("ping")
        rows = [line.split() for line in out.splitlines()][1:]
        self.assertEqual([(row[0], row[2], row[3]) for row in rows],
                         [("default", "yes", self.wechat.server.base), ("shop", "yes", self.wechat.server.base),
                          ("shop", "?", "http://127.0.0.1:1")])
        self.assertEqual(rows[0][7:], ["1.1", "127.0.0.1", "-", "ok"])
        self.assertIn("not reached", out)
        told = json.loads(self.mega("ping", "--json", "--app", "shop")[0])
        self.assertEqual([(a["account"], a["can_send"], a["whitelisted"]) for a in told], [("shop", True, True)])
        good, bad = told[0]["addresses"]
        self.assertTrue(good["call_us"] > 0 and good["connect_us"] > 0, good)
        self.assertEqual((good["answers"], bad["answers"]), (True, False))
        self.assertEqual(len(json.loads(self.mega("ping", "--json")[0])), 2)
        self.assertTrue(0 < told[0]["token_ms"] <= 7200000)

    def test_ping_not_in_whitelist(self):
        self.wechat.answers["/cgi-bin/stable_token"] = refusal(61004, "access clientip is not registered")
        self.wechat.answers["/cgi-bin/get_api_domain_ip"] = refusal(41001, "access_token missing")
        self.start()
        told = json.loads(self.mega("ping", "--json", status=1)[0])[0]
        self.assertEqual((told["can_send"], told["whitelisted"], told["addresses"][0]["answers"]), (False, False, True))
        self.assertIn("61004", told["no_token"])
        out, _ = self.mega("ping", status=1)
        self.assertRegex(out, r"default +none +no .* answers\n")
        self.assertEqual([call[2] for call in self.wechat.made("/cgi-bin/get_api_domain_ip")], [{}] * 6)

    def test_ping_away(self):
        self.bench.write({"default": {"api_base": "http://127.0.0.1:1"}})
        out, _ = self.mega("ping", status=1)
        self.assertIn("mega-token", out)
        self.bench.write({"default": {"api_base": "http://no-such-host.invalid"}})
        self.assertIn("no-such-host.invalid", self.mega("ping", status=1)[0])

    def test_ping_banned(self):
        self.wechat.answers["/cgi-bin/get_api_domain_ip"] = refusal(50002, "user limited")
        self.start()
        self.assertIn("50002", self.mega("ping", status=1)[0])
        self.wechat.answers["/cgi-bin/get_api_domain_ip"] = refusal(48001, "api unauthorized")
        self.assertIn("48001", self.mega("ping")[0])  # not this call, but the token was taken

    def test_ping_tls(self):
        make_certificates(self.bench.folder)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.bench.folder + "/good.pem", self.bench.folder + "/good.key")
        self.wechat.server.close()
        self.wechat = WeChat(tls)
        self.wechat.answers["/cgi-bin/get_api_domain_ip"] = {"ip_list": []}
        self.start(sections={"sender": {"ca_file": self.bench.folder + "/ca.pem"}})
        address = json.loads(self.mega("ping", "--json")[0])[0]["addresses"][0]
        self.assertIn(address["cert_days"], (1, 2))  # 2 in the second in which it was made
        self.assertEqual((address["ip"], address["http"]), ("127.0.0.1", "1.1"))
        self.start(sections={"sender": {"ca_file": self.bench.folder + "/other.pem"}})
        self.assertIn("certificate", self.mega("ping", status=1)[0])

    # --- errors, and the words of the command line

    def test_errors(self):
        self.assertIn("recipient does not follow", self.mega("errors", "43004")[0])
        told = [json.loads(line) for line in self.mega("errors", "--json")[0].splitlines()]
        self.assertEqual([row["errcode"] for row in told], sorted({row["errcode"] for row in told}))
        self.assertTrue({-1, 0, 40001, 40164, 45009, 48006} <= {row["errcode"] for row in told})
        self.assertIn("40164", self.mega("errors")[0])
        self.assertIn("not known", self.mega("errors", "43004", "12345", status=1)[0])
        self.mega("errors", "x", status=2)
        self.assertIn("system busy", self.mega("errors", "-1")[0])
        self.mega("ping", "-1", status=2)

    def test_usage(self):
        for arguments in ((), ("nonsense",), ("ping", "x"), ("ping", "--yes"), ("errors", "--app", "a")):
            self.mega(*arguments, status=2)
        out, _ = self.mega("--help")
        for word in ("ping", "quota", "clear-quota", "rid", "errors", "preview", "check", "send-test", "--json"):
            self.assertIn(word, out)
        self.bench.write({"shop": {"api_base": self.wechat.server.base}})
        self.assertIn("--app shop", self.mega("quota", status=2)[1])

    def test_program_is_missing(self):
        lonely = os.path.join(self.bench.folder, "mega")
        shutil.copy(os.path.join(ring.BIN, "mega"), lonely)
        for command, program in (("preview", "mega-template"), ("check", "mega-template"), ("ping", "mega-wechat")):
            done = subprocess.run([lonely, "wechat", command], capture_output=True, text=True, timeout=ring.LIMIT_S,
                                  env=dict(os.environ, PATH=self.bench.folder))
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn(program, done.stderr)


class Simulated(Case):
    def start(self, *arguments, refused=0):
        self.sim = start_sim(self.bench, *arguments)
        self.sim.post("/sim/token-refuse?errcode=%d" % refused)
        self.bench.write({"default": {"api_base": self.sim.base}})
        self.bench.start("mega-token", "token")

    def test_quota(self):
        self.start("--quota", "1000")
        rows = {row["path"]: row for row in json.loads(self.mega("quota", "--json")[0])["paths"]}
        self.assertEqual((rows[PATHS[0]]["limit"], rows[PATHS[0]]["used"], rows[PATHS[0]]["left"]), (1000, 0, 1000))
        self.assertEqual(json.loads(self.mega("quota", "--json", "/none", PATHS[1])[0])["paths"][0]["errcode"], 76021)
        self.assertEqual(self.sim.get("/sim/stats")["token_fetches"], 1)

    def test_clear_quota(self):
        self.start()
        for left in range(9, 4, -1):
            self.assertEqual(json.loads(self.mega("clear-quota", "--yes", "--json")[0])["left_at_most"], left)
        for left in range(4, -1, -1):
            self.mega("clear-quota", "--yes", "--with-secret")
        self.assertIn("48006", self.mega("clear-quota", "--yes", status=1)[1])
        self.sim.post("/sim/new-month")  # WeChat's month is not known here: what is counted stays
        self.assertIn("at most 0 are left", self.mega("clear-quota", "--yes")[0])

    def test_clear_quota_without_token(self):
        self.start(refused=45009)
        self.mega("clear-quota", "--yes")
        self.assertEqual([e["path"] for e in self.sim.journal(None) if "clear_quota" in e["path"]], ["/cgi-bin/clear_quota/v2"])

    def test_rid(self):
        self.start()
        told = json.loads(self.mega("quota", "--json", "/none", status=1)[0])["paths"][0]
        out, _ = self.mega("rid", told["rid"])
        self.assertIn("/none", out)
        self.assertIn("127.0.0.1", out)
        self.assertIn("76001", self.mega("rid", RID, status=1)[1])

    def test_ping(self):
        self.start("--whitelist", "10.0.0.1")
        told = json.loads(self.mega("ping", "--json", status=1)[0])[0]
        self.assertEqual((told["can_send"], told["whitelisted"], told["addresses"][0]["answers"]), (False, False, True))
        self.sim.post("/sim/whitelist")
        self.bench.processes[-1].kill()  # a new keeper asks at once
        self.bench.start("mega-token", "token")
        told = json.loads(self.mega("ping", "--json")[0])[0]
        self.assertEqual((told["can_send"], told["whitelisted"]), (True, True))

    def test_ping_finds_out(self):
        """The keeper holds a token that WeChat rejects, and gets no other one: that is what ping tells, not the call without a token."""
        self.start()
        self.mega("ping")
        self.sim.post("/sim/whitelist", "10.0.0.1")
        self.sim.post("/sim/invalidate")
        out, _ = self.mega("ping", status=1)
        self.assertRegex(out, r"default +none +no .* answers\n")
        self.assertIn("40164", out)
        self.assertNotIn("41001", out)

    def test_ping_with_another_token(self):
        self.start()
        self.mega("ping")
        self.sim.post("/sim/invalidate")
        self.assertRegex(self.mega("ping")[0], r"default +[12]h[0-9m]* +yes .* ok\n")


class Output(unittest.TestCase):
    def test_cannot_be_written(self):
        for arguments in (["errors"], ["errors", "--markdown"], ["errors", "40001", "--json"], ["--help"]):
            with self.subTest(arguments), open("/dev/full", "w") as full:
                done = subprocess.run([os.path.join(ring.BIN, "mega"), "wechat", *arguments], stdout=full, stderr=subprocess.PIPE,
                                      text=True, timeout=ring.LIMIT_S)
                self.assertEqual(done.returncode, 4)
                self.assertIn("mega wechat: standard output: ", done.stderr)


class SendTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = ring.Ring(sim=["--fault", "bad=43004", "--fault", "busy=-1"], conf={"broker": {"backoff": "20s"}})
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)

    def send_test(self, *arguments, status=0):
        done = subprocess.run([os.path.join(ring.BIN, "mega"), "wechat", "send-test", *arguments, "-c", self.ring.conf_path],
                              capture_output=True, text=True, timeout=ring.LIMIT_S, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn(ring.SECRET, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def test_sent(self):
        out, _ = self.send_test("o-test", "test", "--var", "n=tea=hot")
        told = dict(line.split(None, 1) for line in out.splitlines())
        self.assertEqual((told["state"], told["code"]), ("sent", "200"))
        sent = [e for e in self.ring.sim.journal() if e["openid"] == "o-test"]
        self.assertEqual(len(sent), 1)
        self.assertEqual(told["msgid"], str(sent[0]["msgid"]))
        self.assertIn("tea=hot", sent[0]["body"])
        told = json.loads(self.send_test("o-test", "test", "--vars", '{"n":1}', "--wait", "--json")[0])
        self.assertEqual((told["state"], told["code"]), ("sent", 200))
        self.assertGreaterEqual(told["took_ms"], 0)
        found = self.ring.operator().list(state="all", task="send-test", openid="o-test")
        self.assertEqual(len({entry["id"] for entry in found}), 2)

    def test_refused(self):
        out, _ = self.send_test("bad1", "test", "--var", "n=1", status=1)
        self.assertRegex(out, r"state +refused\n")
        self.assertRegex(out, r"errcode +43004\n")
        self.assertIn("meaning  recipient does not follow the account", out)

    def test_not_in_time(self):
        out, err = self.send_test("busy1", "test", "--var", "n=1", "--timeout", "2s", status=5)
        self.assertRegex(out, r"state +waiting\n")
        self.assertIn("mega status", err)
        found = self.ring.operator().list(state="live", task="send-test", openid="busy1")
        self.assertEqual([entry["lane"] for entry in found], ["express"])

    def test_not_accepted(self):
        self.assertRegex(self.send_test("o1", "nokey", status=1)[0], r"state +not accepted\n")

    def test_send_not_in_time(self):
        """An ordinary send that is not settled in time names its id, made up by mega, to be asked for."""
        command = [os.path.join(ring.BIN, "mega"), "send", "busy2", "test", "n=1", "--timeout", "2s", "-c", self.ring.conf_path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=ring.LIMIT_S, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stdout), (5, ""))
        found = self.ring.operator().list(state="live", openid="busy2")
        self.assertIn("ask with: mega status %s\n" % found[0]["id"], done.stderr)

    def test_usage(self):
        for arguments in ((), ("o1",), ("o1", "test", "n=1"), ("o1", "test", "--var", "n"), ("o1", "test", "--ttl", "1"),
                          ("o1", "test", "--nonsense"), ("o1", "test", "--var", "a=1", "--vars", '{"n":1}')):
            self.send_test(*arguments, status=2)


if __name__ == "__main__":
    unittest.main()
