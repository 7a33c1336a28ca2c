"""A real Prometheus scrapes mega-console, takes the rules, answers every query of dashboard and rules with figures that are there, and an
alarm fires and ends. PROMETHEUS_BIN: folder of prometheus and promtool, else they are looked for in PATH."""
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse

from console import Console
from listener import Listener, event, receipt
from ring import SIMPLE, Ring, pause, until

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
RULES = os.path.join(ROOT, "etc/prometheus/mega-wechat.rules.yml")
SCRAPE = os.path.join(ROOT, "etc/prometheus/mega-wechat.yml")
CASES = os.path.join(ROOT, "tests/data/prometheus_alerts.yml")
DASHBOARD = os.path.join(ROOT, "etc/grafana/mega-wechat.json")
SECONDS = 30


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def tool(name, *arguments, **more):
    path = shutil.which(name, path=os.environ.get("PROMETHEUS_BIN") or None)
    done = subprocess.run([path, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, **more)
    return done.returncode, done.stdout.decode()


def rules():
    """[(alert, expression)]"""
    text = re.sub(r"expr: >-\n((?:          .*\n)+)", lambda m: "expr: " + " ".join(m[1].split()) + "\n", read(RULES))
    return re.findall(r"- alert: (\w+)\n +expr: (.*)\n", text)


def panels():
    return [p for p in json.loads(read(DASHBOARD))["panels"] if p["type"] != "row"]


def queries():
    """Those of the dashboard, with its variables filled in."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], (target["expr"].replace("$job", "mega-wechat").replace("$instance", ".*")
                                   .replace("$__rate_interval", "1m"))


class Prometheus:
    """Scrapes and evaluates by the half second; what the rules wait `for` is cut to nothing."""

    def __init__(self, ring, port):
        folder = os.path.join(ring.folder, "prometheus")
        os.mkdir(folder)
        scrape = read(SCRAPE).replace("127.0.0.1:9503", "127.0.0.1:%d" % port).replace("15s", "500ms")
        assert "%d" % port in scrape and "500ms" in scrape
        quick = re.sub(r"for: \w+", "for: 0s", read(RULES))
        for name, text in (("prometheus.yml", "global: {evaluation_interval: 500ms}\n" + scrape), ("mega-wechat.rules.yml", quick)):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        self.log = open(os.path.join(folder, "log"), "w+")
        path = shutil.which("prometheus", path=os.environ.get("PROMETHEUS_BIN") or None)
        self.process = subprocess.Popen(
            [path, "--config.file=" + os.path.join(folder, "prometheus.yml"), "--storage.tsdb.path=" + os.path.join(folder, "data"),
             "--web.listen-address=127.0.0.1:0", "--log.level=info"], stdout=self.log, stderr=self.log)
        self.port = None
        until(self.listens, "Prometheus listens", SECONDS)
        until(lambda: self.http("/-/ready")[0] == 200 or pause(100), "Prometheus is ready", SECONDS)

    def listens(self):
        assert self.process.poll() is None, self.text()
        found = re.search(r"Listening on.* address=127\.0\.0\.1:(\d+)", self.text())
        self.port = int(found[1]) if found else None
        return self.port or pause()

    def text(self):
        return read(self.log.name)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def http(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request("GET", path)
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
        connection.close()
        return status, body

    def get(self, path, **values):
        status, body = self.http("/api/v1/%s?%s" % (path, urllib.parse.urlencode(values)))
        return status, json.loads(body)

    def query(self, expression):
        status, body = self.get("query", query=expression)
        assert status == 200, (expression, body)
        return body["data"]["result"]

    def firing(self):
        return {a["labels"]["alertname"] for a in self.get("alerts")[1]["data"]["alerts"] if a["state"] == "firing"}


class Files(unittest.TestCase):
    def test_rules_load(self):
        status, text = tool("promtool", "check", "rules", RULES)
        self.assertEqual(status, 0, text)
        self.assertIn("%d rules found" % len(rules()), text)

    def test_each_alert_fires_when_it_should(self):
        fired = re.findall(r"alertname: (\w+)\n +exp_alerts: \[\{", read(CASES))
        self.assertEqual(set(fired), {name for name, _ in rules()})
        bare = re.sub(r"        annotations:\n(?:          .*\n)+", "", read(RULES))
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("rules.yml", bare), ("cases.yml", read(CASES).replace("[RULES]", "[rules.yml]"))):
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
            status, text = tool("promtool", "test", "rules", "cases.yml", cwd=folder)
        self.assertEqual(status, 0, text)

    def test_dashboard_is_sound(self):
        ids = [p["id"] for p in json.loads(read(DASHBOARD))["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        for panel in panels():
            self.assertTrue(panel["title"] and panel["targets"], panel)
            self.assertEqual(panel["datasource"]["uid"], "${datasource}")
            self.assertLessEqual(panel["gridPos"]["x"] + panel["gridPos"]["w"], 24, panel["title"])


class Scraped(unittest.TestCase):
    def test_scraped_queried_and_an_alarm_fires(self):
        conf = dict(Console.conf(), **Listener.conf())
        conf["wechat"]["max_attempts"] = "2"
        with Ring(templates={"test": SIMPLE}, senders=1, task=True, conf=conf,
                  sim=["--fault", "bad=43004", "--fault", "busy=-1"]) as ring:
            listener, console = Listener(ring), Console(ring)
            until(lambda: 'megawechat_up{program="listener"} 1' in self.told(console) or pause(100), "the listener is heard", SECONDS)
            status, text = tool("promtool", "check", "metrics", input=console.request("GET", "/metrics")[2])
            self.assertEqual((status, text), (0, ""))
            prometheus = Prometheus(ring, console.port)
            self.addCleanup(prometheus.close)
            until(lambda: prometheus.query('megawechat_ready{job="mega-wechat"}') or pause(100), "the first scrape", SECONDS)
            self.push(ring.client())
            self.call_back(ring.client(), listener)
            self.queries_find_figures(prometheus, console)
            self.alarm_fires_and_ends(ring, prometheus)

    @staticmethod
    def told(console):
        return console.request("GET", "/metrics")[2].decode()

    @staticmethod
    def push(client):
        client.ask(*[dict(op="send", id="%s%d" % (to, i), openid=to, key="test", vars={"n": "1"}) for to in ("good", "bad") for i in range(3)])
        client.ask(dict(op="push", id="busy", openid="busy", key="test", vars={"n": "1"}),
                   dict(op="push", id="nix", openid="o", key="nix"))

    def call_back(self, client, listener):
        """A follow, and the receipt of a message."""
        msgid = client.ask_one(op="status", id="good0", wait=True)["msgid"]
        for body in (event("good", "subscribe"), receipt("good", msgid)):
            self.assertEqual(listener.post(body), (200, b"success"))
        until(listener.drained, "the broker knows of it")

    def queries_find_figures(self, prometheus, console):
        """Each family that a query names is told by the console, and each query finds something, but for what only is there in trouble."""
        until(lambda: "wechat_call_duration" in self.told(console) or pause(100), "a beat of the sender", SECONDS)
        families = set(re.findall(r"# TYPE (\w+)", self.told(console)))
        for title, expression in list(queries()) + rules():
            named = {re.sub("_bucket$", "", name) for name in re.findall(r"megawechat_\w+", expression)}
            self.assertEqual(named - families, set(), title)
        def empty():
            return {title for title, expression in queries() if not prometheus.query(expression)} - {"Bulk tasks"}
        until(lambda: not empty() or pause(200), "figures for each query", SECONDS)
        for name, expression in rules():
            prometheus.query(expression)

    def alarm_fires_and_ends(self, ring, prometheus):
        states = {name for name, expression in rules() if re.search("== [01]$", expression)}  # whatever the machine is at
        self.assertLessEqual({"MegaWechatNoSender", "MegaWechatNotReady", "MegaWechatAccountStopped"}, states)
        until(lambda: not states & prometheus.firing() or pause(100), "nothing is away", SECONDS)
        ring["sender-1"].kill()
        until(lambda: {"MegaWechatNoSender", "MegaWechatNotReady"} <= prometheus.firing() or pause(100), "the alarm", SECONDS)
        ring["sender-1"].start()
        until(lambda: not {"MegaWechatNoSender", "MegaWechatNotReady"} & prometheus.firing() or pause(100), "its end", SECONDS)


if __name__ == "__main__":
    unittest.main()
