"""`mega task` against a mega-task that the test plays: what it asks, what it shows, how it watches, who did not get it."""
import fcntl
import json
import os
import signal
import struct
import termios
import unittest

from fake_broker import Screen
from ring import LIMIT_S
from task_case import TaskCase

AT = 1714564800123  # 2024-05-01T12:00:00.123Z
TASK = {"name": "may", "state": "running", "key": "paid", "app": "default", "rate": 50, "source": "r.csv", "columns": ["name"],
        "rows": 100000, "todo": 38000, "out": 490, "sent": 61200, "refused": 310, "round": 1, "per_s": 833.4, "created": AT,
        "started": AT + 1000}
DONE = dict(TASK, state="done", todo=0, out=0, sent=99690, per_s=0.0, ended=AT + 2000)


class Steer(TaskCase):
    LINE = "may  running  [██████░░░░] 61%  61,200 sent  310 refused  38,490 waiting  833/s  46s left\n"

    def test_commands(self):
        self.daemon.shows["may"] = [TASK]
        for arguments in (("start", "may"), ("pause", "may"), ("resume", "may"), ("rate", "may", "0"), ("rate", "may", "9"),
                          ("stop", "may", "--yes"), ("resend", "may", "--failed", "--cancelled", "--yes")):
            out, err = self.run_task(*arguments)
            self.assertEqual((out, err), (self.LINE, ""))
        self.assertEqual([a["op"] for a in self.daemon.log], ["start", "pause", "resume", "rate", "rate", "stop", "resend"])
        self.assertEqual([a.get("rate", 0) for a in self.daemon.ops("rate")], [0, 9])
        self.assertEqual((self.daemon.log[-1]["failed"], self.daemon.log[-1]["cancelled"]), (True, True))
        out, _ = self.run_task("delete", "may", "--yes")
        self.assertEqual(out, "may is deleted\n")

    def test_asks_first(self):
        for command in (("stop", "may"), ("delete", "may"), ("resend", "may", "--failed")):
            _, err = self.run_task(*command, status=2)
            self.assertIn("give --yes if it is meant (mega task --help)", err)
        self.assertEqual(self.daemon.log, [])

    def test_asks_the_person(self):
        self.daemon.shows["may"] = [TASK]
        for key, status, ops in (("n", 1, []), ("y", 0, ["stop"])):
            screen = Screen()
            self.addCleanup(screen.close)
            mega = self.start("stop", "may", stdin=screen.slave, stderr=screen.slave, start_new_session=True)
            screen.until(r"Stop may: cancel what waits of it at the broker, and send nothing more\? \[y/N\] ")
            screen.press(key + "\n")
            self.assertEqual(mega.wait(LIMIT_S), status)
            self.assertEqual([a["op"] for a in self.daemon.log], ops)

    def test_refusals(self):
        self.run_task("show", "none", status=3)
        self.daemon.codes["start"] = [(400, "may: it is done")]
        _, err = self.run_task("start", "may", status=1)
        self.assertIn("400 may: it is done", err)
        self.daemon.shows["may"] = [TASK]
        self.daemon.codes["start"] = [(503, "no")]
        self.run_task("start", "may")
        self.daemon.codes["start"] = [(503, "no")] * 100
        self.run_task("start", "may", "--timeout", "600ms", status=5)

    def test_list_and_show(self):
        out, _ = self.run_task("list")
        self.assertEqual(out, "there are no tasks\n")
        self.daemon.shows = {"may": [TASK], "old": [dict(DONE, name="old", note="bad\x1b[0m")]}
        out, _ = self.run_task("list")
        self.assertRegex(out, r"may +running +paid +default +100000 +61200 +310 +0 +38490 +50/s +833.4 +2024-05-01T12:00:00.123Z")
        self.assertIn("bad\ufffd[0m", out)
        out, _ = self.run_task("list", "--json")
        self.assertEqual([json.loads(line)["name"] for line in out.splitlines()], ["may", "old"])
        out, _ = self.run_task("show", "may")
        for line in ("task       may\n", "columns    name\n", "rows       100000\n", "refused    310\n", "rate       50/s\n"):
            self.assertIn(line, out)
        out, _ = self.run_task("show", "may", "--json")
        self.assertEqual(json.loads(out), TASK)


