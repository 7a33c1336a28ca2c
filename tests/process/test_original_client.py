"""Task clients of the original service, unchanged, against the real set with the original's ini and table in a real MariaDB.

They must notice nothing: the same bytes, the same counts, a pause where something is killed, a stop at 500 and an end after it.
"""
import collections
import json
import os
import subprocess
import sys
import unittest

from mariadb import MariaDB, free_port
from original import OriginalRing, load_vectors, original_table, templates
from original_client import NoService, Task
from ring import LIMIT_S, pause, until

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "original_client.py")
KEY = "test"
SEND_OK, SEND_REFUSED = "send_ok_body_null", "send_errcode"  # of vectors.json


def with_opaque(answer, opaque):
    """A recorded answer as it would be for another opaque number."""
    at = 8 + int.from_bytes(answer[4:8], "big")
    return answer[:at] + opaque.to_bytes(4, "big") + answer[at + 4:]


class Client:
    """The client as users run it: one process for one task."""

    def __init__(self, port, rows, skip=0, key=KEY):
        self.process = subprocess.Popen([sys.executable, "-B", CLIENT, "127.0.0.1:%d" % port, key, "-", str(skip)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.process.stdin.write("".join(row + "\n" for row in rows))
        self.process.stdin.close()
        self.process.stdin = None  # communicate() is not to flush it again

    def end(self):
        """(exit status, its counts)"""
        out, err = self.process.communicate(timeout=LIMIT_S)
        assert out, err
        return self.process.returncode, json.loads(out.splitlines()[-1])


class OriginalClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vectors = {v["name"]: bytes.fromhex(v["original"].get("response_hex") or "") for v in load_vectors()["vectors"]}
        cls.mariadb = MariaDB().__enter__()
        cls.addClassCleanup(cls.mariadb.__exit__, None, None, None)
        original_table(cls.mariadb, templates(load_vectors()))

    def setUp(self):
        self.port = free_port()
        self.ring = OriginalRing(self.mariadb, listen_port=self.port, send_patience="2s", sim=["--faults-as-recorded", "--latency", "2-6"])
        self.ring.__enter__()
        self.addCleanup(self.ring.__exit__, None, None, None)
        self.sim = self.ring.sim

    def client(self, rows, **options):
        client = Client(self.port, rows, **options)
        self.addCleanup(client.process.stdout.close)
        self.addCleanup(client.process.stderr.close)
        self.addCleanup(client.process.kill)
        return client

    def delivered(self):
        return collections.Counter(e["openid"] for e in self.sim.delivered())

    def in_flight(self, count):
        until(lambda: self.sim.get("/sim/stats")["in_flight"] == count or pause(), "%d calls in flight" % count)

    def assert_done(self, end, success, failed):
        status, counts = end
        self.assertEqual((counts["success"], counts["failed"], counts["stopped"]), (success, failed, None), counts)
        self.assertEqual(status, 0)
        return counts

    def test_bytes_are_those_of_the_original(self):
        """Whatever the row: each answer is, byte for byte, the recorded one with this row's opaque, and comes before the next Send."""
        openids = ["bad0001" if i % 5 == 3 else "ok%d" % i for i in range(300)]
        rows = [(openid, '{"item":"tea"}' if i % 2 else "null") for i, openid in enumerate(openids)]
        task, heard = Task("127.0.0.1:%d" % self.port, KEY, rows), []
        task.heard = heard.append
        task.run()
        self.assertEqual((task.success, task.failed, task.repeated, task.stopped), (240, 60, 0, None))
        self.assertEqual(heard, [with_opaque(self.vectors[SEND_REFUSED if openid == "bad0001" else SEND_OK], i + 1)
                                 for i, openid in enumerate(openids)])
        calls = [e["openid"] for e in self.sim.journal()]
        self.assertEqual(calls, openids)  # one after the other, each once
        bodies = [json.loads(e["body"]) for e in self.sim.journal()[:2]]
        self.assertEqual([body.pop("client_msg_id") is not None for body in bodies], [True, True])
        template = json.loads(load_vectors()["templates"][KEY])
        self.assertEqual(bodies[0], dict(template, touser="ok0"))  # what has no value stays as it stands
        self.assertNotIn("${item}", json.dumps(bodies[1]))

    def test_unknown_template(self):
        counts = self.assert_done(self.client(["o1", "o2"], key="nokey").end(), 0, 2)
        self.assertEqual(counts["done"], 2)

    def test_gateway_killed_in_mid_task(self):
        """The clients connect again and finish with the right counts; twice gets it only who was outstanding at the kill."""
        tasks = [["bad%d-%d" % (t, i) if i % 7 == 0 else "t%d-%d" % (t, i) for i in range(210)] for t in range(5)]
        clients = [self.client(rows) for rows in tasks]
        self.sim.wait(delivered=200)
        self.sim.post("/sim/pause")
        self.in_flight(len(tasks))  # each client's one Send is with WeChat
        had_it = self.delivered()
        self.ring.restart("gateway-1")
        self.sim.post("/sim/resume")
        for client in clients:
            counts = self.assert_done(client.end(), 180, 30)
            self.assertGreaterEqual(counts["repeated"], 1)
        delivered = self.delivered()
        self.assertEqual(set(delivered), {o for rows in tasks for o in rows if not o.startswith("bad")})
        twice = {openid for openid, count in delivered.items() if count > 1}
        self.assertLessEqual(len(twice), len(tasks))
        self.assertEqual(max(delivered.values()), 2 if twice else 1)
        self.assertFalse(twice & set(had_it))

    def test_gateway_away(self):
        """With nobody listening the original's task ends and is started again: it goes on where it was."""
        rows = [("o%d" % i, "null") for i in range(40)]
        task = Task("127.0.0.1:%d" % self.port, KEY, rows, connect_s=0)
        task.heard = lambda _: task.done == 19 and self.ring["gateway-1"].kill()
        self.assertRaises(NoService, task.run)
        self.assertEqual((task.success, task.done), (20, 20))
        self.ring.restart("gateway-1")
        self.ring.port()
        self.assertEqual((task.run().success, task.stopped), (40, None))
        self.assertEqual(self.delivered(), {openid: 1 for openid, _ in rows})

    def test_everything_else_killed_in_mid_task(self):
        """Broker, templater, senders and token keeper: a pause, and neither a lost nor a doubled message."""
        tasks = [["t%d-%d" % (t, i) for i in range(200)] for t in range(3)]
        clients = [self.client(rows) for rows in tasks]
        for i, name in enumerate(("broker", "sender-1", "templater-1", "token", "sender-2")):
            self.sim.wait(delivered=50 + 80 * i)
            self.ring.restart(name)
        for client in clients:
            self.assertEqual(self.assert_done(client.end(), 200, 0)["repeated"], 0)
        self.assertEqual(self.delivered(), {openid: 1 for rows in tasks for openid in rows})

    def test_stopped_by_500_and_resumed(self):
        """A used-up quota stops all tasks; after it each is resumed at its row, and everybody has it once."""
        tasks = [["t%d-%d" % (t, i) for i in range(120)] for t in range(3)]
        self.sim.post("/sim/quota?daily=100")
        ends = [client.end() for client in [self.client(rows) for rows in tasks]]
        for status, counts in ends:
            self.assertEqual(status, 4)
            self.assertTrue(counts["stopped"])
            self.assertEqual((counts["success"], counts["failed"]), (counts["done"], 0))
        self.assertEqual(sum(counts["success"] for _, counts in ends), 100)
        self.assertTrue(any("45009" in counts["stopped"] for _, counts in ends), ends)
        status, counts = self.client(tasks[0], skip=ends[0][1]["done"]).end()
        self.assertEqual((status, counts["success"]), (4, 0))  # it is still stopped, and says so at once
        self.assertIn("account stopped", counts["stopped"])
        self.sim.post("/sim/new-day")
        self.sim.post("/sim/quota?daily=0")
        self.ring.operator().ask("resume", filter={"app": "default"})
        probe = self.ring.tcp()  # WeChat takes it again when one message got through
        until(lambda: probe.ask("send probe %s" % KEY, 1, "null")[0] == 200 or pause(), "the account runs again")
        clients = [self.client(rows, skip=counts["done"]) for rows, (_, counts) in zip(tasks, ends)]
        for client, (_, before) in zip(clients, ends):
            self.assert_done(client.end(), 120 - before["done"], 0)
        delivered = self.delivered()
        del delivered["probe"]
        self.assertEqual(delivered, {openid: 1 for rows in tasks for openid in rows})

    def test_one_recipient_that_wechat_fails_for(self):
        """WeChat answers HTTP 500 for one recipient at every attempt: 500, as from the original; the connection stays usable."""
        rows = [("ok1", "null"), ("h5001", "null"), ("ok2", "null")]
        task = Task("127.0.0.1:%d" % self.port, KEY, rows).run()
        self.assertEqual((task.success, task.done), (1, 1))
        self.assertIn("WeChat", task.stopped)
        task.done += 1  # its user leaves that one out
        self.assertEqual((task.run().success, task.stopped), (2, None))


if __name__ == "__main__":
    unittest.main()
