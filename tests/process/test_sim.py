#!/usr/bin/python3
"""The WeChat simulator itself: token rules, checks, faults, dedupe, conflicts, journal, HTTPS.

Needs MEGA_BIN, the folder with wechat-sim, and the openssl command. Waits only for what the simulator
tells: its ready line, and GET /sim/wait.
"""
import concurrent.futures
import http.client
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest
import urllib.parse

APPID = "wx1234567890abcdef"
SECRET = "0123456789abcdef0123456789abcdef"
SEND = "/cgi-bin/message/template/send"
LIMIT_S = 30  # for any one answer


def message(openid="oUser", client_msg_id=None, **changes):
    """A template message that passes all checks, but for `changes`; None leaves a member out."""
    body = {"touser": openid, "template_id": "T1", "data": {"first": {"value": "你好"}},
            "client_msg_id": client_msg_id}
    body.update(changes)
    return json.dumps({k: v for k, v in body.items() if v is not None}, ensure_ascii=False).encode()


class Sim:
    """A running simulator."""

    def __init__(self, folder, *options):
        self.journal_file = os.path.join(folder, "journal")
        self.ready_file = os.path.join(folder, "ready")
        command = [os.path.join(os.environ["MEGA_BIN"], "wechat-sim"), "--http", "127.0.0.1:0",
                   "--ready-file", self.ready_file, "--journal", self.journal_file, *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        if " ready " not in line:
            raise RuntimeError("wechat-sim said: " + line + self.process.stderr.read())
        with open(self.ready_file, encoding="ascii") as file:
            self.ports = {name: int(port) for name, port in (row.strip().split("=") for row in file)}
        self.token = self.classic()["access_token"]

    def stop(self):
        """Ends it and returns its exit code and the last of its messages."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        rest = self.process.communicate(timeout=LIMIT_S)[1]
        return self.process.returncode, rest

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=LIMIT_S)

    def raw(self, method, path, body=None):
        """HTTP status and body."""
        connection = self.connect()
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def call(self, method, path, body=None):
        status, answer = self.raw(method, path, body)
        assert status == 200, (status, answer)
        return json.loads(answer)

    def classic(self, **changes):
        query = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET, **changes}
        query = {name: value for name, value in query.items() if value}
        return self.call("GET", "/cgi-bin/token?" + urllib.parse.urlencode(query))

    def stable(self, **changes):
        body = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET, **changes}
        return self.call("POST", "/cgi-bin/stable_token", json.dumps(body))

    def path(self, token=None, path=SEND):
        return path + "?access_token=" + (token or self.token)

    def send(self, body=None, token=None, path=SEND):
        return self.call("POST", self.path(token, path), body if body is not None else message())

    def code(self, body=None, token=None, path=SEND):
        return self.send(body, token, path)["errcode"]

    def stats(self):
        return self.call("GET", "/sim/stats")

    def wait(self, **counters):
        answer = self.call("GET", "/sim/wait?" + urllib.parse.urlencode(counters))
        assert answer["reached"], answer
        return answer

    def journal(self, path=SEND):
        self.stats()
        with open(self.journal_file, encoding="utf-8") as file:
            return [line for line in map(json.loads, file) if line["path"] == path]


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, *options):
        sim = Sim(self.folder, *options)
        self.addCleanup(self.finish, sim)
        return sim

    def finish(self, sim):
        code, rest = sim.stop()
        self.assertEqual((code, rest), (0, ""))

    def assert_cut(self, sim, body):
        with self.assertRaises((http.client.RemoteDisconnected, ConnectionError)):
            sim.send(body)


class Tokens(Case):
    def test_classic_token_is_new_each_time_and_the_one_before_overlaps(self):
        sim = self.start()
        first, second = sim.token, sim.classic()
        self.assertEqual(second["expires_in"], 7200)
        self.assertNotEqual(first, second["access_token"])
        self.assertEqual(sim.code(token=first), 0)
        third = sim.classic()["access_token"]
        self.assertEqual([sim.code(token=t) for t in (first, second["access_token"], third)], [40001, 0, 0])

    def test_stable_token_stays_until_forced(self):
        sim = self.start()
        first = sim.stable()["access_token"]
        self.assertEqual(sim.stable()["access_token"], first)
        self.assertEqual(sim.code(), 0, "the classic family is not touched")
        forced = sim.stable(force_refresh=True)["access_token"]
        self.assertNotEqual(forced, first)
        self.assertEqual([sim.code(token=first), sim.code(token=forced)], [40001, 0])
        self.assertEqual(sim.stable(force_refresh=True)["access_token"], forced, "within 30 s: not refreshed")
        self.assertEqual(sim.stats()["forced"], 1)
        self.assertEqual(sim.stats()["stable_fetches"], 4)
        self.assertEqual([line["result"] for line in sim.journal("/cgi-bin/stable_token")],
                         ["issued", "same", "forced", "too-soon"])

    def test_stable_token_changes_in_its_last_overlap_and_both_are_valid(self):
        sim = self.start("--token-lifetime", "60", "--token-overlap", "59")
        first = sim.stable()
        self.assertEqual(first["expires_in"], 60)
        sim.call("GET", "/sim/wait?calls=99&timeout_ms=1100")
        second = sim.stable()
        self.assertNotEqual(first["access_token"], second["access_token"])
        self.assertEqual([sim.code(token=t["access_token"]) for t in (first, second)], [0, 0])

    def test_expired_invalidated_unknown_and_missing_token(self):
        sim = self.start("--token-lifetime", "1")
        sim.call("GET", "/sim/wait?calls=99&timeout_ms=1100")
        self.assertEqual(sim.code(), 42001)
        sim = self.start()
        stable = sim.stable()["access_token"]
        sim.call("POST", "/sim/invalidate?appid=" + APPID)
        self.assertEqual([sim.code(), sim.code(token=stable)], [40001, 40001])
        self.assertNotEqual(sim.stable()["access_token"], stable)
        self.assertEqual(sim.code(token="never"), 40014)
        self.assertEqual(sim.call("POST", SEND, message())["errcode"], 41001)
        self.assertEqual(sim.raw("POST", "/sim/invalidate?appid=other")[0], 404)

    def test_credentials(self):
        sim = self.start("--account", "wxother:s", "--account", APPID + ":" + SECRET)
        for changes, errcode in (
                ({"appid": "wxno"}, 40013), ({"secret": "no"}, 40125), ({"grant_type": "no"}, 40002),
                ({"grant_type": ""}, 40002), ({"appid": ""}, 41002), ({"secret": ""}, 41004)):
            self.assertEqual(sim.classic(**changes)["errcode"], errcode, changes)
            self.assertEqual(sim.stable(**changes)["errcode"], errcode, changes)
        self.assertIn("invalid appsecret rid: ", sim.classic(secret="no")["errmsg"])
        self.assertIn("access_token", sim.classic(appid="wxother", secret="s"))
        for body, errcode in (("", 44002), ("{", 47001), ("[]", 47001), ('{"force_refresh":1}', 47001)):
            self.assertEqual(sim.call("POST", "/cgi-bin/stable_token", body)["errcode"], errcode, body)
        self.assertEqual(sim.call("GET", "/cgi-bin/stable_token")["errcode"], 43002)
        self.assertEqual(sim.call("POST", "/cgi-bin/token", "")["errcode"], 43001)
        sim.call("POST", "/sim/token-refuse?errcode=40164")
        self.assertEqual([sim.classic()["errcode"], sim.stable()["errcode"]], [40164, 40164])
        sim.call("POST", "/sim/token-refuse?errcode=0")
        self.assertIn("access_token", sim.classic())
        with open(sim.journal_file, encoding="utf-8") as file:
            self.assertNotIn(SECRET, file.read())


class Messages(Case):
    def test_checks(self):
        sim = self.start()
        good = '{"touser":"o","template_id":"T","data":%s}'
        for body, errcode in (
                (b"", 44002), (b"{", 47001), (b"[1]", 47001), (b'{"a":1,}', 47001),
                (b'{"touser":"\xff"}', 47001),
                (message(touser=None), 40003), (message(touser=1), 40003), (message(""), 40003),
                (message("o" * 129), 40003), (message("o" * 128), 0), (message("用户"), 0),
                (message(template_id=None), 40037), (message(template_id=""), 40037),
                (message(template_id=7), 40037),
                (message(data=None), 47003), (message(data=[]), 47003), (message(data={"a": "b"}), 47003),
                (message(data={"a": {"value": 1}}), 47003), (message(data={}), 0),
                (message(client_msg_id=""), 47003), (message(client_msg_id="i" * 65), 47003),
                (message(client_msg_id=5), 47003), (message(client_msg_id="好" * 64), 0),
                (message(extra=[1, {"x": 10 ** 30}]), 0),
                ((good % '{"a":{"value":"\\u4e2d"}}').encode(), 40033),
                ((good % '{"a":{"value":"\\u0041"}}').encode(), 40033),
                ((good % '{"a":{"value":"\\u0000\\u001f \\\\u4e2d \\/"}}').encode(), 0),
                ((good % '{"a":{"value":"x"},"a":{"value":"y"}}').encode(), 0)):
            self.assertEqual(sim.code(body), errcode, body)
        self.assertIn("data.key\"1.value", sim.send(message(data={"key\"1": {"value": None}}))["errmsg"])
        self.assertEqual(sim.call("GET", sim.path())["errcode"], 43002)
        stats = sim.stats()
        self.assertEqual(stats["calls"], stats["delivered"] + stats["refused"])

    def test_openid_policy(self):
        sim = self.start("--openid-policy", "real")
        self.assertEqual([sim.code(message(o)) for o in ("oUser", "x" * 28, "o" * 28)], [40003, 40003, 0])

    def test_msgid_is_large_and_grows(self):
        sim = self.start()
        ids = [sim.send(message("o%d" % i))["msgid"] for i in range(3)]
        self.assertGreater(ids[0], 2 ** 53)
        self.assertEqual(sorted(set(ids)), ids)

    def test_dedupe(self):
        sim = self.start()
        first = sim.send(message("oA", "id1"))
        self.assertEqual(sim.send(message("oA", "id1")), first)
        self.assertNotEqual(sim.send(message("oB", "id1"))["msgid"], first["msgid"])
        self.assertNotEqual(sim.send(message("oA", "id2"))["msgid"], first["msgid"])
        self.assertNotEqual(sim.send(message("oA"))["msgid"], sim.send(message("oA"))["msgid"])
        self.assertEqual([line["result"] for line in sim.journal()][:3],
                         ["delivered", "duplicate", "delivered"])
        stats = sim.stats()
        self.assertEqual((stats["delivered"], stats["duplicates"]), (5, 1))

    def test_dedupe_window_ends(self):
        sim = self.start("--dedupe-window", "0")
        self.assertNotEqual(sim.send(message("oA", "id1"))["msgid"], sim.send(message("oA", "id1"))["msgid"])

    def overlapping(self, sim, openids):
        """The sorted errcodes of calls that are all in flight at once."""
        sim.call("POST", "/sim/pause")
        with concurrent.futures.ThreadPoolExecutor(len(openids)) as pool:
            running = [pool.submit(sim.code, message(openid)) for openid in openids]
            self.assertEqual(sim.wait(calls=len(openids))["in_flight"], len(openids))
            sim.call("POST", "/sim/resume")
            return sorted(call.result() for call in running)

    def test_second_call_to_an_openid_in_flight_conflicts(self):
        sim = self.start()
        self.assertEqual(self.overlapping(sim, ["oA", "oB", "oA"]), [0, 0, 43108])
        stats = sim.stats()
        self.assertEqual((stats["conflicts"], stats["max_in_flight"], stats["in_flight"]), (1, 3, 0))
        self.assertEqual(sim.code(message("oA")), 0)

    def test_conflict_off(self):
        self.assertEqual(self.overlapping(self.start("--conflict", "off"), ["oA", "oA"]), [0, 0])

    def test_latency(self):
        sim = self.start("--latency", "60-80")
        sim.send()
        sim.call("POST", "/sim/latency", "lognormal:30:60")
        sim.send()
        sim.call("POST", "/sim/latency", "0")
        sim.send()
        taken = [line["done"] - line["t"] for line in sim.journal()]
        self.assertGreaterEqual(taken[0], 59)
        self.assertGreaterEqual(taken[1], 5)
        for spec in ("", "x", "5-1", "-1", "600001", "1-2-3",
                     "lognormal:0:5", "lognormal:9", "lognormal:9:5", "lognormal:1:1001"):
            self.assertEqual(sim.raw("POST", "/sim/latency", spec)[0], 400, spec)

    def test_journal_line(self):
        sim = self.start()
        body = message("oA", "id\u20ac")
        answer = sim.send(body)
        sim.send(b'{"touser":"\xff\x01')
        line, bad = sim.journal()
        self.assertEqual(line["body"].encode(), body)
        self.assertEqual(bad["body"], '{"touser":"\ufffd\x01')
        del line["body"]
        self.assertLessEqual(line.pop("t"), line.pop("done"))
        self.assertEqual(line, {"path": SEND, "app": APPID, "openid": "oA", "client_msg_id": "id\u20ac",
                                "result": "delivered", "fault": None, "answered": True, "errcode": 0,
                                "http": 200, "msgid": answer["msgid"]})
        self.assertEqual((bad["result"], bad["errcode"], bad["openid"], bad["msgid"]),
                         ("refused", 47001, None, None))


class Faults(Case):
    def test_each_action(self):
        rules = ("sub=43004", "odd=999", "srv=http502", "gar=garbage", "emp=empty", "cut=cut",
                 "aft=cut-after", "slo=slow:50", "exp=expire", 'bod=body:{"errcode":40252,"x":"=@*"}')
        sim = self.start(*[word for rule in rules for word in ("--fault", rule)])
        self.assertRegex(sim.send(message("sub1"))["errmsg"],
                         r"^require subscribe rid: [0-9a-f]{8}(-[0-9a-f]{8}){2}$")
        self.assertEqual(sim.code(message("odd1")), 999)
        self.assertEqual(sim.raw("POST", sim.path(), message("srv1"))[0], 502)
        status, garbage = sim.raw("POST", sim.path(), message("gar1"))
        self.assertEqual(status, 200)
        self.assertRaises(ValueError, json.loads, garbage)
        self.assertEqual(sim.raw("POST", sim.path(), message("emp1")), (200, b""))
        self.assert_cut(sim, message("cut1", "c"))
        self.assert_cut(sim, message("aft1", "c"))
        self.assert_cut(sim, message("aft1", "c"))
        self.assertEqual(sim.code(message("slo1")), 0)
        self.assertEqual([sim.code(message("exp1")), sim.code(message("exp1")), sim.code(message("exp2"))],
                         [40001, 0, 40001])
        self.assertEqual(sim.raw("POST", sim.path(), message("bod1"))[1], b'{"errcode":40252,"x":"=@*"}')
        self.assertEqual(sim.code(message("sane")), 0)
        self.assertEqual(
            [(line["openid"], line["result"], line["fault"], line["answered"], line["errcode"], line["http"])
             for line in sim.journal()],
            [("sub1", "fault", "43004", True, 43004, 200), ("odd1", "fault", "999", True, 999, 200),
             ("srv1", "fault", "http502", True, None, 502), ("gar1", "fault", "garbage", True, None, 200),
             ("emp1", "fault", "empty", True, None, 200), ("cut1", "cut", "cut", False, None, None),
             ("aft1", "delivered", "cut-after", False, 0, None),
             ("aft1", "duplicate", "cut-after", False, 0, None),
             ("slo1", "delivered", "slow", True, 0, 200), ("exp1", "fault", "expire", True, 40001, 200),
             ("exp1", "delivered", None, True, 0, 200), ("exp2", "fault", "expire", True, 40001, 200),
             ("bod1", "fault", "body", True, 40252, 200), ("sane", "delivered", None, True, 0, 200)])
        slow = [line for line in sim.journal() if line["fault"] == "slow"][0]
        self.assertGreaterEqual(slow["done"] - slow["t"], 49)
        stats = sim.stats()
        self.assertEqual((stats["faults"], stats["delivered"], stats["duplicates"]), (9, 4, 1))

    def test_many_slow_calls_end_in_their_order(self):
        late_ms = [30 * step for step in range(1, 25)]
        random.Random(7).shuffle(late_ms)
        sim = self.start(*[word for ms in late_ms for word in ("--fault", "o%d_=slow:%d" % (ms, ms))])
        with concurrent.futures.ThreadPoolExecutor(len(late_ms)) as pool:
            self.assertEqual(set(pool.map(sim.code, [message("o%d_" % ms) for ms in late_ms])), {0})
        lines = [(line["t"] + int(line["openid"][1:-1]), line["done"]) for line in sim.journal()]
        self.assertEqual(len(lines), len(late_ms))
        for before, after in zip(lines, lines[1:]):
            self.assertLess(before[0], after[0] + 20)
        for due, done in lines:
            self.assertGreaterEqual(done, due - 2)

    def test_hang_ends_when_the_client_leaves(self):
        sim = self.start("--fault", "h=hang")
        connection = sim.connect()
        connection.request("POST", sim.path(), message("h1"))
        self.assertEqual(sim.wait(calls=1)["in_flight"], 1)
        self.assertEqual(sim.code(message("h1")), 43108)
        connection.close()
        sim.wait(faults=1)
        line = [line for line in sim.journal() if line["fault"] == "hang"][0]
        self.assertEqual((line["result"], line["answered"], line["http"]), ("fault", False, None))

    def test_count_rate_and_order(self):
        sim = self.start("--fault", "f=-1*2", "--fault", "f=http500*1", "--fault", "never=43004@0",
                         "--fault", "half=-1@0.5", "--fault", "x=body:a*3@1", "--seed", "1")
        codes = [sim.code(message("half")) for _ in range(60)]
        self.assertGreater(codes.count(-1), 10)
        self.assertGreater(codes.count(0), 10)
        self.assertEqual([sim.code(message("f1")), sim.code(message("f1"))], [-1, -1])
        self.assertEqual(sim.raw("POST", sim.path(), message("f1"))[0], 500)
        self.assertEqual([sim.code(message(openid)) for openid in ("f1", "f2", "never")], [0, -1, 0])
        self.assertEqual(sim.raw("POST", sim.path(), message("x"))[1], b"a*3")
        again = self.start("--fault", "half=-1@0.5", "--seed", "1")
        self.assertEqual([again.code(message("half")) for _ in range(60)], codes)

    def test_as_recorded(self):
        sim = self.start("--faults-as-recorded")
        for openid, answer in (
                ("bad0001", '{"errcode":43004,"errmsg":"require subscribe"}'),
                ("badu01", '{"errcode":40003,"errmsg":"invalid openid 中文 a/b <x> \\"q\\" rid: 1-2",'
                           '"big":12345678901234567890,"f":1.10}'), ("zero1", "")):
            self.assertEqual(sim.raw("POST", sim.path(), message(openid)), (200, answer.encode()))
        self.assertEqual(sim.raw("POST", sim.path(), message("h5001"))[0], 500)
        self.assertRaises(ValueError, sim.send, message("garb1"))
        self.assert_cut(sim, message("drop1"))
        self.assertEqual([sim.code(message("exp1")), sim.code(message("exp1"))], [40001, 0])

    def test_rules_are_replaced_while_running(self):
        sim = self.start("--fault", "*=43004")
        self.assertEqual(sim.code(), 43004)
        self.assertEqual(sim.raw("POST", "/sim/faults", "a=43019\nbroken")[0], 400)
        self.assertEqual(sim.code(), 43004)
        sim.call("POST", "/sim/faults", "a=43019\r\n\n=43101*1\n")
        self.assertEqual([sim.code(message("a1")), sim.code(), sim.code()], [43019, 43101, 0])
        sim.call("POST", "/sim/faults")
        self.assertEqual(sim.code(message("a1")), 0)


class Service(Case):
    def test_https(self):
        cert, key = os.path.join(self.folder, "cert"), os.path.join(self.folder, "key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                        "-out", cert, "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost"],
                       check=True, capture_output=True, timeout=LIMIT_S)
        sim = self.start("--https", "127.0.0.1:0", "--cert", cert, "--key", key, "--fault", "h=hang")
        context = ssl.create_default_context(cafile=cert)
        connection = http.client.HTTPSConnection("localhost", sim.ports["https"], context=context,
                                                 timeout=LIMIT_S)
        for number in range(1, 4):
            connection.request("POST", sim.path(), message("o%d" % number))
            self.assertEqual(json.loads(connection.getresponse().read())["errcode"], 0)
        connection.request("POST", sim.path(), message("h1"))
        sim.wait(calls=4)
        connection.close()
        sim.wait(faults=1)

    def test_odd_http(self):
        sim = self.start()
        self.assertEqual(sim.raw("POST", "/cgi-bin/menu/create", "{}")[0], 404)
        self.assertEqual(sim.raw("GET", "/")[0], 404)
        self.assertEqual(sim.raw("GET", "/sim/nothing")[0], 404)
        self.assertEqual(sim.raw("GET", "/sim/pause")[0], 405)
        self.assertEqual(sim.raw("POST", sim.path(), b"x" * (1048576 + 1))[0], 413)
        self.assertEqual(sim.code(message(extra="x" * 1000000)), 0)
        with socket.create_connection(("127.0.0.1", sim.ports["http"]), LIMIT_S) as client:
            client.sendall(b"\x00\xff\xfe\r\n\r\n")
        for text in (b"GARBAGE\r\n\r\n",
                     b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                     b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                     b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", sim.ports["http"]), LIMIT_S) as client:
                client.sendall(text)
                self.assertFalse(client.recv(9999).startswith(b"HTTP/1.1 200"), text[:40])
        self.assertEqual(sim.code(message("oB")), 0)

    def test_wait(self):
        sim = self.start()
        self.assertEqual(sim.call("GET", "/sim/wait?delivered=0&calls=0")["reached"], True)
        self.assertEqual(sim.call("GET", "/sim/wait?delivered=1&timeout_ms=20")["reached"], False)
        for query in ("", "?delivered=x", "?delivered=1&timeout_ms=600001", "?unknown=1"):
            self.assertEqual(sim.raw("GET", "/sim/wait" + query)[0], 400, query)

    def test_term_journals_what_is_in_flight(self):
        sim = self.start()
        sim.call("POST", "/sim/pause")
        connection = sim.connect()
        connection.request("POST", sim.path(), message())
        sim.wait(calls=1)
        sim.process.send_signal(signal.SIGTERM)
        self.assertRaises((http.client.RemoteDisconnected, ConnectionError), connection.getresponse)
        self.assertEqual(sim.process.wait(LIMIT_S), 0)
        with open(sim.journal_file, encoding="utf-8") as file:
            line = json.loads(file.readlines()[-1])
        self.assertEqual((line["result"], line["answered"]), ("delivered", False))
        connection.close()

    def test_term_while_requests_come_in(self):
        sim = self.start()
        connections = [sim.connect() for _ in range(20)]
        for connection in connections:
            connection.request("GET", "/sim/wait?calls=99")
        self.assertEqual(sim.stop(), (0, ""))
        for connection in connections:
            connection.close()

    def test_bad_usage_names_the_option(self):
        there = ("--http", "127.0.0.1:0")
        for words, named in (
                ((), "--http"), (("--http", "nothing"), "--http"), (("--http", "h:65536"), "65535"),
                (there + ("--https", "127.0.0.1:0"), "--cert"), (there + ("--cert", "x"), "--https"),
                (there + ("--latency", "5-1"), "--latency"), (there + ("--fault", "x"), "--fault"),
                (there + ("--fault", "x=0"), "errcode"), (there + ("--fault", "x=cut@2"), "RATE"),
                (there + ("--account", "a"), "--account"), (there + ("--seed", "x"), "--seed"),
                (there + ("--token-lifetime", "0"), "86400"),
                (there + ("--token-overlap", "7200"), "--token-overlap"),
                (there + ("--openid-policy", "x"), "any"), (there + ("--dedupe-window", "-1"), "86400"),
                (there + ("--conflict", "x"), "--conflict"), (there + ("--rid", ""), "--rid"),
                (there + ("--quota", "-1"), "--quota"), (there + ("--minute-quota", "x"), "--minute-quota"),
                (there + ("--minute", "0"), "3600"), (there + ("--windows", "x"), "--windows"),
                (there + ("--whitelist", "1.2.3"), "--whitelist"), (there + ("--whitelist", ""), "64"),
                (there + ("more",), "more"), (there + ("--unknown",), "--unknown")):
            done = subprocess.run([os.path.join(os.environ["MEGA_BIN"], "wechat-sim"), *words],
                                  capture_output=True, text=True, timeout=LIMIT_S, check=False)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(named, done.stderr)


if __name__ == "__main__":
    unittest.main()
