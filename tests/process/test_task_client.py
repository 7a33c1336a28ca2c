"""`mega task create` against a mega-task that the test plays: what it uploads of which source, and what it refuses."""
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import unittest

from mariadb import MariaDB
from ring import BIN, LIMIT_S
from task_case import TaskCase

RSS_MAX = 64 * 1024 * 1024
TEMPLATE = '{"touser":"${OPENID}","template_id":"T1","data":{"first":{"value":"${name}"}}}'


class Create(TaskCase):
    def test_file(self):
        path = self.write("r.csv", "openid,name,n\noA,Ann,1\noB,\"B, b\",\n\noA,Ann,3\n")
        out, err = self.create("--file", path, "--rate", "50", "--ttl", "2h", "--lane", "express", "--app", "shop",
                               "--var", "shop=S=1", "--var", "empty=", "--start")
        task = self.task()
        self.assertEqual(task["rows"], [[2, "oA", {"name": "Ann", "n": "1", "shop": "S=1", "empty": ""}],
                                        [3, "oB", {"name": "B, b", "n": "", "shop": "S=1", "empty": ""}],
                                        [5, "oA", {"name": "Ann", "n": "3", "shop": "S=1", "empty": ""}]])
        self.assertEqual((task["key"], task["app"], task["lane"], task["rate"], task["ttl"], task["source"], task["start"]),
                         ("paid", "shop", "express", 50, 7200000, path, True))
        self.assertEqual(task["columns"], ["name", "n", "shop", "empty"])
        self.assertIn("@", task["by"])
        self.assertTrue(all(who.startswith(b"op-") for who in self.daemon.peers))
        self.assertEqual(out, "may: 3 rows from %s; 1 row repeats a recipient (kept; --unique leaves them out)\n"
                              "it runs; watch it with: mega task watch may\n" % path)
        self.assertEqual(err, "")
        check, = self.frontend.asked
        self.assertEqual((check["op"], check["openid"], check["key"], check["vars"]["shop"], check["app"]),
                         ("check", "oA", "paid", "S=1", "shop"))

    def test_standard_input_gbk_json(self):
        out, err = self.create("-", "--json", data="openid;名字\noA;王芳\noB;李明\n".encode("gbk"))
        self.assertEqual(self.task()["rows"], [[2, "oA", {"名字": "王芳"}], [3, "oB", {"名字": "李明"}]])
        self.assertEqual(json.loads(out), {"name": "may", "key": "paid", "source": "standard input", "rows": 2, "bad": 0, "repeats": 0,
                                           "dropped": 0, "first": "good"})
        self.assertEqual(err, "")

    def test_columns_given_and_no_variables(self):
        self.create("-", "--columns", "id", "--openid-column", "id", data=b"oA\noB\n")
        self.assertEqual(self.task()["rows"][0][:2], [1, "oA"])
        self.assertFalse(self.task()["rows"][0][2])

    def test_name_and_time(self):
        path = self.write("r.csv", "openid\noA\n")
        out, _ = self.run_task("create", "--key", "/ my sale: may 中文", "--file", path, "--frontend", self.frontend.endpoint,
                               "--at", "2099-05-01T12:00", status=2)
        self.assertEqual(out, "")
        out, _ = self.run_task("create", "--key", "/ my sale: may 中文", "--file", path, "--frontend", self.frontend.endpoint,
                               "--at", "+2h")
        (name, task), = self.daemon.tasks.items()
        self.assertRegex(name, r"^mysalemay-20\d{6}-\d{6}$")
        self.assertIn("mega task start " + name, out)
        self.assertGreater(task["at"], 7200000)

    def test_many_pieces_are_under_way(self):
        rows = "openid,name\n" + "".join("o%07d,%s\n" % (i, "x" * 100) for i in range(60000))
        self.create("--file", self.write("r.csv", rows))
        task = self.task()
        self.assertEqual([r[1] for r in task["rows"]], ["o%07d" % i for i in range(60000)])
        pieces = self.daemon.ops("rows")
        self.assertGreater(len(pieces), 20)
        self.assertLess(max(len(p["data"]) for p in pieces), 300 * 1024)

    def test_asked_again_and_away_in_mid_upload(self):
        """Three pieces get no answer; then mega-task goes and comes back. Every row is there once, in order."""
        rows = "openid,name\n" + "".join("o%07d,%s\n" % (i, "x" * 100) for i in range(40000))
        path = self.write("r.csv", rows)
        self.daemon.silent["rows"] = 3
        gone = threading.Event()

        def on_ask(ask):
            if ask["op"] == "rows" and ask.get("row", 0) > 20000:
                self.daemon.on_ask = None
                self.daemon.is_over = True  # the answer to this one still goes out, or is lost with the socket
                gone.set()
        self.daemon.on_ask = on_ask
        mega = self.start("create", "--key", "paid", "--name", "may", "--frontend", self.frontend.endpoint, "--file", path)
        self.assertTrue(gone.wait(LIMIT_S))
        self.daemon.stop()
        self.daemon.start()
        self.end(mega)
        self.assertEqual([r[1] for r in self.task()["rows"]], ["o%07d" % i for i in range(40000)])

    def test_copies_that_come_late(self):
        """mega-task answers so late that all is sent a second time, and ends in the middle of these copies, which have taken back the
        rows behind them. None is missing."""
        path = self.write("r.csv", "openid,name\n" + "".join("o%07d,%s\n" % (i, "x" * 100) for i in range(40000)))
        take, held, gone = self.daemon.take, [], threading.Event()

        def take_late(who, ask):
            if ask["op"] != "rows":
                return take(who, ask)
            if len(held) < 8:
                return held.append((who, ask))
            for late in held if len(held) == 8 else []:
                take(*late)
            held.append(None)
            take(who, ask)
            if len(held) == 11:
                self.daemon.take, self.daemon.is_over = take, True
                gone.set()
        self.daemon.take = take_late
        mega = self.start("create", "--key", "paid", "--name", "may", "--frontend", self.frontend.endpoint, "--file", path)
        self.assertTrue(gone.wait(LIMIT_S))
        self.daemon.stop()
        self.daemon.start()
        self.end(mega)
        self.assertEqual([r[1] for r in self.task()["rows"]], ["o%07d" % i for i in range(40000)])

    def test_not_now_is_asked_again(self):
        self.daemon.codes["rows"] = [(503, "disk: less than min_free_space is free")] * 2
        self.daemon.codes["commit"] = [(503, "no")]
        self.create("-", data=b"openid\noA\n")
        self.assertEqual(len(self.task()["rows"]), 1)

    def test_not_now_for_too_long(self):
        self.daemon.codes["rows"] = [(503, "disk: too little")] * 1000
        _, err = self.create("-", "--timeout", "1s", data=b"openid\noA\n", status=5)
        self.assertIn("503 disk: too little", err)
        self.assert_nothing_made()

    def test_nobody_there(self):
        self.daemon.stop()
        _, err = self.create("-", "--timeout", "300ms", data=b"openid\noA\n", status=5)
        self.assertIn("no answer from ipc://", err)

    def test_name_is_taken(self):
        self.create("-", data=b"openid\noA\n")
        _, err = self.create("-", data=b"openid\noB\n", status=1)
        self.assertIn("there is a task of this name", err)
        self.assertEqual(self.task()["rows"], [[2, "oA", None]] if self.task()["rows"][0][2] is None else [[2, "oA", {}]])

    def test_commit_refused_is_aborted(self):
        self.daemon.codes["commit"] = [(400, "rows: no")]
        _, err = self.create("-", data=b"openid\noA\n", status=1)
        self.assertIn("400 rows: no", err)
        self.assertEqual(self.daemon.tasks, {})

    def test_rows_that_are_lost(self):
        self.daemon.forgets = 5
        _, err = self.create("-", data=b"openid\n" + b"oA\n" * 20, status=4)
        self.assertIn("has only 15 of 20 rows", err)
        self.assertEqual(self.daemon.tasks, {})

    def test_unique(self):
        rows = ["o%d" % (i % 70000) for i in range(210000)]
        out, _ = self.create("-", "--unique", data=("openid\n" + "\n".join(rows) + "\n").encode())
        task = self.task()
        self.assertEqual(task["drops"], set(range(70000, 210000)))
        self.assertEqual(len(task["rows"]), 210000)
        self.assertLessEqual(max(len(a["drops"]) for a in self.daemon.ops("drop")), 65536)
        self.assertIn("70000 rows from standard input; 140000 rows repeat a recipient (left out)\n", out)

    def test_ctrl_c_takes_it_back(self):
        mega = self.start("create", "--key", "paid", "--name", "may", "--frontend", self.frontend.endpoint, "-",
                          stdin=subprocess.PIPE)
        opened = threading.Event()
        self.daemon.on_ask = lambda ask: ask["op"] in ("open", "rows") and opened.set()
        mega.stdin.write(b"openid,name\n" + b"oA,a\n" * 20000)
        mega.stdin.flush()
        self.assertTrue(opened.wait(LIMIT_S))
        mega.send_signal(signal.SIGINT)
        _, err = self.end(mega, status=1, data=b"oB,b\n")
        self.assertIn("interrupted; nothing was made", err)
        self.assert_nothing_made()


