"""mega-console with the real set: what it counts is what was done, /readyz knows what is away, the API does all that operators do, and nobody
who talks HTTP badly holds up anybody else."""
import csv
import http.client
import io
import json
import os
import signal
import socket
import time
import unittest

from console import TOKEN, Console
from listener import Listener, event, receipt
from ring import SIMPLE, Ring, pause, until

NOTE = '{"touser":"${OPENID}","msgtype":"text","text":{"content":"${n}"},"$mega":{"kind":"custom"}}'


def account(name, **labels):
    return name + "{" + ",".join('%s="%s"' % pair for pair in dict(account="default", **labels).items()) + "}"


def refused(code, reason):
    return 'megawechat_requests_refused_total{code="%d",reason="%s"}' % (code, reason)


class ConsoleCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(templates={"test": SIMPLE, "note": NOTE}, senders=1, task=True,
                        sim=["--fault", "bad=43004", "--fault", "busy=-1", "--latency", "60"],
                        conf=dict(Console.conf(), wechat={"max_attempts": "2"}))
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)
        cls.console = Console(cls.ring)
        cls.client = cls.ring.client()

    def push(self, ids, openid="o-", **members):
        requests = [dict(dict(op="push", id=i, openid=openid + i, key="test", vars={"n": i}), **members) for i in ids]
        for result in self.client.ask(*requests):
            self.assertEqual(result["code"], 200, result)

    def settle(self, ids):
        self.client.ask(*[dict(op="status", id=i, wait=True) for i in ids])

    def grown(self, before, **expected):
        """Waits until each figure has grown by so much, and is no further then."""
        def have():
            now = self.console.metrics()
            return {name: now.get(name, 0) - before.get(name, 0) for name in expected}
        try:
            until(lambda: have() == expected or pause(100), "growth", 10)
        except AssertionError:
            found = have()
            self.assertEqual({name: (found[name], expected[name]) for name in expected if found[name] != expected[name]}, {})
            raise

    # --- figures

    def test_a_figures(self):
        before = self.console.metrics()
        good, bad, busy = (["%s%d" % (kind, i) for i in range(n)] for kind, n in (("good", 7), ("bad", 3), ("busy", 2)))
        self.push(good)
        self.push(bad, openid="")
        self.push(busy, openid="")
        self.push(["note1"], key="note")
        self.settle(good + bad + busy + ["note1"])
        msgid = self.client.ask_one(op="status", id="good0")["msgid"]
        codes = [r["code"] for r in self.client.ask(
            dict(op="receipt", openid="o-good0", msgid=msgid, outcome="blocked"), dict(op="push", openid="o", key="nix"), dict(op="push", openid="o", key="test", app="nix"),
            dict(op="push", openid="o", key="test", id="good0"), dict(op="status", id="nix"), dict(op="nix"))]
        self.assertEqual(codes, [200, 400, 400, 400, 404, 400])
        call = 'megawechat_wechat_call_duration_seconds_%s{sender="sender-1",account="default",kind="%s"%s}'
        lasting = {account("megawechat_messages_accepted_total"): 13, account("megawechat_messages_sent_total"): 8,
                   account("megawechat_messages_refused_total"): 3, account("megawechat_messages_dead_total"): 2,
                   account("megawechat_messages_refused_errcode_total", errcode=43004): 3,
                   account("megawechat_messages_dead_reason_total", reason="attempts"): 2,
                   account("megawechat_template_messages_sent_total", template="test"): 7,
                   account("megawechat_template_messages_sent_total", template="note"): 1,
                   account("megawechat_receipts_total", template="test", outcome="blocked"): 1,
                   account("megawechat_receipts_total", template="test", outcome="delivered"): 0,
                   account("megawechat_calls_failed_total"): 4, account("megawechat_calls_retried_total"): 2,
                   account("megawechat_calls_failed_cause_total", cause="busy", errcode=-1): 4}
        self.grown(before, **lasting, **{
            refused(400, "template"): 1, refused(400, "account"): 1, refused(400, "id_used"): 1, refused(404, "unknown_id"): 1,
            refused(400, "request"): 1, 'megawechat_requests_total{op="push"}': 16,
            "megawechat_lag_seconds_count": 15,
            'megawechat_lag_seconds_bucket{le="+Inf"}': 15,
            call % ("count", "template", ""): 14, call % ("bucket", "template", ',le="0.05"'): 0,
            call % ("bucket", "template", ',le="10"'): 14, call % ("count", "custom", ""): 1})
        now = self.console.metrics()
        self.assertGreaterEqual(now[call % ("sum", "template", "")], 14 * 0.06)
        self.assertEqual(now["megawechat_commit_duration_seconds_count"], now['megawechat_commit_duration_seconds_bucket{le="+Inf"}'])
        self.assertEqual(now['megawechat_token_usable{account="default"}'], 1)
        self.assertGreater(now['megawechat_token_remaining_seconds{account="default"}'], 7000)
        self.assertEqual(now['megawechat_sender_slots{kind="sender",name="sender-1"}'], 64)
        for name in ("broker", "token", "task", "templater-1", "sender-1", "gateway-1", "console"):
            program = 'program="mega-%s",name="%s"' % (name.split("-")[0], name)
            self.assertGreater(now["megawechat_process_resident_memory_bytes{%s}" % program], 1e6)
        self.ring.restart("broker")
        self.ring.wait_ready()
        self.console.wait_metric("megawechat_lag_seconds_count", 0)  # of the process, which is another one
        again = self.console.metrics()
        self.assertEqual({name: again[name] - before.get(name, 0) for name in lasting}, lasting)

    def ready(self):
        status, answer = self.console.get("/readyz", token=None)
        self.assertEqual(status, 200 if answer["ready"] else 503)
        return status, [reason["name"] for reason in answer["reasons"]]

    def wait_ready(self, status, *names):
        until(lambda: self.ready() == (status, list(names)) or pause(100), "%d %s" % (status, names), 20)

    def test_ready(self):
        self.wait_ready(200)
        self.ring["sender-1"].kill()
        self.wait_ready(503, "sending")
        for name in ("broker", "token", "task"):
            self.ring[name].kill()
        self.wait_ready(503, "broker", "token", "task")
        self.assertEqual(self.console.request("GET", "/healthz", token=None)[::2], (200, b"ok\n"))
        now = self.console.metrics()
        self.assertEqual([now['megawechat_up{program="%s"}' % p] for p in ("broker", "token", "task")], [0, 0, 0])
        self.assertNotIn('megawechat_up{program="listener"}', now)  # none was ever there
        self.assertNotIn("megawechat_accepting", now)  # what was true then is not told as if it were now
        self.assertEqual(self.console.get("/api/queue/status?limit=1", timeout=30)[0], 503)
        for name in ("broker", "token", "sender-1", "task"):
            self.ring[name].start()
        self.wait_ready(200)

    # --- the API

    def test_queue(self):
        api = self.console
        self.assertEqual(api.post("/api/queue/pause", {"filter": {"key": "note"}, "for": 60000})[1]["data"][0]["by"], "console:console")
        self.push(["held%d" % i for i in range(5)], key="note", task="sale")
        status, answer = api.get("/api/queue/pauses")
        self.assertEqual((status, answer["data"][0]["kind"], answer["data"][0]["held"]), (200, "template", 5))
        self.assertEqual(api.get("/api/queue/status")[1]["data"]["depth"]["paused"], 5)
        self.assertEqual(api.get("/api/queue/windows?openid=nobody")[0], 404)
        self.assertEqual(self.client.ask_one(op="window", openid="somebody", action="unfollow", at=7)["code"], 200)
        self.assertEqual(api.get("/api/queue/windows?openid=somebody")[1]["data"], [{"action": "unfollow", "at": 7}])
        ids, page = [], {"code": 100, "next": ""}
        while page["code"] == 100:
            more = "&from=" + page["next"] if page["next"] else ""
            page = api.get("/api/queue/list?task=sale&limit=2" + more)[1]
            ids += [entry["id"] for entry in page["data"]]
        self.assertEqual(ids, ["held%d" % i for i in range(5)])
        self.assertEqual(api.get("/api/queue/show?id=held1")[1]["data"]["vars"], {"n": "held1"})
        self.assertEqual(api.get("/api/queue/show?id=nix")[0], 404)
        rate = api.post("/api/queue/rate", {"filter": {"app": "default"}, "rate": 500})
        self.assertEqual((rate[0], rate[1]["data"]["rate"]), (200, 500))
        self.assertEqual(api.post("/api/queue/rate", {"filter": {"app": "default"}})[1]["data"]["rate"], 0)
        status, answer = api.post("/api/queue/cancel", {"filter": {"id": "held0"}})
        self.assertEqual((status, answer["done"]), (200, 1))
        self.assertEqual(api.post("/api/queue/cancel", {"filter": {"id": "held0"}, "ref": answer["ref"]})[1]["done"], 1)
        self.assertEqual(api.post("/api/queue/resume", {"filter": {"key": "note"}}, headers={"X-Operator": "ann b\u00e9"})[0], 200)
        self.settle(["held%d" % i for i in range(5)])
        self.push(["busyq", "busyr"], openid="")
        self.settle(["busyq", "busyr"])
        self.assertEqual(api.post("/api/queue/requeue", {"filter": {"id": "busyq"}, "ttl": 1})[1]["done"], 1)
        self.assertEqual(api.post("/api/queue/purge", {"filter": {"id": "busyr"}})[1]["done"], 1)
        self.assertEqual(api.get("/api/tokens")[1]["data"]["accounts"][0]["app"], "default")

    def test_export(self):
        ids = ["ex%03d" % i for i in range(450)]  # three pages
        self.push(ids, task="ex")
        self.settle(ids)
        lines = self.console.request("GET", "/api/queue/export?task=ex&state=all")[2].splitlines()
        self.assertEqual([json.loads(line)["id"] for line in lines], ids)
        rows = list(csv.DictReader(io.StringIO(self.console.request("GET", "/api/queue/export?task=ex&format=csv")[2].decode())))
        self.assertEqual([(row["id"], row["state"]) for row in rows], [(i, "sent") for i in ids])
        self.assertEqual(self.console.get("/api/queue/export?format=xml")[0], 400)
        self.assertEqual(self.console.get("/api/queue/export?state=nix")[0], 400)

    def test_tasks(self):
        api = self.console
        rows = '"o-t1"\n\n{"openid":"bad-t2","vars":{"n":12345678901234567890123}}\n'
        self.assertEqual(api.post("/api/tasks/create?name=may&key=test&source=curl", rows), (200, {"code": 200, "done": 2}))
        self.assertEqual(api.get("/api/tasks/show?name=may")[1]["data"]["state"], "ready")
        self.assertEqual(api.post("/api/tasks/create?name=may&key=test", rows)[0], 400)
        status, answer = api.post("/api/tasks/create?name=june&key=test", '"o1"\n{"openid":5}')
        self.assertEqual((status, answer["message"]), (400, "line 2: openid: give a string"))
        self.assertEqual(api.post("/api/tasks/rate", {"name": "may", "rate": 50})[1]["data"]["rate"], 50)
        self.assertEqual(api.post("/api/tasks/start", {"name": "may"})[0], 200)
        until(lambda: api.get("/api/tasks/show?name=may")[1]["data"]["state"] == "done" or pause(50), "the task is done")
        failed = api.get("/api/tasks/failed?name=may")[1]["data"]
        self.assertEqual([(f["openid"], f["errcode"], f["vars"]) for f in failed], [("bad-t2", 43004, {"n": 12345678901234567890123})])
        self.assertIn(b"bad-t2,refused", self.console.request("GET", "/api/tasks/export?name=may&format=csv")[2])
        self.assertEqual(api.post("/api/tasks/resend", {"name": "may", "failed": True})[0], 200)
        until(lambda: api.get("/api/tasks/show?name=may")[1]["data"]["state"] == "done" or pause(50), "the task is done again")
        making = {"name": "two", "upload": "0123456789abcdef"}
        self.assertEqual(api.post("/api/tasks/open", dict(making, key="test"))[0], 200)
        data = [[1, "o-u%d" % i, {"n": i}] for i in range(40)]
        self.assertEqual(api.post("/api/tasks/rows", dict(making, row=0, data=data[:25]))[1]["done"], 25)
        self.assertEqual(api.post("/api/tasks/rows", dict(making, row=25, data=data[25:]))[1]["done"], 40)
        self.assertEqual(api.post("/api/tasks/drop", dict(making, drops=[0]))[0], 200)
        self.assertEqual(api.post("/api/tasks/commit", dict(making, rows=40))[0], 200)
        api.post("/api/tasks/rate", {"name": "two", "rate": 1})
        api.post("/api/tasks/start", {"name": "two"})
        self.assertEqual(api.post("/api/tasks/pause", {"name": "two"})[1]["data"]["state"], "paused")
        self.assertEqual(api.post("/api/tasks/resume", {"name": "two"})[1]["data"]["state"], "running")
        self.assertEqual(api.post("/api/tasks/stop", {"name": "two"})[0], 200)
        until(lambda: api.get("/api/tasks/show?name=two")[1]["data"]["state"] == "stopped" or pause(50), "stopped")
        self.console.wait_metric('megawechat_tasks{state="stopped"}', 1)
        self.assertEqual(api.post("/api/tasks/open", {"name": "three", "upload": "f" * 16, "key": "test"})[0], 200)
        self.assertEqual(api.post("/api/tasks/abort", {"name": "three", "upload": "f" * 16})[0], 200)
        names = [task["name"] for task in api.get("/api/tasks/list")[1]["data"]]
        self.assertEqual(names, ["may", "two"])
        for name in names:
            self.assertEqual(api.post("/api/tasks/delete", {"name": name})[0], 200)

    # --- what comes from outside

    def test_refused(self):
        api = self.console
        for token in (None, "", "x", TOKEN + "x", TOKEN[:-1]):
            status, headers, _ = api.request("GET", "/api/queue/status", token=token)
            self.assertEqual((status, headers["WWW-Authenticate"]), (401, "Bearer"))
        status, headers, _ = api.request("GET", "/api/queue/status")
        self.assertEqual((headers["X-Content-Type-Options"], headers["Access-Control-Allow-Origin"]), ("nosniff", None))
        for method, path, expected in (("GET", "/nix", 404), ("POST", "/metrics", 405), ("GET", "/api", 404), ("GET", "/api/queue/nix", 404),
                                       ("GET", "/api/queue/cancel", 405), ("PUT", "/api/queue/list", 405), ("GET", "/metricsx", 404)):
            self.assertEqual(api.request(method, path)[0], expected, path)
        for body, word in (("[1]", "JSON object"), ("{", "not JSON"), ('{"filter":{"state":"nix"}}', "filter.state"), ('{"by":"me"}', "by"),
                           ('{"from":"*"}', "from"), ('{"x":' + "[" * 60 + "]" * 60 + "}", "30"), ('{"limit":1e99}', "limit"), ("{} x", "not JSON")):
            status, answer = api.post("/api/queue/list", body)
            self.assertEqual(status, 400, body)
            self.assertIn(word, answer["message"])
        self.assertEqual(api.request("POST", "/api/queue/list", headers={"Content-Length": str(2 * 1024 * 1024 + 1)})[0], 413)
        self.assertEqual(api.request("GET", "/healthz?" + "x" * 20000, token=None)[0], 414)

    def test_hup(self):
        """Another token counts at once; one that will not do changes nothing."""
        with open(self.ring.conf_path) as f:
            text = f.read()
        process = self.ring["console"]
        for token, word, valid in (("another-" + TOKEN, "read again", "another-" + TOKEN), ("short", "kept as it was", "another-" + TOKEN),
                                   (TOKEN, "read again", TOKEN)):
            with open(self.ring.conf_path, "w") as f:
                f.write(text.replace("\ntoken = " + TOKEN, "\ntoken = " + token))
            before = len(process.log())
            process.signal(signal.SIGHUP)
            until(lambda: word in process.log()[before:] or pause(), word)
            self.assertEqual(self.console.get("/api/queue/pauses", token=valid)[0], 200)
            self.assertEqual(self.console.get("/api/queue/pauses", token=token if token != valid else "x" * 20)[0], 401)

    def test_slow(self):
        """More clients than there are places, each with half a request: as soon as one leaves there is room, and in the meantime whoever is in
        is served."""
        inside = http.client.HTTPConnection("127.0.0.1", self.console.port, timeout=20)
        inside.request("GET", "/healthz")
        inside.getresponse().read()
        slow = []
        for i in range(70):
            s = socket.create_connection(("127.0.0.1", self.console.port))
            s.sendall(b"POST /api/queue/list HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n{" % TOKEN.encode())
            slow.append(s)
        began = time.monotonic()
        inside.request("GET", "/metrics")
        self.assertEqual(inside.getresponse().status, 200)
        self.assertLess(time.monotonic() - began, 5)
        inside.close()
        for s in slow[:20]:
            s.close()
        self.assertEqual(self.console.request("GET", "/healthz", token=None)[0], 200)
        endless = socket.create_connection(("127.0.0.1", self.console.port))
        endless.sendall(b"POST /api/queue/list HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n" % TOKEN.encode())
        with self.assertRaises(OSError):  # it is cut long before it has sent all that
            for i in range(200):
                endless.sendall(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        for s in slow[20:] + [endless]:
            s.close()

    def test_idle(self):
        """All places are taken by clients that say nothing, or half a header: they do not keep others out."""
        idle = [socket.create_connection(("127.0.0.1", self.console.port)) for i in range(70)]
        for s in idle[::2]:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        began = time.monotonic()
        self.assertEqual(self.console.request("GET", "/healthz", token=None)[0], 200)
        self.assertLess(time.monotonic() - began, 10)
        for s in idle:
            s.close()

    def test_off(self):
        """Without a token there is no API; an address for other hosts needs one."""
        with open(self.ring.conf_path) as f:
            text = f.read()
        for name, change, word in (("open", ("listen = 127.0.0.1:0\ntoken = " + TOKEN, "listen = 0.0.0.0:0"), "other hosts"),
                                   ("short", ("token = " + TOKEN, "token = short"), "shorter than 16")):
            path = self.ring.conf_path + "." + name
            with open(path, "w") as f:
                f.write(text.replace(*change))
            process = self.ring.add(name, "mega-console")
            process.arguments = ["-c", path, "-n", name]
            self.assertEqual(process.start().process.wait(20), 1)
            self.assertIn(word, process.log())
            del self.ring.stages[name]
        path = self.ring.conf_path + ".off"
        with open(path, "w") as f:
            f.write(text.replace("\ntoken = " + TOKEN, "\nmetrics_token = " + TOKEN))
        before = self.ring.conf_path
        self.ring.conf_path = path
        off = Console(self.ring, "console-off")
        self.ring.conf_path = before
        self.assertEqual(off.get("/api/queue/status")[0], 403)
        self.assertEqual([off.request("GET", "/metrics", token=t)[0] for t in (None, TOKEN)], [401, 200])
        self.assertEqual(off.process.term(), 0)
        del self.ring.stages["console-off"]


class Callbacks(unittest.TestCase):
    """With mega-listener, which an installation may have or not."""

    def setUp(self):
        self.ring = Ring(senders=1, task=True, conf=dict(Console.conf(), **Listener.conf(series="series")))
        self.ring.__enter__()
        self.addCleanup(lambda: self.ring.__exit__(None, None, None))
        os.mkdir(os.path.join(self.ring.folder, "series"))
        with open(os.path.join(self.ring.folder, "series", "welcome.ini"), "w", encoding="utf-8") as file:
            file.write("start[] = follow\nstep[] = +1h test\n")
        self.console = Console(self.ring)

    def wait_figures(self, **expected):
        def have():
            now = self.console.metrics()
            return {name: now.get("megawechat_listener_" + name) for name in expected}
        until(lambda: have() == expected or pause(100), "the figures")

    def wait_up(self, value, status, *reasons):
        def seen():
            up = self.console.metrics().get('megawechat_up{program="listener"}')
            answer = self.console.get("/readyz", token=None)
            return up, answer[0], tuple(reason["name"] for reason in answer[1]["reasons"])
        until(lambda: seen() == (value, status, reasons) or pause(100), "%s %s %s" % (value, status, reasons))

    def test_figures_and_health(self):
        self.wait_up(None, 200)
        self.assertEqual(self.console.get("/api/series/list")[0], 503)
        listener, client = Listener(self.ring), self.ring.client()
        self.wait_up(1, 200)
        self.assertEqual(client.ask_one(op="push", id="m1", openid="o1", key="test", vars={"n": "1"})["code"], 200)
        msgid = client.ask_one(op="status", id="m1", wait=True)["msgid"]
        created = int(time.time())
        for body in (event("o1", "subscribe", created), event("o1", "subscribe", created), receipt("o1", msgid), receipt("o2", 4711)):
            self.assertEqual(listener.post(body), (200, b"success"))
        self.assertEqual(listener.post(event("o1", "CLICK"), token="guessed")[0], 403)
        # A step of the series, a window, a receipt; another one waits for its message.
        self.wait_figures(**{'events_total{kind="follow"}': 1, 'events_total{kind="receipt"}': 2, 'events_total{kind="click"}': 0,
                             'repeats_total': 1, 'refused_total{reason="signature"}': 1, 'refused_total{reason="busy"}': 0,
                             'requests_total{outcome="done"}': 3, 'requests_total{outcome="unmatched"}': 0, "outbox_requests": 1,
                             "outbox_oldest_age_seconds": 0, "outbox_away": 0, 'forwards_total{outcome="taken"}': 0,
                             "forward_waiting_events": 0, "series": 1, "series_people": 1, "series_started_total": 1})
        self.console.wait_metric('megawechat_receipts_total{account="default",template="test",outcome="delivered"}', 1)
        self.assertGreater(self.console.metrics()['megawechat_process_resident_memory_bytes{program="mega-listener",name="listener"}'], 1e6)
        self.series_by_the_api()
        listener.process.kill()
        self.wait_up(0, 200, "listener")
        self.assertNotIn("megawechat_listener_series", self.console.metrics())
        listener.start()
        self.wait_up(1, 200)
        self.assertEqual(listener.process.term(), 0)
        self.wait_up(None, 200)  # whoever ended it does not miss it

    def series_by_the_api(self):
        api = self.console
        self.assertEqual(api.get("/api/series/list")[1]["data"], [{"name": "welcome", "app": "default", "in": 1, "started": 1, "steps": 1}])
        self.assertEqual(api.get("/api/series/status")[1]["data"]["events"]["follow"], 1)
        self.assertEqual([p["openid"] for p in api.get("/api/series/who?name=welcome&limit=5")[1]["data"]], ["o1"])
        self.assertEqual(api.get("/api/series/plan?event=follow")[1]["data"]["series"][0]["name"], "welcome")
        self.assertEqual(api.get("/api/series/show?name=nix")[0], 404)
        self.assertEqual(api.get("/api/series/stop?name=welcome&openid=o1")[0], 405)
        self.assertEqual(api.get("/api/series/export?name=welcome")[0], 404)
        self.assertEqual(api.post("/api/series/start", {"name": "welcome", "openid": "o1"})[1].get("done", 0), 0)  # is in it
        status, answer = api.post("/api/series/stop", {"name": "welcome", "all": True}, headers={"X-Operator": "ann"})
        self.assertEqual((status, answer["done"]), (200, 1))
        self.wait_figures(**{"series_people": 0, 'series_finished_total{outcome="ended"}': 1, 'series_finished_total{outcome="done"}': 0})
        with open(os.path.join(self.ring.folder, "store", "audit.log"), encoding="utf-8") as file:
            self.assertIn("console:ann", file.read())


if __name__ == "__main__":
    unittest.main()
