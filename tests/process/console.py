"""mega-console for the tests: the process, and a client of it."""
import http.client
import json
import re
from ring import LIMIT_S, until, pause

TOKEN = "test-console-token-0123456789"


class Console:
    """Started in a ring, whose configuration has [console] listen and token (conf())."""

    def __init__(self, ring, name="console"):
        self.process = ring.add(name, "mega-console").start()
        self.port = None
        until(self.listens, "mega-console listens")

    @staticmethod
    def conf(**keys):
        return {"console": dict({"listen": "127.0.0.1:0", "token": TOKEN}, **keys)}

    def listens(self):
        assert self.process.alive(), self.process.log()
        found = re.findall(r"event=ready address=127\.0\.0\.1:(\d+)", self.process.log())
        if found:
            self.port = int(found[-1])
        return self.port or pause()

    def request(self, method, path, body=None, token=TOKEN, headers=None, timeout=LIMIT_S):
        """(status, headers, bytes)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            given = dict(headers or {})
            if token:
                given["Authorization"] = "Bearer " + token
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path, **more):
        return self.json(self.request("GET", path, **more))

    def post(self, path, members=None, **more):
        body = members if isinstance(members, (str, bytes)) else json.dumps(members or {})
        return self.json(self.request("POST", path, body, **more))

    @staticmethod
    def json(answer):
        return answer[0], json.loads(answer[2])

    def metrics(self):
        """{"name{label=\"value\",…}": value}"""
        status, headers, text = self.request("GET", "/metrics")
        assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), (status, headers)
        return parse(text.decode())

    def wait_metric(self, name, value):
        until(lambda: self.metrics().get(name) == value or pause(100), "%s = %s" % (name, value))


def parse(text):
    """Reads the text format strictly: every sample belongs to a family that was told of right before it."""
    samples, family = {}, None
    seen = set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in seen, "family twice: " + family
            seen.add(family)
            continue
        if line.startswith("# TYPE "):
            assert line.split(" ")[2] == family and line.split(" ")[3] in ("counter", "gauge", "histogram"), line
            kind = line.split(" ")[3]
            assert (kind == "counter") == family.endswith("_total"), line
            continue
        match = re.fullmatch(r'([a-z0-9_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (\S+)', line)
        assert match, line
        base = re.sub(r"_(bucket|sum|count)$", "", match[1]) if kind == "histogram" else match[1]
        assert base == family and family.startswith("megawechat_"), line
        key = match[1] + (match[2] or "")
        assert key not in samples, "sample twice: " + key
        samples[key] = float(match[3])
    return samples
