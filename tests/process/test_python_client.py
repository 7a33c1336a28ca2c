"""The Python client against the real set: every method of both clients; nothing lost or doubled when the broker is killed under
load; waiting across a restart; threads; that it installs without network, and that its types are sound."""
import asyncio
import collections
import datetime
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

from python_client import FOLDER, Background, with_both
from mega_wechat import AsyncClient, Client, NoAnswer
from ring import SIMPLE, Ring, pause, until

PYTHON = "/usr/bin/python3"
serial = itertools.count()


def some_id():
    return "m%d" % next(serial)


def messages(name, numbers):
    return (dict(openid="o%s-%d" % (name, i), key="test", id="%s-%d" % (name, i), vars={"n": i}) for i in numbers)


def until_stopped(name, stopped):
    return itertools.takewhile(lambda message: not stopped.is_set(), messages(name, itertools.count()))


class Methods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(templates={"test": SIMPLE, "held": SIMPLE}).__enter__()
        cls.frontend = cls.ring.frontend
        answer = cls.ring.operator().ask("pause", filter={"key": "held"})
        assert answer["code"] == 200, answer

    @classmethod
    def tearDownClass(cls):
        cls.ring.__exit__(None, None, None)

    @with_both
    async def test_push_and_wait(self, mega, name):
        id = some_id()
        result = await mega.push("oA", "test", id=id, vars={"n": "1"})
        self.assertEqual((result.ok, result.code, result.id), (True, 200, id))
        result = await mega.wait(id)
        self.assertEqual((result.code, result.state, result.id), (200, "sent", id))
        self.assertIsInstance(result.msgid, int)
        self.assertEqual(await mega.status(id), result)

    @with_both
    async def test_id_is_made(self, mega, name):
        first, second = await mega.push("oA", "test", vars={"n": "1"}), await mega.push("oA", "test", vars={"n": "1"})
        self.assertEqual((first.code, second.code), (200, 200))
        self.assertNotEqual(first.id, second.id)
        self.assertEqual((await mega.wait(first.id)).state, "sent")

    @with_both
    async def test_send(self, mega, name):
        result = await mega.send("oA", "test", vars={"n": "1"})
        self.assertEqual((result.code, result.state, result.errcode), (200, "sent", None))

    @with_both
    async def test_refusal_is_a_result(self, mega, name):
        result = await mega.push("oA", "absent")
        self.assertEqual((result.ok, result.code), (False, 400))
        self.assertIn("template key not exists", result.message)
        self.assertEqual((await mega.status("never-heard-of")).code, 404)
        self.assertEqual((await mega.wait("never-heard-of")).code, 404)

    @with_both
    async def test_check_keeps_nothing(self, mega, name):
        id = some_id()
        self.assertEqual((await mega.check("oA", "test", id=id, vars={"n": "1"})).code, 200)
        self.assertEqual((await mega.check("oA", "absent", id=id)).code, 400)
        self.assertEqual((await mega.status(id)).code, 404)

    @with_both
    async def test_times_and_cancel(self, mega, name):
        """in_ and at keep a message waiting; what waits can be taken back by id, and by recipient, task and template."""
        day = datetime.timedelta(days=1)
        ids, openid = [some_id() for _ in range(4)], "o" + some_id()
        for id, time in zip(ids, (dict(in_=day), dict(in_=86400000), dict(at=datetime.datetime.now(datetime.timezone.utc) + day),
                                  dict(in_=day, ttl=day, lane="express"))):
            self.assertEqual((await mega.push(openid, "test", id=id, task="t" + openid, vars={"n": 1}, **time)).state, "waiting")
        self.assertEqual((await mega.status(ids[2])).code, 100)
        self.assertEqual((await mega.cancel(ids[0])).state, "cancelled")
        self.assertEqual((await mega.status(ids[0])).code, 409)
        self.assertEqual((await mega.cancel(openid=openid, key="held")).count, 0)
        self.assertEqual((await mega.cancel(openid=openid, key="test", task="t" + openid)).count, 3)
        self.assertEqual((await mega.wait(ids[3])).state, "cancelled")

    @with_both
    async def test_variables_arrive(self, mega, name):
        for value, text in (("茶", "茶"), (7, "7"), (-2**63, str(-2**63)), (2**64 - 1, str(2**64 - 1)), (10**40, "1" + "0" * 40),
                            (-10**254, "-1" + "0" * 254), (1.5, "1.5"), (True, "1"), (None, "")):
            openid = "o" + some_id()
            self.assertEqual((await mega.send(openid, "test", vars={"n": value})).state, "sent")
            sent = [json.loads(e["body"]) for e in self.ring.sim.journal() if e["openid"] == openid]
            self.assertEqual([body["data"]["first"]["value"] for body in sent], [text])

    @with_both
    async def test_tset_and_ping(self, mega, name):
        self.assertEqual((await mega.tset("test")).code, 200)
        self.assertEqual((await mega.tset("absent")).code, 400)
        self.assertEqual((await mega.ping()).state, "ready")

    @with_both
    async def test_push_many(self, mega, name):
        """Results come in the order of the messages, the last of which is refused."""
        many = list(messages("many" + name, range(300))) + [dict(openid="oA", key="absent", id="absent" + name)]
        results = await mega.push_many(many, window=50)
        self.assertEqual([result.id for result in results], [message["id"] for message in many])
        self.assertEqual([result.code for result in results], [200] * 300 + [400])

    @with_both
    async def test_time_is_up(self, mega, name):
        """A send that waits for a pause: no answer in time, and the error names the id, under which it is found."""
        with self.assertRaises(NoAnswer) as caught:
            await mega.send("oHeld", "held", vars={"n": "1"}, timeout=0.5)
        self.assertEqual((await mega.status(caught.exception.id)).code, 100)
        self.assertEqual((await mega.cancel(caught.exception.id)).state, "cancelled")

    def test_threads(self):
        with Client(self.frontend) as mega:
            def load(n):
                return [mega.push("oT%d" % n, "test", id="t%d-%d" % (n, i), vars={"n": i}) for i in range(100)]
            threads = [Background(lambda n=n: load(n)) for n in range(8)]
            results = [result for thread in threads for result in thread.result()]
        self.assertEqual([(r.id, r.code) for r in results], [("t%d-%d" % (n, i), 200) for n in range(8) for i in range(100)])

    def test_tasks(self):
        async def run():
            async with AsyncClient(self.frontend) as mega:
                return await asyncio.gather(*(mega.send("oG%d" % i, "test", vars={"n": i}) for i in range(200)))
        self.assertEqual({result.state for result in asyncio.run(run())}, {"sent"})