class Refused(TaskCase):
    frontend_code, frontend_message = 400, "template key not exists"

    def test_first_row(self):
        _, err = self.create("-", data=b"openid\noA\n", status=1)
        self.assertIn("the first row would be refused: 400 template key not exists", err)
        self.assert_nothing_made()

    def test_dry_run(self):
        out, _ = self.create("-", "--dry-run", data=b"openid\noA\n", status=1)
        self.assertIn("the broker would refuse the first row: template key not exists\n", out)


class Busy(TaskCase):
    frontend_code, frontend_message = 503, "no sender"

    def test_not_checked(self):
        _, err = self.create("-", data=b"openid\noA\n")
        self.assertIn("the first row was not checked: no sender", err)
        self.assertEqual(len(self.task()["rows"]), 1)


class Bad(TaskCase):
    BAD = b"openid,name\noA,a\n,b\noC\noD,\xff\noE,e\n"

    def test_nothing_is_made(self):
        out, err = self.create("-", data=self.BAD, status=1)
        self.assertEqual(out, "")
        for line in (3, 4, 5):
            self.assertIn("standard input: line %d: " % line, err)
        self.assertIn("3 bad lines, 2 good rows; nothing was made. --skip-bad makes the task without them", err)
        self.assert_nothing_made()

    def test_skip_bad(self):
        out, err = self.create("-", "--skip-bad", data=self.BAD)
        self.assertEqual([r[:2] for r in self.task()["rows"]], [[2, "oA"], [6, "oE"]])
        self.assertEqual(self.task()["bad"], 3)
        self.assertIn("may: 2 rows from standard input; 3 bad lines left out\n", out)

    def test_first_20_are_shown(self):
        _, err = self.create("-", data=b"openid,n\n" + b",1\n" * 50, status=1)
        self.assertEqual(err.count(": line "), 20)
        self.assertIn("50 bad lines", err)

    def test_all_in_a_file(self):
        _, err = self.create("-", "--bad", self.path("bad.csv"), data=b"openid,n\noA,1\n" + b",1\n" * 50, status=1)
        self.assertNotIn(": line ", err)
        rows = list(csv.reader(io.StringIO(self.read("bad.csv"))))
        self.assertEqual((rows[0], [r[0] for r in rows[1:]]), (["line", "reason"], [str(i) for i in range(3, 53)]))
        self.assertTrue(all(r[1] for r in rows))
        self.assertFalse(os.path.exists(self.path("bad.csv.tmp")))

    def test_file_cannot_be_made(self):
        self.create("-", "--bad", self.path("no/bad.csv"), data=self.BAD, status=4)
        self.assert_nothing_made()

    def test_empty_and_missing(self):
        _, err = self.create("-", data=b"openid\n", status=1)
        self.assertIn("no recipients", err)
        self.create("-", data=b"", status=4)
        self.create("--file", self.path("none"), status=4)
        _, err = self.create("-", data=b"name\nx\n", status=4)
        self.assertIn("openid", err)
        self.create("-", "--var", "name=x", data=b"openid,name\noA,a\n", status=2)
        self.assert_nothing_made()

    def change_while_read(self, change):
        path = self.write("r.csv", "openid,name\n" + "".join("o%07d,%s\n" % (i, "x" * 100) for i in range(40000)))

        def on_ask(ask):
            if ask["op"] == "rows":
                self.daemon.on_ask = None
                change(path)
        self.daemon.on_ask = on_ask
        _, err = self.create("--file", path, status=4)
        self.assertIn("r.csv", err)
        self.assert_nothing_made()

    def test_file_grows(self):
        def change(path):
            with open(path, "a") as f:
                f.write("oZ,z\n")
        self.change_while_read(change)

    def test_file_is_cut(self):
        self.change_while_read(lambda path: os.truncate(path, 100))


