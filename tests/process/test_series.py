"""Series, with the real set: what events of WeChat start, end and cancel; what a kill, a restart and a changed definition leave as it is;
`mega series` as it is typed.
"""
import json
import os
import signal
import subprocess
import time
import unittest

from listener import Listener, event, text
from ring import BIN, LIMIT_S, Ring, pause, until

BODY = '{"touser":"${OPENID}","template_id":"T1","data":{"first":{"value":"%s ${shop}"}}}'
KEYS = ("a1", "a2", "a3", "b1", "c1")


class Case(unittest.TestCase):
    files = {}

    def setUp(self):
        self.ring = Ring(templates={key: BODY % key for key in KEYS}, conf=Listener.conf(series="series", dir="listener"), gateways=0)
        self.ring.__enter__()
        self.addCleanup(lambda: self.ring.__exit__(None, None, None))
        os.mkdir(os.path.join(self.ring.folder, "series"))
        for name, content in self.files.items():
            self.write(name, content)
        self.listener = Listener(self.ring)
        self.listener.db_path = os.path.join(self.ring.folder, "listener", "listener.db")
        self.operator = self.ring.operator()
        self.messages = 0

    def write(self, name, content):
        with open(os.path.join(self.ring.folder, "series", name + ".ini"), "w", encoding="utf-8") as file:
            file.write(content)

    def happens(self, body):
        status, answer = self.listener.post(body)
        self.assertEqual((status, answer), (200, b"success"))

    def says(self, openid, content, created=None):
        self.messages += 1
        self.happens(text(openid, content, self.messages, created))

    def entries(self, openid):
        """What the broker has of this person: key -> entry."""
        until(self.listener.drained, "the outbox is empty")
        return {entry["key"]: entry for entry in self.operator.list(openid=openid)}

    def states(self, openid):
        return {key: entry["state"] for key, entry in self.entries(openid).items()}

    def wait_states(self, openid, **expected):
        until(lambda: self.states(openid) == expected or pause(), "%s: %s" % (openid, expected))

    def mega(self, *arguments, status=0):
        done = subprocess.run([os.path.join(BIN, "mega"), "series", *arguments, "-c", self.ring.conf_path], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stdout + done.stderr

    def json(self, *arguments, status=0):
        return [json.loads(line) for line in self.mega(*arguments, "--json", status=status).splitlines() if line.startswith("{")]


class Events(Case):
    files = {
        "a": "start[] = follow\nstep[] = +300ms a1\nstep[] = +800ms a2\nstep[] = +1h a3\nend[] = keyword:stop\nend[] = series:b\n"
             "var[] = shop=Tea House\n",
        "b": "start[] = keyword:buy\nstart[] = click:BUY\nstep[] = +2h b1\nend[] = click:NO\n",
        "c": "start[] = scan:7\nstep[] = +2h c1\nagain = never\n",
    }

    def test_steps_at_their_times(self):
        start_s = int(time.time()) + 2  # so that no step is late
        self.happens(event("o1", "subscribe", start_s))
        entries = self.entries("o1")
        self.assertEqual({key: entry["due"] - start_s * 1000 for key, entry in entries.items()}, {"a1": 300, "a2": 800, "a3": 3600000})
        self.assertEqual({entry["task"] for entry in entries.values()}, {"series/a"})
        self.assertTrue(all(len(entry["id"]) == 42 and entry["id"].startswith("s-") for entry in entries.values()))
        self.ring.sim.wait(delivered=2)
        self.wait_states("o1", a1="sent", a2="sent", a3="scheduled")
        calls = self.ring.sim.delivered()
        self.assertEqual([json.loads(call["body"])["data"]["first"]["value"] for call in calls], ["a1 Tea House", "a2 Tea House"])
        for call, due_ms in zip(calls, (start_s * 1000 + 300, start_s * 1000 + 800)):
            self.assertGreaterEqual(call["t"], due_ms)
            self.assertLess(call["t"], due_ms + 5000)
        self.happens(event("o1", "unsubscribe", start_s + 1))
        self.wait_states("o1", a1="sent", a2="sent", a3="cancelled")

    def test_started_once(self):
        now_s = int(time.time())
        for i in range(3):
            self.happens(event("o1", "subscribe", now_s))  # a repeat of WeChat's
        for i in range(3):
            self.happens(event("o1", "subscribe", now_s + 1 + i))  # followed again without a word of leaving
        self.wait_states("o1", a1="sent", a2="sent", a3="scheduled")
        self.assertEqual(len(self.operator.list(openid="o1")), 3)
        self.happens(event("o1", "unsubscribe", now_s + 10))
        self.happens(event("o1", "subscribe", now_s + 5))  # came late: it was before the unfollowing
        until(self.listener.drained, "the outbox is empty")
        self.assertEqual(sorted(e["state"] for e in self.operator.list(openid="o1")), ["cancelled", "sent", "sent"])
        self.happens(event("o1", "subscribe", now_s + 11))
        until(self.listener.drained, "the outbox is empty")
        self.assertEqual(len(self.operator.list(openid="o1")), 6)

    def test_ends(self):
        self.happens(event("o1", "subscribe", EventKey="qrscene_7"))
        self.wait_states("o1", a1="sent", a2="sent", a3="scheduled", c1="scheduled")
        self.says("o1", "please stop")
        self.assertEqual(self.states("o1")["a3"], "scheduled")
        self.says("o1", " STOP ")
        self.wait_states("o1", a1="sent", a2="sent", a3="cancelled", c1="scheduled")
        self.happens(event("o2", "subscribe"))
        self.wait_states("o2", a1="sent", a2="sent", a3="scheduled")
        self.happens(event("o2", "CLICK", EventKey="BUY"))
        self.wait_states("o2", a1="sent", a2="sent", a3="cancelled", b1="scheduled")
        self.happens(event("o2", "CLICK", EventKey="NO"))
        self.wait_states("o2", a1="sent", a2="sent", a3="cancelled", b1="cancelled")
        self.assertEqual(self.json("who", "a", "--openid", "o2")[0]["reason"], "series:b")
        self.happens(event("o3", "SCAN", EventKey="7"))
        self.wait_states("o3", c1="scheduled")
        self.happens(event("o3", "unsubscribe"))
        self.wait_states("o3", c1="cancelled")
        self.happens(event("o3", "SCAN", int(time.time()) + 5, EventKey="7"))  # never again
        self.assertEqual(self.states("o3"), {"c1": "cancelled"})

    def test_kills(self):
        """What was answered has happened, once, whatever is killed afterwards."""
        now_s = int(time.time())
        self.ring["broker"].kill()
        for i in range(20):
            self.happens(event("o%d" % i, "subscribe", now_s))
        self.listener.process.kill()
        self.listener.start()
        for i in range(10):
            self.happens(event("o%d" % i, "subscribe", now_s))  # WeChat repeats what it thinks was lost
            self.happens(event("o%d" % i, "unsubscribe", now_s + 1))
        self.listener.process.kill()
        self.listener.start()
        self.ring["broker"].start()
        self.ring.sim.wait(delivered=20)
        for i in range(20):
            left = {} if i < 10 else {"a1": "sent", "a2": "sent", "a3": "scheduled"}
            until(lambda: {k: s for k, s in self.states("o%d" % i).items() if s != "cancelled"} == left or pause(), "o%d: %s" % (i, left))
        self.listener.process.kill()
        self.listener.start()
        self.assertEqual(self.ring.sim.get("/sim/stats")["delivered"], 20)
        self.assertEqual([row["in"] for row in self.json("list") if row["name"] == "a"], [10])


class Definitions(Case):
    files = {"a": "start[] = follow\nstep[] = +1h a1\n"}

    def test_changed(self):
        self.happens(event("o1", "subscribe"))
        self.wait_states("o1", a1="scheduled")
        self.write("a", "start[] = follow\nstep[] = +2h a2\nstep[] = +3h a3\n")
        self.listener.process.term()
        self.listener.start()
        self.happens(event("o2", "subscribe"))
        self.wait_states("o2", a2="scheduled", a3="scheduled")
        self.assertEqual(self.states("o1"), {"a1": "scheduled"})
        self.happens(event("o1", "unsubscribe"))
        self.wait_states("o1", a1="cancelled")

        self.write("a", "start[] = follow\nstep[] = later a1\n")  # wrong
        self.write("b", "start[] = scan:1\nstep[] = +1h b1\n")
        self.listener.process.signal(signal.SIGHUP)
        until(lambda: "a.ini:2: step[]: begins with no time" in self.listener.process.log() or pause(), "the error is logged")
        until(lambda: [row["name"] for row in self.json("list")] == ["a", "b"] or pause(), "the new one is there")
        self.happens(event("o3", "subscribe"))
        self.wait_states("o3", a2="scheduled", a3="scheduled")

        os.unlink(os.path.join(self.ring.folder, "series", "b.ini"))
        self.happens(event("o4", "SCAN", EventKey="1"))
        self.wait_states("o4", b1="scheduled")
        self.listener.process.signal(signal.SIGHUP)
        until(lambda: [row["name"] for row in self.json("list")] == ["a"] or pause(), "it is gone")
        self.happens(event("o5", "SCAN", EventKey="1"))
        self.assertEqual(self.states("o5"), {})
        self.assertEqual([person["openid"] for person in self.json("who", "b")], ["o4"])
        self.assertEqual(self.mega("stop", "b", "--all", "--yes"), "1 stopped\n")
        self.wait_states("o4", b1="cancelled")

        program = [os.path.join(BIN, "mega-listener"), "-c", self.ring.conf_path, "--check-config"]
        done = subprocess.run(program, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("series/a.ini:2: step[]: begins with no time; give +10m, @20:30 or +1d@09:00", done.stderr)
        self.listener.process.term()
        self.listener.process.start()
        self.assertEqual(self.listener.process.process.wait(LIMIT_S), 1)

    def test_quiet(self):
        now_s = int(time.time())
        hours = (3 - now_s // 3600) % 24  # of a zone in which it is between three and four now
        zone = "+%02d:00" % hours if hours <= 12 else "-%02d:00" % (24 - hours)
        self.write("a", "start[] = follow\nstep[] = +1s a1\nstep[] = @04:30 a2\nstep[] = @12:00 a3\ntimezone = %s\nquiet = 22:00-06:00\n" % zone)
        self.listener.process.signal(signal.SIGHUP)
        until(lambda: self.json("show", "a")[0].get("quiet") or pause(), "it is read again")
        self.happens(event("o1", "subscribe", now_s))
        self.wait_states("o1", a1="scheduled", a2="scheduled", a3="scheduled")
        six = now_s - now_s % 3600 + 3 * 3600
        self.assertEqual({key: entry["due"] // 1000 for key, entry in self.entries("o1").items()}, {"a1": six, "a2": six, "a3": six + 6 * 3600})


class Command(Case):
    files = {
        "a": "start[] = follow\nstart[] = keyword:hi\nstep[] = +1h a1\nstep[] = +1d@09:00 a2 ttl=1h\nend[] = keyword:stop\nquiet = 23:00-07:00\n"
             "again = 30d\nvar[] = shop=Tea\n",
        "b": "start[] = scan:*\nstep[] = +1h nosuch\nend[] = series:a\n",
    }

    def test_show(self):
        self.assertIn("SERIES", self.mega("list"))
        self.assertEqual(self.json("list"), [{"name": "a", "app": "default", "steps": 2}, {"name": "b", "app": "default", "steps": 1}])
        shown = self.mega("show", "a").splitlines()
        self.assertEqual([line.split(None, 1)[1] for line in shown if line.startswith("step ")], ["1  +1h  a1", "2  +1d@09:00  a2  ttl 3600000 ms"])
        self.assertIn("quiet      23:00-07:00", shown)
        self.assertIn("again      30d", shown)
        self.assertEqual(self.json("show", "a")[0]["vars"], {"shop": "Tea"})
        self.assertIn("there is no series of this name", self.mega("show", "c", status=3))
        self.assertIn("there is no series of this name", self.mega("who", "c", status=3))
        self.assertIn("there is no series of this name", self.mega("stop", "c", "o1", status=3))
        self.assertEqual(self.json("status")[0]["series"], 2)

    def test_start_and_stop(self):
        self.assertIn("state      in", self.mega("start", "a", "o1"))
        self.wait_states("o1", a1="scheduled", a2="scheduled")
        self.assertIn("is in it already; nothing changes", self.mega("start", "a", "o1"))
        self.assertEqual(len(self.entries("o1")), 2)
        self.assertEqual(self.mega("stop", "a", "o1"), "stopped\n")
        self.assertEqual(self.mega("stop", "a", "o1"), "was not in it\n")
        self.wait_states("o1", a1="cancelled", a2="cancelled")
        self.assertIn("its `again` does not allow another start now", self.mega("start", "a", "o1", status=1))
        self.assertIn("reason     operator", self.mega("who", "a", "--openid", "o1"))
        self.assertIn("is not in this series", self.mega("who", "a", "--openid", "o9", status=3))
        with open(os.path.join(self.ring.folder, "store", "audit.log"), encoding="utf-8") as file:
            audit = file.read().splitlines()
        self.assertEqual(len(audit), 5)
        for line, parts in zip(audit, (("series start", "changed=1 code=200"), ("series start", "changed=0 code=200"),
                                       ("series stop", "changed=1 code=200"), ("series stop", "changed=0"), ("series start", "code=400"))):
            for part in parts + ("series=a", "openid=o1"):
                self.assertIn(part, line)

    def test_who_and_stop_all(self):
        for i in range(1201):
            self.happens(event("o%04d" % i, "subscribe"))
        people = self.json("who", "a")
        self.assertEqual([person["openid"] for person in people], ["o%04d" % i for i in range(1201)])
        self.assertEqual({(person["past"], person["of"], person["key"]) for person in people}, {(0, 2, "a1")})
        self.assertEqual(len(self.mega("who", "a").splitlines()), 1201 + 2)  # two pages, each with its head
        self.assertIn("there is no terminal", self.mega("stop", "a", "--all", status=2))
        self.assertEqual(self.mega("stop", "a", "--all", "--yes"), "1201 stopped\n")
        self.assertEqual(self.mega("who", "a"), "nobody is in it\n")
        self.wait_states("o0007", a1="cancelled", a2="cancelled")
        until(lambda: {entry["state"] for entry in self.operator.list(task="series/a")} == {"cancelled"} or pause(), "all of it is cancelled")

    def test_plan(self):
        planned = self.json("plan")[0]
        self.assertEqual([series["name"] for series in planned["series"]], ["a"])
        self.assertEqual(planned["ends"], ["b"])
        self.assertEqual([(step["key"], step["code"]) for step in planned["series"][0]["steps"]], [("a1", 200), ("a2", 200)])
        self.assertTrue(planned["series"][0]["steps"][1]["local"].endswith(" 09:00:00 +08:00"))
        self.assertEqual(planned["series"][0]["steps"][1]["ttl"], 3600000)
        text_of = self.mega("plan", "--event", "scan:12", status=1)
        self.assertIn("starts b", text_of)
        self.assertIn("nosuch", text_of)
        self.assertIn("not exist", text_of)
        self.assertIn("nothing starts", self.mega("plan", "--event", "keyword:bye"))
        self.assertIn("ends a, for whom is in it", self.mega("plan", "--event", "keyword:STOP"))
        self.assertIn("there is no such account", self.mega("plan", "--app", "nobody", status=1))
        self.assertIn("is no event that starts a series", self.mega("plan", "--event", "unfollow", status=2))
        self.assertEqual(self.listener.rows("SELECT count(*) FROM enrolment"), [(0,)])  # nothing has happened
        self.ring["broker"].kill()
        self.assertIn("not checked", self.mega("plan", "--timeout", "500ms"))


if __name__ == "__main__":
    unittest.main()
