"""Rates with the whole ring: a template at its rate delays nobody, keeps its order and its rate, and survives a restart; the rate of
an account is changed while the broker runs."""
import subprocess
import unittest

from ring import BIN, Ring, SIMPLE, pause, until

SLOW = SIMPLE[:-1] + ',"$mega":{"rate":%d}}'


def most_within(entries, window_ms):
    """The most calls that arrived within any such time."""
    times, first, most = sorted(e["t"] for e in entries), 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= window_ms:
            first += 1
        most = max(most, last - first + 1)
    return most


def numbers(entries, prefix):
    """The numbers behind the prefix in the order in which WeChat got them."""
    values = [e["body"].split('"value":"')[1].split('"')[0] for e in entries]
    return [int(v[len(prefix):]) for v in values if v.startswith(prefix)]


class RatesCase(unittest.TestCase):
    def start(self, template_rate=None, account_rate=0):
        templates = {"test": SIMPLE}
        if template_rate:
            templates["slow"] = SLOW % template_rate
        # One call at a time, so that they arrive in the order in which they were given out.
        self.ring = Ring(templates=templates, senders=1, sim=["--latency", "1"],
                         conf={"wechat": {"rate": str(account_rate)}, "sender": {"slots": "1"}})
        self.ring.__enter__()
        self.addCleanup(self.ring.__exit__, None, None, None)
        self.connect()

    def connect(self):
        self.client, self.operator = self.ring.client(), self.ring.operator()

    def restart_broker(self):
        self.ring.restart("broker")
        self.ring.wait_ready()
        self.connect()

    def push(self, key, prefix, count, **members):
        requests = [dict(dict(op="push", id="%s%d" % (prefix, i), openid="o-%s%d" % (prefix, i), key=key,
                              vars={"n": "%s%d" % (prefix, i)}), **members) for i in range(count)]
        for result in self.client.ask(*requests):
            self.assertEqual(result["code"], 200, result)

    def delivered(self, prefix):
        return [e for e in self.ring.sim.delivered() if e["openid"].startswith("o-" + prefix)]

    def wait_delivered(self, prefix, count):
        until(lambda: len(self.delivered(prefix)) >= count or pause(100), "%d of %s delivered" % (count, prefix))


