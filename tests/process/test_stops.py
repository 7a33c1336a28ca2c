"""Accounts and templates that WeChat stops, with the whole ring and quotas that count: the account stops, accepting and other accounts go
on, and it runs again by itself; restarts remember; operators see it and can end it."""
import unittest

from ring import APP_ID, SECRET, Ring, pause, until

OTHER = "wx2222222222222222"
FAST = {"probe": "200ms", "probe_max": "400ms", "rate_window": "1s", "send_patience": "20s"}
SLOW = dict(FAST, probe="1h", probe_max="1h")
MANY = 400


class Case(unittest.TestCase):
    def begin(self, broker, templates=None, sim=()):
        def give_base(ring, sections):
            ring.conf["wechat:other"]["api_base"] = ring.sim.base
            return sections
        accounts = ["--account", APP_ID + ":" + SECRET, "--account", OTHER + ":" + SECRET]
        self.ring = Ring(senders=2, templates=templates, sim=accounts + list(sim), ini=give_base,
                         conf={"broker": broker, "wechat": {"max_attempts": "1000"}, "wechat:other": {"app_id": OTHER, "app_secret": SECRET}})
        self.ring.__enter__()
        self.addCleanup(self.ring.__exit__, None, None, None)
        self.client, self.operator, self.sim = self.ring.client(), self.ring.operator(), self.ring.sim
        return self.ring

    def push(self, count, app="default", prefix="o", key="test"):
        results = self.client.ask(*[{"op": "push", "app": app, "openid": "%s%d" % (prefix, i), "key": key, "vars": {"n": str(i)}}
                                    for i in range(count)])
        self.assertEqual({r["code"] for r in results}, {200})

    def delivered(self, app_id):
        return [e["openid"] for e in self.sim.delivered() if e["app"] == app_id]

    def account(self, name="default"):
        return [a for a in self.operator.status()["accounts"] if a["name"] == name][0]

    def until_stopped(self, errcode):
        until(lambda: self.account().get("errcode") == errcode or pause(), "stopped with %d" % errcode)

    def check_once(self, app_id, count, prefix="o"):
        delivered = self.delivered(app_id)
        self.assertEqual(sorted(delivered), sorted("%s%d" % (prefix, i) for i in range(count)))