class Restarts(unittest.TestCase):
    def test_killed_under_load(self):
        """Thousands of pushes by both clients while the broker is killed four times: each message is delivered once."""
        with Ring() as ring:
            stopped, results = threading.Event(), {"a": [], "b": []}

            def blocking():
                with Client(ring.frontend) as mega:
                    for result in mega.push_many(until_stopped("b", stopped)):
                        results["b"].append(result)

            async def coroutine():
                async with AsyncClient(ring.frontend) as mega:
                    async for result in mega.push_many(until_stopped("a", stopped)):
                        results["a"].append(result)
            loads = [Background(blocking), Background(lambda: asyncio.run(coroutine()))]
            for _ in range(4):
                enough = {name: len(done) + 400 for name, done in results.items()}
                until(lambda: pause() or all(len(results[name]) > enough[name] for name in enough), "the load is flowing")
                ring.restart("broker")
            stopped.set()
            for load, name in zip(loads, "ba"):
                load.result()
                self.assertEqual([(r.id, r.code) for r in results[name]],
                                 [("%s-%d" % (name, i), 200) for i in range(len(results[name]))])
            ids = [result.id for name in results for result in results[name]]
            ring.sim.wait(delivered=len(ids))
            times = collections.Counter(entry["openid"] for entry in ring.sim.journal())
            self.assertEqual(times, {"o" + id: 1 for id in ids})

    def test_wait_across_a_restart(self):
        """Those who wait for an outcome are answered by the next broker, long before they would ask again by themselves."""
        with Ring() as ring:
            operator = ring.operator()
            self.assertEqual(operator.ask("pause", filter={"key": "test"})["code"], 200)

            async def run(blocking):
                async with AsyncClient(ring.frontend) as mega:
                    await mega.push("oA", "test", id="w", vars={"n": "1"})
                    tasks = [asyncio.create_task(call) for call in (mega.wait("w"), mega.send("oB", "test", vars={"n": "2"}))]
                    thread = Background(lambda: blocking.wait("w"))
                    until(lambda: len(blocking._unanswered) == 1, "asked")
                    await asyncio.to_thread(until, lambda: len(mega._unanswered) == len(tasks) or pause(), "both ask")
                    await mega.ping()  # answered behind what was asked before it
                    blocking.ping()
                    ring.restart("broker")
                    self.assertEqual(operator.ask("resume", filter={"key": "test"})["code"], 200)
                    results = await asyncio.wait_for(asyncio.gather(*tasks), 12)
                    return results + [thread.result(12)]
            with Client(ring.frontend) as blocking:
                results = asyncio.run(run(blocking))
            self.assertEqual([(r.code, r.state) for r in results], [(200, "sent")] * 3)

    def test_broker_comes_late(self):
        """A request is kept while there is no broker, and answered when one has come."""
        with Ring() as ring:
            ring["broker"].kill()
            with Client(ring.frontend) as mega:
                with self.assertRaises(NoAnswer) as caught:
                    mega.push("oA", "test", id="late-1", vars={"n": "1"}, timeout=0.2)
                self.assertEqual(caught.exception.id, "late-1")
                thread = Background(lambda: mega.push("oA", "test", id="late-2", vars={"n": "2"}))
                ring["broker"].start()
                self.assertEqual(thread.result().code, 200)
                self.assertEqual(mega.wait("late-2").state, "sent")
                self.assertEqual(mega.status("late-1").code, 404)  # whoever gave up sends nothing afterwards


class Package(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mega-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.source = os.path.join(self.folder, "python")
        shutil.copytree(FOLDER, self.source, ignore=shutil.ignore_patterns("__pycache__"))

    def run_in(self, *command):
        environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONPATH="")
        done = subprocess.run(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, "%s:\n%s" % (command, done.stdout))
        return done.stdout

    def test_install(self):
        """By pip, without network, into an environment of its own; imported from there."""
        self.run_in(PYTHON, "-m", "venv", "--system-site-packages", "--without-pip", "venv")
        python = os.path.join(self.folder, "venv/bin/python")
        self.run_in(python, "-m", "pip", "install", "--no-index", "--no-build-isolation", "--no-cache-dir", self.source)
        where = self.run_in(python, "-c", "import mega_wechat; mega_wechat.Client().close(); print(mega_wechat.__file__)")
        self.assertIn(os.path.join(self.folder, "venv"), where)
        self.assertTrue(os.path.exists(os.path.join(os.path.dirname(where.strip()), "py.typed")))
        self.assertIn("mega-wechat", self.run_in(python, "-m", "pip", "list", "--format=freeze"))

    def test_types(self):
        self.run_in(PYTHON, "-m", "mypy", "--strict", "--cache-dir", os.path.join(self.folder, "cache"), "--config-file",
                    os.path.join(self.source, "pyproject.toml"), os.path.join(self.source, "mega_wechat"))


if __name__ == "__main__":
    unittest.main()