class Watch(TaskCase):
    def test_json_lines(self):
        self.daemon.shows["may"] = [dict(TASK, state="ready"), TASK, TASK, DONE]
        out, err = self.run_task("watch", "may", "--every", "10m", status=1)
        self.assertEqual([json.loads(line)["state"] for line in out.splitlines()], ["ready", "running", "done"])

    def test_every(self):
        self.daemon.shows["may"] = [TASK] * 5 + [dict(DONE, refused=0)]
        out, err = self.run_task("watch", "may", "--every", "100ms", "--json")
        self.assertGreaterEqual(len(out.splitlines()), 4)

    def test_away(self):
        self.daemon.shows["may"] = [TASK]
        mega = self.start("watch", "may", "--every", "100ms")
        self.assertIn(b'"running"', mega.stdout.readline())
        self.daemon.stop()
        self.assertIn(b"no answer from", mega.stderr.readline())
        self.daemon.shows["may"] = [dict(DONE, refused=0, state="stopped")]
        self.daemon.start()
        out, err = self.end(mega)
        self.assertIn("answers again", err)
        self.assertEqual(json.loads(out.splitlines()[-1])["state"], "stopped")

    def test_unknown_and_nobody(self):
        self.run_task("watch", "none", status=3)
        self.daemon.stop()
        self.run_task("watch", "none", "--timeout", "300ms", status=5)

    def test_terminal(self):
        screen = Screen()
        self.addCleanup(screen.close)
        fcntl.ioctl(screen.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        self.daemon.shows["may"] = [TASK]
        mega = self.start("watch", "may", stdout=screen.slave)
        screen.until("61%  61,200 …\r")
        fcntl.ioctl(screen.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
        screen.until("38,490 waiting  833/s  46s left")
        self.daemon.shows["may"] = [DONE]
        screen.until(r"\r\x1b\[K" + r"may  done  \[██████████\] 100%  99,690 sent  310 refused\r\n")
        self.end(mega, status=1)

    def test_ctrl_c_ends_the_watching(self):
        screen = Screen()
        self.addCleanup(screen.close)
        self.daemon.shows["may"] = [TASK]
        mega = self.start("watch", "may", stdout=screen.slave)
        screen.until("waiting")
        mega.send_signal(signal.SIGINT)
        self.assertEqual(mega.wait(LIMIT_S), -signal.SIGINT)
        screen.until(r"\r\n$")
        self.assertEqual({a["op"] for a in self.daemon.log}, {"show"})

    def test_create_and_watch(self):
        self.daemon.shows["may"] = [dict(DONE, refused=0)]
        out, _ = self.create("-", "--start", "--watch", "--json", data=b"openid\noA\n")
        self.assertEqual([json.loads(line).get("state") for line in out.splitlines()], [None, "done"])


class Failed(TaskCase):
    PAGES = [[{"row": 0, "line": 2, "openid": "oA", "vars": {"name": "A, \"a\"", "state": "NY"}, "state": "refused", "code": 400,
               "errcode": 43004, "message": "no\r\n", "round": 1, "id": "may-1", "settled": AT}], [],
             [{"row": 4, "openid": "oB", "vars": {"name": "王"}, "state": "cancelled", "code": 409, "round": 2, "id": "may-2"}]]

    def setUp(self):
        super().setUp()
        self.daemon.shows["may"] = [dict(TASK, columns=["name", "state"])]
        self.daemon.pages["may"] = self.PAGES

    def test_csv_that_create_reads(self):
        out, err = self.run_task("failed", "may", "--output", self.path("f.csv"))
        self.assertEqual((out, err), ("", "2 written to %s\n" % self.path("f.csv")))
        text = self.read("f.csv")
        self.assertEqual(text, "openid,name,state,row,line,task_state,code,errcode,message,round,id,settled\r\n"
                               "oA,\"A, \"\"a\"\"\",NY,0,2,refused,400,43004,\"no\r\n\",1,may-1,2024-05-01T12:00:00.123Z\r\n"
                               "oB,王,,4,,cancelled,409,,,2,may-2,\r\n")
        self.assertEqual(os.stat(self.path("f.csv")).st_mode & 0o777, 0o600)
        self.run_task("create", "--key", "paid", "--name", "june", "--file", self.path("f.csv"), "--frontend", self.frontend.endpoint)
        rows = self.daemon.tasks["june"]["rows"]
        self.assertEqual([(r[1], r[2]["name"], r[2]["state"]) for r in rows], [("oA", "A, \"a\"", "NY"), ("oB", "王", "")])

    def test_json(self):
        out, _ = self.run_task("failed", "may", "--json")
        self.assertEqual([json.loads(line) for line in out.splitlines()], self.PAGES[0] + self.PAGES[2])

    def test_file_is_whole_or_not_there(self):
        self.daemon.codes["failed"] = [(500, "failures cannot be read")]
        self.run_task("failed", "may", "--output", self.path("f.csv"), status=4)
        self.assertEqual([n for n in os.listdir(self.folder) if n.startswith("f.csv")], [])
        self.run_task("failed", "none", status=3)


if __name__ == "__main__":
    unittest.main()