class Quota(Case):
    def test_reached_in_mid_load(self):
        """The account stops, accepting goes on, the other account goes on, it resumes by itself; each message arrives once."""
        self.begin(FAST)
        self.sim.post("/sim/quota?appid=%s&daily=%d" % (APP_ID, MANY // 2))
        self.push(MANY)
        self.push(MANY, app="other", prefix="p")
        self.until_stopped(45009)
        self.push(50, prefix="late")  # accepted while it is stopped
        self.sim.wait(delivered=MANY // 2 + MANY)
        self.check_once(OTHER, MANY, "p")
        self.assertEqual(len(self.delivered(APP_ID)), MANY // 2)
        refused = self.sim.get("/sim/stats")["quota_refused"]
        self.assertLessEqual(refused, 128 + 40)  # what was in flight, and probes; never the whole queue
        stopped = self.account()
        self.assertEqual(stopped["cause"], "quota")
        self.assertIn("45009", stopped["stopped"])
        self.sim.post("/sim/new-day")
        self.sim.post("/sim/quota?appid=%s&daily=0" % APP_ID)
        self.sim.wait(delivered=2 * MANY + 50)
        until(lambda: self.account()["waiting"] + self.account()["out"] == 0 or pause(), "all settled")
        self.assertEqual(len(set(self.delivered(APP_ID))), MANY + 50)
        self.assertEqual(len(self.delivered(APP_ID)), MANY + 50)
        self.assertNotIn("stopped", self.account())
        self.assertEqual((self.account()["dead"], self.account()["refused"]), (0, 0))

    def test_probes_are_few(self):
        """A stopped account costs WeChat one call now and then."""
        self.begin(SLOW)
        self.sim.post("/sim/quota?appid=%s&daily=10" % APP_ID)
        self.push(MANY)
        self.until_stopped(45009)
        until(lambda: self.account()["out"] == 0 or pause(), "nothing in flight")
        before = self.sim.get("/sim/stats")["calls"]
        self.push(MANY, app="other", prefix="p")
        self.sim.wait(delivered=10 + MANY)
        self.assertEqual(self.sim.get("/sim/stats")["calls"], before + MANY)

    def test_send_is_answered_at_once(self):
        self.begin(SLOW)
        self.sim.post("/sim/quota?appid=%s&daily=1" % APP_ID)
        self.push(3)
        self.until_stopped(45009)
        result = self.client.ask_one(op="send", openid="s", key="test", vars={"n": "1"})
        self.assertEqual(result["code"], 500)
        self.assertRegex(result["message"], "account stopped: WeChat answered 45009 .*mega wechat clear-quota")
        self.assertEqual(self.client.ask_one(op="send", app="other", openid="s", key="test", vars={"n": "1"})["code"], 200)

    def test_restart_remembers(self):
        self.begin(SLOW)
        self.sim.post("/sim/quota?appid=%s&daily=1" % APP_ID)
        self.push(20)
        self.until_stopped(45009)
        until(lambda: self.account()["out"] == 0 or pause(), "nothing in flight")
        calls = self.sim.get("/sim/stats")["calls"]
        self.ring.restart("broker")
        self.push(5, app="other", prefix="p")
        self.sim.wait(delivered=1 + 5)
        stopped = self.account()
        self.assertEqual((stopped["errcode"], stopped["cause"]), (45009, "quota"))
        self.assertEqual(self.sim.get("/sim/stats")["calls"], calls + 5)

    def test_operator_resumes(self):
        """mega queue resume of the account: the next message is a probe at once, and all follow."""
        self.begin(SLOW)
        self.sim.post("/sim/quota?appid=%s&daily=1" % APP_ID)
        self.push(20)
        self.until_stopped(45009)
        self.sim.post("/sim/quota?appid=%s&daily=0" % APP_ID)
        until(lambda: self.account()["out"] == 0 or pause(), "nothing in flight")
        resumed = self.operator.ask("resume", filter={"app": "default"})
        self.assertEqual(resumed["code"], 200)
        self.assertIn("1 stopped account is tried again now", resumed["message"])
        self.sim.wait(delivered=20)
        self.check_once(APP_ID, 20)
        resumed = self.operator.ask("resume", filter={"app": "default"})
        self.assertEqual(resumed["code"], 404)
        self.assertIn("mega queue pauses", resumed["message"])

    def test_one_message_is_not_the_account(self):
        """Only one recipient meets the code (50002: account or user): others are the next probes, and the account runs."""
        self.begin(FAST, sim=["--fault", "bad=50002"])
        self.push(1, prefix="bad")
        self.push(30)
        self.sim.wait(delivered=30)
        self.check_once(APP_ID, 30)

    def test_rejected_tokens_of_one_message(self):
        """A message that is answered 40001 with every token waits longer and longer; the account goes on."""
        self.begin(dict(FAST, backoff="50ms, 10m"), sim=["--fault", "bad=40001"])
        self.push(1, prefix="bad")
        until(lambda: len([e for e in self.sim.journal() if e["openid"] == "bad0"]) >= 4 or pause(), "tried twice, with two tokens each")
        self.push(100)
        self.sim.wait(delivered=100)
        self.check_once(APP_ID, 100)
        self.assertEqual([(e["state"], e.get("failures", 0)) for e in self.operator.list(openid="bad0")], [("scheduled", 0)])

    def test_killed_while_probing(self):
        self.begin(FAST)
        self.sim.post("/sim/quota?appid=%s&daily=5" % APP_ID)
        self.push(100)
        self.until_stopped(45009)
        self.sim.post("/sim/latency", "300")
        for _ in range(3):
            for stage in ("sender-1", "broker", "sender-2", "templater-1", "token"):
                self.ring.restart(stage)
        self.sim.post("/sim/latency", "0")
        self.sim.post("/sim/quota?appid=%s&daily=0" % APP_ID)
        self.sim.wait(delivered=100)
        self.check_once(APP_ID, 100)


class Pace(Case):
    def test_minute(self):
        """45011: the account waits for WeChat's next minute, and in the end everything has arrived once."""
        self.begin(FAST, sim=["--minute", "1"])
        self.sim.post("/sim/quota?appid=%s&minute=40" % APP_ID)
        self.push(200)
        until(lambda: self.account().get("cause") == "pace" or pause(1), "waits for a minute")
        self.assertGreater(self.account()["rate_limit"], 0)  # and slower from then on
        self.sim.wait(delivered=200)
        self.check_once(APP_ID, 200)
        until(lambda: self.account()["sent"] == 200 or pause(), "all settled")
        self.assertEqual((self.account()["dead"], self.account()["refused"]), (0, 0))

    def test_told_to_the_next_start(self):
        """45011 of a call that was begun before the broker was killed: the account waits, and does not go at one a second afterwards."""
        self.begin(FAST, sim=["--latency", "1000", "--fault", "slow=45011*1"])
        self.push(1, prefix="slow")
        self.sim.wait(in_flight=1)
        self.ring.restart("broker")
        self.sim.post("/sim/latency", "0")
        until(lambda: "account waits, it called WeChat too fast" in self.ring["broker"].log() or pause(), "it was told")
        self.assertNotIn("rate_limit", self.account())
        self.push(100)
        self.sim.wait(delivered=101)

    def test_busy(self):
        """Nearly all answers are -1: the account slows down, nothing is dead, and all arrives when WeChat has recovered."""
        self.begin(FAST, sim=["--fault", "o=-1@0.9"])
        self.push(300)
        until(lambda: self.account().get("rate_limit", 0) > 0 or pause(), "slowed down")
        self.assertIn('why="WeChat is overloaded"', self.ring["broker"].log())
        self.assertNotIn("rate_limit", self.account("other"))
        self.sim.post("/sim/faults", "")
        self.sim.wait(delivered=300, seconds=120)
        self.check_once(APP_ID, 300)
        self.assertEqual(self.account()["dead"], 0)


class Template(Case):
    TEMPLATES = {key: '{"touser":"${OPENID}","template_id":"%s","data":{"first":{"value":"${n}"}}}' % key for key in ("test", "banned")}

    def test_tset_lets_it_go(self):
        """A banned template waits, in its account only; others go on; the text read anew releases it."""
        self.begin(FAST, templates=self.TEMPLATES, sim=["--fault", "bad=43116*1"])
        self.push(20, prefix="bad", key="banned")
        self.push(20, prefix="good")
        self.sim.wait(delivered=20)
        until(lambda: len(self.operator.list(state="paused")) == 20 or pause(), "all of it set aside")
        self.push(3, app="other", prefix="there", key="banned")  # another account's is another template
        self.sim.wait(delivered=23)
        self.sim.post("/sim/faults", "")
        self.assertEqual(self.client.ask_one(op="tset", key="banned")["code"], 200)
        self.sim.wait(delivered=43)
        until(lambda: not self.operator.ask("pauses")["data"] or pause(), "no pause is left")

    def test_resume_without_account(self):
        """The pause is one of a single account; whoever resumes the template as the advice says need not know which."""
        self.begin(FAST, templates=self.TEMPLATES, sim=["--fault", "bad=43116*1"])
        self.push(3, prefix="bad", key="banned")
        until(lambda: len(self.operator.list(state="paused")) == 3 or pause(), "all of it set aside")
        self.sim.post("/sim/faults", "")
        self.assertEqual(self.operator.ask("resume", filter={"key": "banned"})["code"], 200)
        self.sim.wait(delivered=3)
        until(lambda: not self.operator.ask("pauses")["data"] or pause(), "no pause is left")
        self.assertEqual(self.operator.ask("resume", filter={"key": "banned"})["code"], 404)

    def test_operators_pause_stays(self):
        """What an operator has paused himself is neither replaced nor ended by tset."""
        self.begin(FAST, templates=self.TEMPLATES)
        self.operator.ask("pause", filter={"app": "default", "key": "banned"}, by="me")
        self.push(2, key="banned")
        self.assertEqual(self.client.ask_one(op="tset", key="banned")["code"], 200)
        self.assertEqual([p["by"] for p in self.operator.ask("pauses")["data"]], ["me"])
        self.assertEqual(self.sim.get("/sim/stats")["calls"], 0)


if __name__ == "__main__":
    unittest.main()