class DryRun(TaskCase):
    def conf(self):
        os.mkdir(self.path("templates"))
        self.write("templates/paid.json", TEMPLATE)
        return self.write("mega.conf", "[server]\nlisten[] = 127.0.0.1:0\nqueue_file_path = store\n"
                                       "[templater]\nsource = dir:%s\n[run]\ndir = run\n" % self.path("templates"))

    def test_text(self):
        out, err = self.create("-", "-c", self.conf(), "--dry-run", data=b"openid,name\noA,Ann\noB,Bob\noA,Cy\noD,Dan\n")
        self.assertIn("4 rows from standard input; 1 row repeats a recipient (kept; --unique leaves them out); nothing was made\n"
                      "  line 4 repeats line 2\nread as: ascii, comma\ncolumns: openid (the recipient), name\nthe broker would take the first row\n", out)
        for name in ("Ann", "Bob", "Cy"):
            self.assertIn('"value":"%s"' % name, out)
        self.assertNotIn("Dan", out)
        self.assertEqual(self.daemon.log, [])

    def test_json(self):
        out, err = self.create("-", "-c", self.conf(), "--dry-run", "--json", "--unique", "--skip-bad",
                               data=b"openid,name\noA,Ann\noA,Bob\n,c\n")
        report = json.loads(out)
        self.assertEqual((report["rows"], report["dropped"], report["bad"], report["pairs"], report["columns"], report["first"]),
                         (1, 1, 1, [[2, 3]], ["name"], "good"))
        self.assertEqual((len(report["messages"]), report["read_as"]), (2, "ascii, comma"))
        self.assertIn("Ann", json.dumps(report["messages"][0]))

    def test_what_was_found(self):
        """A spreadsheet's file: GBK, semicolons."""
        out, err = self.create("-", "-c", self.conf(), "--dry-run", data="openid;name\noA;张三\n".encode("gbk"))
        self.assertIn("read as: gbk, semicolon\n", out)
        self.assertIn('"value":"张三"', out)

    def test_bad_lines(self):
        out, err = self.create("-", "-c", self.conf(), "--dry-run", data=b"openid,name\noA,Ann\n,c\n", status=1)
        self.assertIn("line 3: ", err)
        self.assertIn("1 row from standard input; 1 bad line left out; nothing was made", out)

    def test_template_that_cannot_be_rendered(self):
        conf = self.conf()
        self.write("templates/paid.json", TEMPLATE[:-1])
        self.create("-", "-c", conf, "--dry-run", data=b"openid,name\noA,Ann\n", status=1)

    def test_nobody_to_ask_and_no_tool(self):
        self.frontend.close()
        mega = self.path("mega")
        os.link(os.path.join(BIN, "mega"), mega) if os.stat(BIN).st_dev == os.stat(self.folder).st_dev else shutil.copy(
            os.path.join(BIN, "mega"), mega)
        done = subprocess.run([mega, "task", "create", "--key", "paid", "-", "--dry-run", "--timeout", "300ms", "--frontend",
                               self.frontend.endpoint, "--endpoint", self.daemon.endpoint], input=b"openid\noA\n",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(self.env, PATH="/nowhere"), timeout=LIMIT_S)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"the broker did not check the first row", done.stdout)
        self.assertIn(b"mega-template cannot be started", done.stderr)

    def test_memory(self):
        """Ten million rows, a third of them repeated, within 64 MiB; two million where there is no release build."""
        folder, count = (os.environ["MEGA_RELEASE_BIN"], 10000000) if "MEGA_RELEASE_BIN" in os.environ else (BIN, 2000000)
        once = count * 7 // 10
        # A process counts as its own what the one that started it held: a small one starts mega.
        measure = ("import resource, subprocess, sys\nstatus = subprocess.call(sys.argv[1:])\n"
                   "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\nsys.exit(status)")
        arguments = [sys.executable, "-c", measure, os.path.join(folder, "mega"), "task", "create", "--key", "paid", "-", "--dry-run",
                     "--unique", "--json", "--frontend", self.frontend.endpoint, "--endpoint", self.daemon.endpoint]
        env = dict(self.env, PATH="/nowhere", ASAN_OPTIONS="quarantine_size_mb=1:malloc_context_size=0:detect_leaks=0")
        mega = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
        self.addCleanup(mega.stdout.close)
        self.addCleanup(mega.kill)
        mega.stdin.write(b"openid,name\n")
        for first in range(0, count, 10000):
            mega.stdin.write(b"".join(b"oABCDEFGHIJKLMNOPQ%07d,name\n" % (i if i < once else i - (count - once))
                                      for i in range(first, first + 10000)))
        mega.stdin.close()
        report, maxrss_kib = mega.stdout.read().splitlines()
        self.assertEqual(mega.wait(LIMIT_S), 0)
        report = json.loads(report)
        self.assertEqual((report["rows"], report["repeats"]), (once, count - once))
        self.assertLess(int(maxrss_kib) * 1024, RSS_MAX)


