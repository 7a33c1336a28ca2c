"""`mega task` with the real set: from a file to WeChat and back to a file, over restarts of mega-task."""
import csv
import json
import os
import subprocess
import unittest

from ring import BIN, LIMIT_S, Ring, SIMPLE, pause, until

TEMPLATES = {"test": SIMPLE}


class TaskCli(unittest.TestCase):
    def setUp(self):
        self.ring = Ring(templates=TEMPLATES, sim=["--fault", "bad=43004"], task=True)
        self.ring.__enter__()
        self.addCleanup(self.ring.__exit__, None, None, None)

    def path(self, name):
        return os.path.join(self.ring.folder, name)

    def write(self, name, rows):
        with open(self.path(name), "w", encoding="utf-8", newline="") as f:
            csv.writer(f).writerows(rows)
        return self.path(name)

    def start(self, *arguments, **more):
        ends = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ends.update(more)
        process = subprocess.Popen([os.path.join(BIN, "mega"), "task", *arguments, "-c", self.ring.conf_path], **ends)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def end(self, process, status=0):
        out, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, status, (out, err))
        return out.decode(), err.decode()

    def mega(self, *arguments, status=0):
        return self.end(self.start(*arguments), status)

    def show(self, name):
        return json.loads(self.mega("show", name, "--json")[0])

    def delivered(self):
        return sorted(json.loads(e["body"])["touser"] for e in self.ring.sim.delivered())

    def test_all_followers(self):
        """By the real mega-wechat, in two pages and an empty one."""
        self.ring.sim.post("/sim/followers?count=12000")
        out, _ = self.mega("create", "--key", "test", "--followers", "--var", "n=hello", "--name", "all")
        self.assertIn("all: 12000 rows from followers", out)
        self.assertEqual(len(self.ring.sim.journal(path="/cgi-bin/user/get")), 3)
        self.mega("start", "all")
        self.mega("watch", "all")
        self.assertEqual(len(set(self.delivered())), 12000)
        self.assertIn('"value":"hello"', self.ring.sim.delivered()[0]["body"])

    def test_from_file_to_file(self):
        rows = [["openid", "n"]] + [["o%04d" % i, "n, %d" % i] for i in range(1000)] + [["bad%d" % i, "x"] for i in range(7)] + [["o0001", "again"]]
        path = self.write("r.csv", rows)
        out, _ = self.mega("create", "--key", "test", "--file", path, "--dry-run")
        self.assertIn("the broker would take the first row\n", out)
        self.assertIn('"value":"n, 2"', out)
        out, _ = self.mega("create", "--key", "test", "--file", path, "--name", "may", "--unique")
        self.assertIn("may: 1007 rows from", out)
        self.assertEqual(self.show("may")["state"], "ready")
        self.assertEqual(self.ring.sim.delivered(), [])
        self.mega("start", "may")
        out, _ = self.mega("watch", "may", status=1)
        done = json.loads(out.splitlines()[-1])
        self.assertEqual((done["state"], done["sent"], done["refused"], done["rows"], done.get("dropped")), ("done", 1000, 7, 1007, 1))
        self.assertEqual(self.delivered(), ["o%04d" % i for i in range(1000)])
        self.mega("failed", "may", "--output", self.path("f.csv"))
        with open(self.path("f.csv"), newline="", encoding="utf-8") as f:
            failed = list(csv.DictReader(f))
        self.assertEqual(sorted((r["openid"], r["n"], r["state"], r["errcode"]) for r in failed),
                         [("bad%d" % i, "x", "refused", "43004") for i in range(7)])
        out, _ = self.mega("create", "--key", "test", "--file", self.path("f.csv"), "--name", "june", "--start", "--watch", status=1)
        self.assertEqual(json.loads(out.splitlines()[-1])["refused"], 7)
        self.mega("resend", "may", "--failed", "--yes")
        out, _ = self.mega("watch", "may", status=1)
        self.assertEqual(json.loads(out.splitlines()[-1])["round"], 2)
        out, _ = self.mega("list")
        self.assertRegex(out, r"(?s)june +done.*may +done")
        self.mega("delete", "may", "--yes")
        self.mega("show", "may", status=3)

    def test_upload_over_kills(self):
        """mega-task is killed again and again while rows arrive: each is there once."""
        count = 60000
        mega = self.start("create", "--key", "test", "--name", "may", "-", stdin=subprocess.PIPE)
        mega.stdin.write(b"openid,n\n")
        for first in range(0, count, 15000):
            mega.stdin.write(b"".join(b"o%06d,%s\n" % (i, b"x" * 100) for i in range(first, first + 15000)))
            mega.stdin.flush()
            self.ring.restart("task")
        out, err = self.end(mega)
        self.assertIn("may: %d rows" % count, out)
        self.assertEqual(self.show("may")["rows"], count)

    def test_pause_rate_stop_and_a_watch_over_a_restart(self):
        rows = [["openid", "n"]] + [["o%05d" % i, "x"] for i in range(20000)]
        self.mega("create", "--key", "test", "--file", self.write("r.csv", rows), "--name", "may", "--rate", "200", "--start")
        watch = self.start("watch", "may", "--every", "100ms")
        self.assertTrue(watch.stdout.readline())
        self.mega("pause", "may")
        self.assertEqual(self.show("may")["state"], "paused")
        self.ring.restart("task")
        self.mega("rate", "may", "0")
        self.mega("resume", "may")
        before = self.show("may").get("sent", 0)
        until(lambda: self.show("may").get("sent", 0) > before + 200 or pause(), "goes on without its rate")
        out, _ = self.mega("stop", "may", "--yes")
        self.assertIn("may  stop", out)
        out, err = self.end(watch)
        states = [json.loads(line)["state"] for line in out.splitlines()]
        self.assertEqual(states[-1], "stopped")
        last = json.loads(out.splitlines()[-1])
        self.assertEqual(last["sent"] + last.get("cancelled", 0), 20000)
        self.assertEqual(len(self.delivered()), last["sent"])

    def test_wrong(self):
        path = self.write("r.csv", [["openid", "n"], ["oA", "1"]])
        for arguments, word in ((("--key", "none"), "template"), (("--key", "test", "--app", "none"), "app")):
            _, err = self.mega("create", *arguments, "--file", path, "--name", "may", status=1)
            self.assertIn(word, err)
        self.assertEqual(self.mega("list")[0], "there are no tasks\n")
        self.mega("start", "none", status=3)


if __name__ == "__main__":
    unittest.main()