class TemplateRates(RatesCase):
    def test_rate_and_order(self):
        """The journal has times of arrival: what stood still between the broker and there comes closer together. So no second has
        much more than its rate, and all of them together take as long as they must."""
        self.start(template_rate=20)
        self.push("slow", "s", 100)
        self.push("test", "t", 200)
        self.push("slow", "s2-", 20)
        self.wait_delivered("t", 200)
        self.wait_delivered("s", 120)
        slow = self.delivered("s")
        self.assertEqual(len(slow), 120)
        self.assertEqual(numbers(slow, "s2-"), list(range(20)))
        first = numbers([e for e in slow if not e["openid"].startswith("o-s2-")], "s")
        self.assertEqual(first, list(range(100)))
        self.assertLessEqual(most_within(slow, 1000), 20 * 1.1 + 1 + 20)
        self.assertLessEqual(most_within(slow, 3000), 60 * 1.1 + 1 + 20)
        self.assertGreaterEqual(slow[-1]["t"] - slow[0]["t"], (119 / 20 - 1) * 1000)

    def test_others_go_on_and_a_restart_keeps_it(self):
        """At one a second the backlog is there for as long as the test runs; then the template loses its rate."""
        self.start(template_rate=1)
        self.push("slow", "s", 200)
        self.push("test", "t", 300)
        self.wait_delivered("t", 300)
        self.assertLess(len(self.delivered("s")), 200)
        depth = self.operator.status()["depth"]
        self.assertGreater(depth["paced"], 0)
        self.assertEqual(depth["paused"], 0)
        self.assertGreaterEqual(depth["ready"], depth["paced"])
        entry = self.operator.ask("show", filter={"id": "s199"})["data"]
        self.assertEqual(entry["state"], "ready")
        self.restart_broker()
        self.push("test", "u", 50)
        self.wait_delivered("u", 50)
        self.assertGreater(self.operator.status()["depth"]["paced"], 0)
        self.assertEqual(self.client.ask_one(op="cancel", id="s150")["state"], "cancelled")
        self.push("slow", "e", 1, ttl=300)
        until(lambda: self.client.ask_one(op="status", id="e0")["code"] == 408 or pause(), "expired where it is set aside")
        self.ring.write_template("slow", SIMPLE)
        self.assertEqual(self.client.ask_one(op="tset", key="slow")["code"], 200)
        self.wait_delivered("s", 199)
        self.assertEqual(numbers(self.delivered("s"), "s"), [n for n in range(200) if n != 150])
        self.assertEqual(self.operator.status()["depth"]["paced"], 0)
        self.assertEqual(self.delivered("e"), [])

    def test_paused_on_top(self):
        self.start(template_rate=1)
        self.push("slow", "s", 40)
        until(lambda: self.operator.status()["depth"]["paced"] > 0 or pause(), "set aside")
        self.operator.ask("pause", filter={"key": "slow"})

        def is_paused():
            depth = self.operator.status()["depth"]
            return (depth["paced"] == 0 and depth["out"] == 0 and depth["paused"] > 0 and depth["ready"] == 0) or pause()
        until(is_paused, "the pause has all of them")
        sent = len(self.delivered("s"))
        self.push("test", "t", 20)
        self.wait_delivered("t", 20)
        self.assertEqual(len(self.delivered("s")), sent)
        self.operator.ask("resume", filter={"key": "slow"})
        until(lambda: self.operator.status()["depth"]["paced"] > 0 or pause(), "at its rate again")


class AccountRates(RatesCase):
    def rate(self, *arguments):
        ended = subprocess.run([BIN + "/mega", "queue", "rate", "-c", self.ring.conf_path, *arguments], capture_output=True, text=True,
                               timeout=60, check=False)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        return ended.stdout

    def account(self):
        return self.operator.status()["accounts"][0]

    def test_changed_while_it_runs(self):
        self.start(account_rate=1)
        self.assertNotIn("rate_conf", self.account())
        self.push("test", "a", 200)
        self.assertIn("no limit", self.rate("--app", "default", "0"))
        self.wait_delivered("a", 200)
        self.rate("--app", "default", "20")
        self.assertEqual([(a["rate"], a["rate_conf"]) for a in [self.account()]], [(20, 1)])
        self.assertRegex(self.ring["broker"].log(), r'event="rate set" account=default messages_per_s=20 from=operator by=\S')
        self.restart_broker()
        self.assertEqual([(a["rate"], a["rate_conf"]) for a in [self.account()]], [(20, 1)])
        self.push("test", "b", 100)
        self.wait_delivered("b", 100)
        calls = self.delivered("b")
        self.assertEqual(numbers(calls, "b"), list(range(100)))
        self.assertLessEqual(most_within(calls, 1000), 20 * 1.1 + 1 + 20)
        self.assertGreaterEqual(calls[-1]["t"] - calls[0]["t"], (99 / 20 - 1) * 1000)
        self.assertIn("1/s", self.rate("--app", "default", "default"))
        self.assertEqual(self.account()["rate"], 1)
        self.assertNotIn("rate_conf", self.account())
        self.restart_broker()
        self.assertNotIn("rate_conf", self.account())

    def test_wrong_asks(self):
        self.start()
        for members, word in (({"filter": {"app": "none"}, "rate": 5}, "no such account"), ({"rate": 5}, "filter.app"),
                              ({"filter": {"app": "default"}, "rate": 1000001}, "rate: out of range")):
            answer = self.operator.ask("rate", **members)
            self.assertEqual(answer["code"], 400, answer)
            self.assertIn(word, answer["message"])
        self.assertEqual(self.account()["rate"], 0)


if __name__ == "__main__":
    unittest.main()
