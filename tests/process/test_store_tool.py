"""mega-store: a backup of a running broker, the check of a store, the rescue of a damaged one, and what the broker says of one."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

from ring import BIN, LIMIT_S, Process, Ring, pause, until

PAGE = 4096
STORE = os.path.join(BIN, "mega-store")
CRASHES = ("Sanitizer", "runtime error", "Assertion", "Segmentation")


def run(*arguments, seconds=120):
    """Runs mega-store. Whatever happens, it ends with one of its own statuses."""
    done = subprocess.run([STORE] + [str(a) for a in arguments], capture_output=True, text=True, timeout=seconds)
    assert done.returncode in (0, 1, 2, 3), (arguments, done)
    assert not any(word in done.stdout + done.stderr for word in CRASHES), (arguments, done)
    return done


def verify(folder, *arguments):
    """The status, what is wrong, and the summary."""
    done = run("verify", folder, "--json", *arguments)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, [line for line in lines if "problem" in line], lines[-1] if lines else {}


class Load(threading.Thread):
    """Pushes in the background: some at once, some for later, some with a task."""

    def __init__(self, ring, name="l", later=3):
        super().__init__()
        self.client, self.name_, self.later = ring.client(), name, later
        self.stopped, self.error, self.accepted = threading.Event(), None, []

    def run(self):
        try:
            while not self.stopped.is_set():
                self.one_round()
        except BaseException as error:  # reported by finish()
            self.error = error

    def one_round(self):
        requests = []
        for i in range(100):
            name = "%s-%d" % (self.name_, len(self.accepted) + i)
            more = {"in": 3600000} if self.later and i % self.later == 0 else {}
            requests.append(dict(more, op="push", id=name, openid="o" + name, key="test", task="t%d" % (i % 3), vars={"n": name}))
        for request, result in zip(requests, self.client.ask(*requests)):
            assert result["code"] == 200, (request, result)
            self.accepted.append(request["id"])

    def finish(self):
        self.stopped.set()
        self.join()
        if self.error:
            raise self.error


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mega-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_conf(self, ring, store, name="copy"):
        """The configuration of a broker of its own on another store."""
        with open(ring.conf_path) as f:
            text = f.read()
        text = text.replace("queue_file_path = store", "queue_file_path = " + store)
        text = text.replace(ring.frontend, "ipc://%s" % self.path(name + ".ipc"))
        text = text.replace("dir = run", "dir = " + self.path(name + "-run"))
        with open(self.path(name + ".conf"), "w") as f:
            f.write(text)
        return self.path(name + ".conf")

    def copy_store(self, ring, to):
        """As it lies there: nothing may have it open."""
        os.mkdir(self.path(to))
        shutil.copy(os.path.join(ring.folder, "store", "data.mdb"), self.path(to))
        return self.path(to)


class Backup(Folder):
    def test_while_pushing(self):
        """What was accepted before the backup began is in it, and it is without fault."""
        with Ring(sim=["--latency", "5-30"]) as ring:
            load = Load(ring)
            load.start()
            try:
                for number in range(3):
                    until(lambda: len(load.accepted) >= 1000 * (number + 1) or pause(), "load")
                    before = list(load.accepted)
                    to = self.path("backup%d" % number)
                    done = run("backup", os.path.join(ring.folder, "store"), to, "--json")
                    self.assertEqual(done.returncode, 0, done)
                    counts = json.loads(done.stdout)
                    self.assertGreaterEqual(counts["waiting"] + counts["out"] + counts["results"], len(before))
                    self.assertEqual(counts["bytes"], os.path.getsize(os.path.join(to, "data.mdb")))
                    self.assertEqual(os.stat(to).st_mode & 0o777, 0o750)
                    self.assertEqual(os.stat(os.path.join(to, "data.mdb")).st_mode & 0o777, 0o640)
                    status, problems, result = verify(to)
                    self.assertEqual((status, problems), (0, []), result)
                    status, problems, result = verify(os.path.join(ring.folder, "store"))
                    self.assertEqual((status, problems), (0, []), result)
            finally:
                load.finish()
            self.check_holds(ring, to, before)

    def check_holds(self, ring, store, ids):
        """A second broker on the copy knows all of them."""
        broker = Process(self.folder, "copy", "mega-broker", ["-c", self.write_conf(ring, store)]).start()
        client = ring.client()
        client.socket.connect("ipc://" + self.path("copy.ipc"))
        client.socket.disconnect(ring.frontend)
        try:
            states = [r.get("state") for r in client.ask(*[dict(op="status", id=x) for x in ids])]
            self.assertEqual(set(states) - {"waiting", "out", "sent"}, set(), broker.log()[-2000:])
        finally:
            broker.kill()

    def test_no_broker(self):
        """The broker was killed; the configuration names the store."""
        with Ring(sim=["--latency", "5-30"]) as ring:
            load = Load(ring)
            load.start()
            until(lambda: len(load.accepted) >= 500 or pause(), "load")
            ring["broker"].kill()
            load.stopped.set()
            self.assertEqual(run("backup", "-c", ring.conf_path, self.path("b")).returncode, 0)
            self.assertEqual(run("verify", "--config", ring.conf_path).returncode, 0)
            self.assertEqual(verify(self.path("b"))[:2], (0, []))
            ring["broker"].start()
            load.finish()

    def test_refused(self):
        with Ring() as ring:
            store = os.path.join(ring.folder, "store")
            ring.client().ask(dict(op="push", id="a", openid="o", key="test"))
            os.mkdir(self.path("there"))
            for to in (self.path("there"), self.path("none/b")):
                done = run("backup", store, to)
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(to, done.stderr)
            done = run("backup", store, self.path("b"), "--min-free", "900000G")
            self.assertEqual(done.returncode, 1)
            self.assertIn("--min-free", done.stderr)
            self.assertEqual(os.listdir(self.folder), ["there"])
            self.assertEqual(os.listdir(self.path("there")), [])
            self.assertEqual(run("backup", self.path("none"), self.path("b")).returncode, 3)

    def test_full_disk(self):
        """A disk of one megabyte, where root may make one."""
        disk = self.path("disk")
        os.mkdir(disk)
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).returncode:
            self.skipTest("no disk of its own can be made here")
        self.addCleanup(subprocess.run, ["umount", disk])
        with Ring(sim=["--latency", "1000"]) as ring:
            big = "x" * 2000
            ring.client().ask(*[dict(op="push", id=str(i), openid="o", key="test", vars={"n": big}) for i in range(1000)])
            for least in ("0", "100K"):
                done = run("backup", os.path.join(ring.folder, "store"), os.path.join(disk, "b"), "--min-free", least)
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(disk, done.stderr)
                self.assertEqual(os.listdir(disk), [])

    def test_store_that_grows(self):
        """What is freed while a backup reads is not reused: it gives up before the store is full."""
        with Ring(sim=["--latency", "1-5"], conf={"broker": {"store_size": "512M"}}) as ring:
            load = Load(ring)
            load.start()
            try:
                until(lambda: len(load.accepted) >= 500 or pause(), "load")
                done = run("backup", "-c", ring.conf_path, self.path("b"), "--rate", "100K", "--min-free", "511M")
            finally:
                load.finish()
            self.assertEqual(done.returncode, 1, done)
            self.assertTrue("store_size" in done.stderr or "511 MiB" in done.stderr, done)
            self.assertEqual(os.listdir(self.folder), [])

    def test_ended(self):
        """TERM and INT leave nothing; after a kill there is no TO either."""
        with Ring(sim=["--latency", "1000"]) as ring:
            load = Load(ring)
            for _ in range(30):
                load.one_round()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
                process = subprocess.Popen([STORE, "backup", os.path.join(ring.folder, "store"), self.path("b"), "--rate", "50K"],
                                           stderr=subprocess.PIPE, text=True)
                until(lambda: [n for n in os.listdir(self.folder) if os.path.exists(self.path(n + "/data.mdb"))
                               and os.path.getsize(self.path(n + "/data.mdb"))] or pause(), "it copies")
                process.send_signal(number)
                process.communicate(timeout=LIMIT_S)
                self.assertEqual(process.returncode, -9 if number == signal.SIGKILL else 1)
                left = os.listdir(self.folder)
                self.assertNotIn("b", left)
                self.assertTrue(number == signal.SIGKILL or left == [], left)
            # The reader that was killed is forgotten, and all goes on.
            self.assertEqual(run("backup", os.path.join(ring.folder, "store"), self.path("b")).returncode, 0)


class Damaged(Folder):
    """Tests on copies of one store."""

    @classmethod
    def setUpClass(cls):
        """A store in which much has happened; nothing has it open."""
        cls.source = tempfile.mkdtemp(prefix="mega-test-")
        with Ring(sim=["--latency", "1-10"]) as ring:
            load = Load(ring)
            for _ in range(20):
                load.one_round()
            ring.client().ask(*[dict(op="cancel", id=x) for x in load.accepted[::30]])
            ring.sim.wait(delivered=500)
            ring["broker"].kill()
            shutil.copy(os.path.join(ring.folder, "store", "data.mdb"), cls.source)
        with open(os.path.join(cls.source, "data.mdb"), "rb") as f:
            cls.data = f.read()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.source, ignore_errors=True)

    def make(self, data, name="store"):
        shutil.rmtree(self.path(name), ignore_errors=True)
        os.mkdir(self.path(name))
        with open(self.path(name + "/data.mdb"), "wb") as f:
            f.write(data)
        return self.path(name)


class Verify(Damaged):
    def test_healthy(self):
        status, problems, result = verify(self.make(self.data))
        self.assertEqual((status, problems), (0, []))
        self.assertEqual(result["waiting"] + result["out"] + result["results"], 2000)

    def test_flipped_byte(self):
        """In the id of a message, which stands in its record, in its key among the ids, and maybe in pages that are out of date."""
        found = set()
        for at in [m.start() for m in re.finditer(b"ol-30[^0-9]", self.data)]:
            data = bytearray(self.data)
            data[at + 3] ^= 1
            status, problems, _ = verify(self.make(bytes(data)))
            found |= {p["problem"] for p in problems}
            self.assertEqual(status, 1 if problems else 0)
        self.assertIn("damaged value", found)

    def test_cut_and_empty(self):
        for data in (self.data[:len(self.data) // 2], self.data[:3 * PAGE], self.data[:PAGE], self.data[:100], b"", b"no store" * 5000):
            status, problems, _ = verify(self.make(data))
            self.assertEqual(status, 3)
            self.assertTrue(problems)
        self.assertEqual(run("verify", self.path("none")).returncode, 3)

    def test_zeroed_and_garbage(self):
        """Never a crash, whatever stands in the pages."""
        pages, seen = len(self.data) // PAGE, set()
        for seed in range(50):
            dice, data = random.Random(seed), bytearray(self.data)
            for _ in range(dice.choice((1, 2, 5, 20, 100))):
                at = dice.randrange(pages) * PAGE
                data[at:at + PAGE] = bytes(PAGE) if seed % 5 == 0 else dice.randbytes(PAGE)
            status, problems, result = verify(self.make(bytes(data)))
            seen.add(status)
            self.assertIn(status, (0, 1, 3))
            self.assertLessEqual(len(problems), 200)
            self.assertEqual(status == 0, result["problems"] == 0)
            run("backup", self.path("store"), self.path("b%d" % seed), "--rate", "0", "--min-free", "0")
        self.assertIn(3, seen)

    def test_usage(self):
        for arguments in ([], ["frob"], ["backup"], ["backup", "a", "b", "c"], ["verify", "a", "b"], ["rescue", "a"], ["rescue"],
                          ["backup", "a", "b", "--rate", "x"], ["verify", "--min-free", "-1", "a"], ["--frob"], ["verify", ""],
                          ["verify", "-c", "/none"], ["verify", "a", "-c", "b"], ["rescue", "-c", "a", "b", "c"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, done)
            self.assertTrue(done.stderr)
        self.assertIn("rescue FROM TO", run("--help").stdout)
        self.assertEqual(run("--version").returncode, 0)

    def test_rescue_of_nothing(self):
        for data in (b"", b"no store" * 5000):
            done = run("rescue", self.make(data), self.path("new%d" % len(data)))
            self.assertEqual(done.returncode, 1, done)
            self.assertEqual(verify(self.path("new%d" % len(data)))[:2], (0, []))
        self.assertEqual(run("rescue", self.path("none"), self.path("x")).returncode, 3)
        self.assertEqual(run("rescue", self.make(self.data), self.path("new0")).returncode, 3)

    def test_rescue(self):
        """Of damage of every kind; what is made is without fault. What is in it is compared in tests/unit/test_store_salvage.c."""
        pages = len(self.data) // PAGE
        for seed in range(20):
            dice, data = random.Random(seed), bytearray(self.data)
            for _ in range(dice.choice((0, 1, 2, 5, 20))):
                at = dice.randrange(pages) * PAGE
                data[at:at + PAGE] = dice.randbytes(PAGE)
            to = self.path("new%d" % seed)
            done = run("rescue", self.make(bytes(data)), to, "--json")
            self.assertIn(done.returncode, (0, 1), done)
            status, problems, result = verify(to)
            self.assertEqual((status, problems), (0, []))
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            rescued = lines[-1]
            self.assertEqual(sum("lost" in line for line in lines[:-1]), rescued["lost"], "every lost one is named")
            for name in ("waiting", "out", "results", "dead"):
                self.assertEqual(result[name], rescued[name])


class Rescue(Folder):
    def test_goes_on(self):
        """The way back of docs/operations.md: nothing is sent twice, all that is left is sent."""
        for seed, count in ((1, 3), (2, 1), (3, 12)):
            with self.subTest(seed=seed), Ring(sim=["--latency", "20-60"], senders=1) as ring:
                load = Load(ring, later=0)
                for _ in range(20):
                    load.one_round()
                ring.sim.wait(delivered=300)
                for stage in ring.stages.values():
                    stage.kill()
                self.damage(ring, seed, count)
                lost = self.rescue(ring, seed)
                for stage in ring.stages.values():
                    ring.forget_ports(stage.name)
                    stage.start()
                ring.wait_ready()
                self.compare(ring, load.accepted, lost, forgotten=0 if count == 1 else 40)

    def damage(self, ring, seed, count):
        path, dice = os.path.join(ring.folder, "store", "data.mdb"), random.Random(seed)
        with open(path, "r+b") as f:
            for _ in range(count):
                f.seek(dice.randrange(2, os.path.getsize(path) // PAGE) * PAGE)
                f.write(dice.randbytes(PAGE))

    def rescue(self, ring, seed):
        """Returns the ids that are reported as lost."""
        store = os.path.join(ring.folder, "store")
        done = run("rescue", store, store + ".new", "--json")
        self.assertIn(done.returncode, (0, 1), done)
        self.assertEqual(verify(store + ".new")[:2], (0, []))
        for name in ("data.mdb", "lock.mdb", "store.lock"):
            os.rename(os.path.join(store, name), os.path.join(store, name + ".damaged"))
        os.rename(os.path.join(store + ".new", "data.mdb"), os.path.join(store, "data.mdb"))
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        lost = [line["lost"] for line in lines[:-1] if "lost" in line]
        self.assertEqual(len(lost), lines[-1]["lost"], "every lost one is listed")
        return set(lost)

    def compare(self, ring, accepted, lost, forgotten):
        """Of so many at most both the message and its id may have stood in damaged pages."""
        client, results = ring.client(), {}

        def settled():
            answers = client.ask(*[dict(op="status", id=x) for x in accepted])
            results.update((x, r) for x, r in zip(accepted, answers))
            return not {r.get("state") for r in answers} & {"waiting", "out"}
        until(settled, "all are settled")
        delivered = [e["openid"] for e in ring.sim.delivered()]
        self.assertEqual(len(delivered), len(set(delivered)), "delivered twice")
        for name, result in results.items():
            if result.get("state") == "sent":
                self.assertIn("o" + name, delivered)
            elif result.get("state") == "dead":
                self.assertIn("may have arrived", result["message"])
            elif result["code"] == 404:
                forgotten -= 1
            else:
                self.assertEqual((result["code"], name in lost), (500, True), result)
        self.assertGreaterEqual(forgotten, 0)
        self.assertGreater(len(delivered), len(accepted) * 0.8)

    def test_of_a_running_broker(self):
        with Ring() as ring:
            done = run("rescue", os.path.join(ring.folder, "store"), self.path("new"))
            self.assertEqual(done.returncode, 3)
            self.assertIn("stop it first", done.stderr)
            self.assertEqual(os.listdir(self.folder), [])


class Broker(Damaged):
    def test_says_where_to_look(self):
        """What the broker itself makes of such a store: it goes on, or it ends and names the way back."""
        pages, ended, named = len(self.data) // PAGE, 0, 0
        with Ring() as ring:
            conf = self.write_conf(ring, self.path("store"))
            for seed in range(25):
                dice, data = random.Random(seed), bytearray(self.data)
                for page in range(2, pages):
                    if dice.random() < (0.02, 0.1, 0.5, 1)[seed % 4]:
                        data[page * PAGE:(page + 1) * PAGE] = bytes(PAGE) if seed % 3 == 0 else dice.randbytes(PAGE)
                self.make(bytes(data))
                broker = Process(self.folder, "broker-%d" % seed, "mega-broker", ["-c", conf]).start()
                until(lambda: not broker.alive() or "event=ready" in broker.log() or pause(), "the broker is ready or ends")
                if not broker.alive():
                    ended += 1
                    named += "A damaged store" in broker.log()
                    # LMDB also writes beyond its own buffers where pages are garbage: a sanitizer or malloc may see that first.
                    self.assertRegex(broker.log(), r'A damaged store|event="store (failed|cannot be opened)"|AddressSanitizer|malloc|free\(\)',
                                     "exit %d" % broker.process.returncode)
                broker.kill()
        self.assertGreater(named, 5)
        self.assertGreater(named, ended * 0.7)


if __name__ == "__main__":
    unittest.main()