class Followers(TaskCase):
    def fake(self, script):
        """mega with a mega-wechat of the test beside it."""
        mega = self.path("mega")
        shutil.copy(os.path.join(BIN, "mega"), mega)
        self.write("mega-wechat", "#!/bin/sh\n" + script)
        os.chmod(self.path("mega-wechat"), 0o755)
        return [mega, "task", "create", "--key", "paid", "--name", "may", "--followers", "--frontend", self.frontend.endpoint,
                "--endpoint", self.daemon.endpoint]

    def go(self, script, *more):
        return subprocess.run(self.fake(script) + list(more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              env=self.env, timeout=LIMIT_S)

    def test_all(self):
        done = self.go('echo "$@" > %s\nseq -f o%%.0f 1 30000\nprintf oLAST' % self.path("arguments"), "--app", "shop", "--var", "a=b")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual([r[1] for r in self.task()["rows"]], ["o%d" % i for i in range(1, 30001)] + ["oLAST"])
        self.assertEqual(self.task()["rows"][7], [8, "o8", {"a": "b"}])
        self.assertEqual(self.read("arguments").split(), ["followers", "--app", "shop"])
        self.assertEqual(self.task()["source"], "followers")

    def test_failure_is_the_tasks(self):
        done = self.go("echo oA\nexit 1")
        self.assertEqual(done.returncode, 4, done)
        self.assertIn(b"not complete", done.stderr)
        self.assert_nothing_made()

    def test_no_program(self):
        arguments = self.fake("")
        os.unlink(self.path("mega-wechat"))
        done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(self.env, PATH="/nowhere"),
                              stdin=subprocess.DEVNULL, timeout=LIMIT_S)
        self.assertEqual(done.returncode, 4, done)
        self.assertIn(b"mega-wechat is neither beside mega nor in PATH", done.stderr)
        self.assert_nothing_made()


class Sql(TaskCase):
    @classmethod
    def setUpClass(cls):
        cls.db = MariaDB()
        cls.db.__enter__()
        cls.db.sql("CREATE DATABASE mega CHARACTER SET gbk")
        cls.db.sql("CREATE TABLE p (touser VARCHAR(64), name VARCHAR(20), n INT, PRIMARY KEY (n));"
                   "INSERT INTO p VALUES ('oA', '王芳', 1), ('oB', NULL, 2), ('', 'x', 3), ('oA', 'y', 4)", "mega")

    @classmethod
    def tearDownClass(cls):
        cls.db.__exit__()

    def sql(self, text, *more, status=0):
        conf = self.write("mega.conf", "[server]\nlisten[] = 127.0.0.1:0\nqueue_file_path = store\n[run]\ndir = run\n[pdo]\n"
                          "dsn = \"mysql:unix_socket=%s;dbname=mega\"\nusername = %s\npassword_file = %s\n"
                          % (self.db.socket_path, self.db.user, self.write("password", self.db.password)))
        return self.create("-c", conf, "--sql", text, *more, status=status)

    def test_rows(self):
        out, err = self.sql("SELECT touser, name, n FROM p WHERE touser <> '' ORDER BY n", "--unique")
        self.assertEqual(self.task()["rows"], [[1, "oA", {"name": "王芳", "n": "1"}], [2, "oB", {"name": "", "n": "2"}],
                                               [3, "oA", {"name": "y", "n": "4"}]])
        self.assertEqual(self.task()["drops"], {2})
        self.assertTrue(self.task()["source"].startswith("SELECT touser"))

    def test_column_and_bad_rows(self):
        out, err = self.sql("SELECT n, touser AS wx FROM p ORDER BY n", "--openid-column", "wx", "--skip-bad")
        self.assertEqual([r[1] for r in self.task()["rows"]], ["oA", "oB", "oA"])
        self.assertIn("line 3: ", err)

    def test_many(self):
        self.sql("SELECT CONCAT('o', seq) AS openid, seq FROM seq_1_to_100000")
        self.assertEqual([r[1] for r in self.task()["rows"]], ["o%d" % i for i in range(1, 100001)])

    def test_wrong(self):
        for text, word in (("SELECT nothing FROM p", "nothing"), ("SELECT name FROM p", "openid"), ("DO 1", "no rows"),
                           ("SELECT touser, touser FROM p", "same name")):
            _, err = self.sql(text, status=4)
            self.assertIn(word, err)
            self.assertNotIn(self.db.password, err)
        self.assert_nothing_made()

    def test_refused_in_the_middle_ends_the_query(self):
        self.daemon.codes["rows"] = [(400, "data: no")]
        _, err = self.sql("SELECT CONCAT('o', seq) AS openid, REPEAT('x', 100) AS t FROM seq_1_to_30000000", status=1)
        self.assertIn("400 data: no", err)
        self.assertEqual(self.daemon.tasks, {})


if __name__ == "__main__":
    unittest.main()
