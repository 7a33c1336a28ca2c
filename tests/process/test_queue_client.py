"""`mega queue` against a broker that the test plays: what it asks, how it reads pages and progress, asks again, asks people,
and what it prints, byte for byte."""
import csv
import io
import json
import os
import signal
import subprocess
import unittest

import msgpack

from fake_broker import QueueCase
from ring import BIN, LIMIT_S

AT = 1714564800123  # 2024-05-01T12:00:00.123Z

SENT = {"id": "m-1", "app": "default", "openid": "oABC", "key": "paid", "state": "sent", "code": 200, "msgid": 2 ** 60 + 1,
        "calls": 1, "accepted": AT, "due": AT, "settled": AT + 900, "seq": 1}
NASTY = {"id": "m-2", "app": "shop", "openid": "=1+1,\"x\"", "key": "k\r\nk", "task": "may", "state": "dead", "lane": "bulk",
         "code": 500, "errcode": -1, "calls": 3, "failures": 2, "accepted": AT, "due": AT, "settled": AT, "expires": AT,
         "message": "\x1b[31mred 你好\n", "seq": 2}

STATUS = {"version": "0.1.0", "epoch": 1, "uptime_ms": 3723000, "now": AT, "accepting": True, "ready": False,
          "unready": "no sender",
          "depth": {"ready": 10000, "ready_more": 1, "scheduled": 2, "parked": 3, "paused": 4, "out": 5, "dead": 6, "settled": 7,
                    "damaged": 0},
          "oldest_ms": 61000, "rates": {"accepted": 1.5, "sent": 2.25, "failed": 0.0, "settled": 100},
          "totals": {"accepted": 10, "sent": 9}, "store": {"bytes": 1 << 20, "bytes_max": 64 << 30, "commit_us": 612.5,
                                                          "disk_free": 1 << 40, "disk_min": 256 << 20, "generation": 12},
          "accounts": [{"name": "default", "waiting": 9, "out": 5, "rate": 20, "paused": 1, "paused_for_ms": 60000,
                        "accepted": 10, "sent": 9, "stopped": "no token"},
                       {"name": "shop", "stopped": "WeChat answered 45009", "errcode": 45009, "cause": "quota", "stopped_since": AT,
                        "next_try_ms": 90000}],
          "stages": [{"name": "sender-1", "kind": "sender", "version": "0.1.0", "slots": 64, "out": 5, "heard_ms": 120,
                      "state": "ok", "stopped": {"default": "no token\x07"}}],
          "pauses": [{"kind": "task", "app": "default", "name": "may", "since": AT, "for_ms": 90000, "by": "root@h", "held": 4}]}


class Show(QueueCase):
    def test_status(self):
        mega = self.start("status")
        asked = self.ask("status")
        self.assertTrue(self.who.startswith(b"op-") and len(self.who) <= 32)
        self.assertIn("@", asked["by"])
        self.answer(data=STATUS)
        out, err = self.end(mega)
        self.assertEqual(err, "")
        for part in ("broker 0.1.0, up 1h02m, NOT READY, accepting, 2024-05-01T12:00:00.123Z\nnot ready: no sender\n",
                     "oldest ready message: 1m01s\nper second: accepted 1.5, sent 2.2, failed 0.0, settled 100.0\n",
                     " READY  SCHEDULED  PARKED  PAUSED  OUT  DEAD  SETTLED  DAMAGED\n10000+          2       3       4    5     6"
                     "        7        0\n",
                     "default is stopped: no token\n",
                     "shop is stopped: WeChat answered 45009; since 2024-05-01T12:00:00.123Z, next try in 1m30s\n",
                     "store 1.0M of 64.0G, disk free 1.0T (at least 256.0M), commit 0.61ms, generation 12\n",
                     "default        9    5  20/s  1m00s         10     9        0",
                     "sender-1  sender  ok        64    5  120ms ago  0.1.0    default: no token\ufffd\n",
                     "task    default  may   2024-05-01T12:00:00.123Z  1m30s     4  root@h\n"):
            self.assertIn(part, out)

    def test_status_json_is_the_data(self):
        mega = self.start("status", "--json")
        self.ask("status")
        self.answer(data=STATUS)
        out, err = self.end(mega)
        self.assertEqual(json.loads(out), STATUS)
        self.assertEqual((out.count("\n"), err), (1, ""))

    def test_status_of_an_empty_map(self):
        mega = self.start("status")
        self.ask("status")
        self.answer(data={})
        out, err = self.end(mega)
        self.assertIn("nothing is paused", out)

    def test_show(self):
        mega = self.start("show", "m-1", "--app", "shop")
        self.assertEqual(self.ask("show")["filter"], {"id": "m-1", "app": "shop"})
        self.answer(data=dict(NASTY, vars={"name": "tea\t", "n": 1.5, "deep": None}, out=AT))
        out, err = self.end(mega)
        for line in ("id         m-2\n", "errcode    -1\n", "accepted   2024-05-01T12:00:00.123Z\n", "out        2024-05-01",
                     "message    \ufffd[31mred 你好\ufffd\n", "vars\n  name       tea\ufffd\n  n          1.5\n  deep       null\n"):
            self.assertIn(line, out)

    def test_show_json(self):
        mega = self.start("show", "m-2", "--json")
        self.assertEqual(self.ask("show")["filter"], {"id": "m-2"})
        variables = {"big": msgpack.ExtType(1, b"12345678901234567890123"), "text": "a\"b"}
        self.answer(data={"id": "m-2", "vars": variables, "raw": b"\xff\x00"})
        out, err = self.end(mega)
        self.assertEqual(out, '{"id":"m-2","vars":{"big":12345678901234567890123,"text":"a\\"b"},"raw":"\ufffd\\u0000"}\n')

    def test_unknown_id(self):
        mega = self.start("show", "gone")
        self.ask("show")
        self.answer(404, message="no such\x1b message")
        out, err = self.end(mega, 3)
        self.assertEqual((out, err), ("", "mega: 404 no such\ufffd message\n"))

    def test_pauses(self):
        mega = self.start("pauses")
        self.ask("pauses")
        self.answer(data=[])
        self.assertEqual(self.end(mega)[0], "nothing is paused\n")


class Lists(QueueCase):
    def test_filter(self):
        mega = self.start("list", "--state", "dead,refused", "--openid", "o p", "--key", "k", "--task", "t", "--app", "a",
                          "--since", "2024-05-01", "--until", "2024-05-01T20:00:00.123+08:00", "--errcode", "-1")
        asked = self.ask("list")
        self.assertEqual(asked["filter"], {"state": "refused,dead", "openid": "o p", "key": "k", "task": "t", "app": "a",
                                           "since": 1714521600000, "until": AT, "errcode": -1})
        self.assertEqual(asked["limit"], 101)
        self.answer(data=[])
        self.assertEqual(self.end(mega), ("", ""))

    def test_ago(self):
        mega = self.start("list", "--since", "2h", "--until", "1h")
        limits = self.ask("list")["filter"]
        self.assertEqual(limits["until"] - limits["since"], 3600000)
        self.assertEqual(limits["state"], "live,dead")
        self.answer(data=[])
        self.end(mega)

    def test_table(self):
        mega = self.start("list")
        self.ask("list")
        self.answer(data=[SENT, NASTY])
        out, err = self.end(mega)
        self.assertEqual(out, "\n".join([
            "STATE  ID   APP      OPENID    KEY   TASK  ACCEPTED                  DUE/SETTLED               CALLS  ERRCODE"
            "  MESSAGE",
            "sent   m-1  default  oABC      paid        2024-05-01T12:00:00.123Z  2024-05-01T12:00:01.023Z      1",
            "dead   m-2  shop     =1+1,\"x\"  k\ufffd\ufffdk  may   2024-05-01T12:00:00.123Z  2024-05-01T12:00:00.123Z      3"
            "       -1  \ufffd[31mred 你好\ufffd", ""]))

    def test_dead(self):
        mega = self.start("dead", "--task", "may")
        self.assertEqual(self.ask("list")["filter"], {"state": "dead", "task": "may"})
        self.answer(data=[NASTY])
        out, err = self.end(mega)
        self.assertIn("2      3       -1  \ufffd[31mred 你好\ufffd\n", out)

    def test_pages_and_index(self):
        mega = self.start("list", "--limit", "0", "--openid", "o", "--json")
        asked = self.ask("list")
        self.assertNotIn("from", asked)
        self.assertEqual(asked["limit"], 1000)
        self.answer(100, indexing=5000, data=[])
        self.assertNotIn("from", self.ask("list"))
        for indexing in (4000, 1000):
            self.answer(100, indexing=indexing, next=b"begin")
            self.assertEqual(self.ask("list")["from"], b"begin")
        self.answer(100, data=[SENT], next=b"\x00p2")
        self.assertEqual(self.ask("list")["from"], b"\x00p2")
        self.answer(100, next=b"p3", looked=10)
        self.assertEqual(self.ask("list")["from"], b"p3")
        self.answer(data=[NASTY])
        out, err = self.end(mega)
        self.assertEqual([json.loads(line) for line in out.splitlines()], [SENT, NASTY])
        self.assertEqual(err, "")

    def test_more_than_the_limit(self):
        mega = self.start("list", "--limit", "2")
        self.assertEqual(self.ask("list")["limit"], 3)
        self.answer(100, data=[SENT], next=b"2")
        self.assertEqual(self.ask("list")["limit"], 2)
        self.answer(100, data=[SENT, SENT], next=b"3")
        out, err = self.end(mega)
        self.assertEqual(out.count("\n"), 3)
        self.assertEqual(err, "mega: there are more than these 2; --limit N shows N, --limit 0 all\n")

    def test_exactly_the_limit(self):
        mega = self.start("list", "--limit", "2")
        self.ask("list")
        self.answer(100, data=[SENT, SENT], next=b"2")
        self.assertEqual(self.ask("list")["limit"], 1)
        self.answer(data=[])
        self.assertEqual(self.end(mega)[1], "")


class Nonsense(QueueCase):
    def check(self, *arguments, op="list", **answer):
        mega = self.start(*arguments)
        self.ask(op)
        self.answer(**answer)
        self.assertEqual(self.end(mega, 5)[1], "mega: the answer is not understood\n")

    def test_data_of_another_type(self):
        self.check("list", data={"id": 1})
        self.check("list", data=[1, 2])
        self.check("list", data=5)
        self.check("status", op="status", data=[1])
        self.check("status", op="status")
        self.check("show", "m", op="show", data="text")
        self.check("pauses", op="pauses", data={})
        self.check("export", data=[[]])

    def test_a_list_that_leads_nowhere(self):
        self.check("list", code=100, data=[])
        mega = self.start("list")
        self.ask("list")
        self.answer(100, data=[], next=b"a")
        self.ask("list")
        self.answer(100, data=[], next=b"a")
        self.assertEqual(self.end(mega, 5)[1], "mega: the answer is not understood\n")

    def test_members_of_another_type(self):
        mega = self.start("list")
        self.ask("list")
        self.answer(data=[{"id": 5, "state": [1], "accepted": "x", 7: 8, "settled": -1, "calls": 2 ** 64 - 1, "openid": b"\xff"}])
        self.assertIn("\ufffd", self.end(mega)[0])

    def test_frames_that_are_no_answers(self):
        mega = self.start("pauses", "--timeout", "700ms")
        self.ask("pauses")
        for frame in (b"", b"\xc1", b"\x80", msgpack.packb({"t": "who"}), msgpack.packb([1]), b"\x81\xa1t"):
            self.send(frame)
        out, err = self.end(mega, 5)
        self.assertEqual(err, "mega: no answer from %s within 700 ms; 6 messages were not understood\n" % self.control)

    def test_answers_to_something_else(self):
        mega = self.start("pauses", "--json")
        self.ask("pauses")
        self.ref += 1
        self.answer(data=["wrong"])
        self.ref -= 1
        self.answer(data=["right"])
        self.assertEqual(self.end(mega)[0], '["right"]\n')


class Away(QueueCase):
    def test_asks_again_under_the_same_ref(self):
        mega = self.start("cancel", "--task", "t", "--yes")
        first = self.ask("cancel")
        self.assertEqual(self.ask("cancel"), first)
        self.answer(done=4)
        self.assertEqual(self.end(mega)[0], "4 cancelled\n")

    def test_no_answer(self):
        mega = self.start("status", "--timeout", "300ms", "--json")
        self.ask("status")
        out, err = self.end(mega, 5)
        self.assertEqual((out, err), ("", "mega: no answer from %s within 300 ms\n" % self.control))

    def test_broker_comes_late(self):
        self.unbind()
        mega = self.start("pauses", "--json")
        self.bind()
        self.ask("pauses")
        self.answer(data=[])
        self.assertEqual(self.end(mega)[0], "[]\n")

    def test_restart_in_the_middle(self):
        mega = self.start("requeue", "--all", "--yes", "--json")
        first = self.ask("requeue")
        self.answer(100, done=3, looked=9)
        again = self.ask("requeue")
        self.assertEqual(again, first)
        self.answer(100, done=1, looked=2)
        self.answer(200, done=2, looked=4)
        self.assertEqual(json.loads(self.end(mega)[0]), {"done": 5, "left": 0, "looked": 13})

    def test_progress_keeps_it_waiting(self):
        mega = self.start("cancel", "--task", "t", "--yes", "--timeout", "1s")
        self.ask("cancel")
        for done in range(8):
            self.answer(100, done=done, looked=done)
            self.assertFalse(self.router.poll(300), "asked again while it is told of progress")
        self.answer(done=8, left=2)
        self.assertEqual(self.end(mega)[0], "8 cancelled\n2 just being sent, left alone\n")


class Change(QueueCase):
    def test_ids(self):
        mega = self.start("cancel", "a", "b", "c", "--app", "shop")
        for identifier, answer in (("a", dict(done=1, looked=1)), ("b", dict(left=1, looked=1)), ("c", dict(code=404))):
            self.assertEqual(self.ask("cancel")["filter"], {"id": identifier, "app": "shop"})
            self.answer(**answer)
        out, err = self.end(mega, 3)
        self.assertEqual(out, "1 cancelled\n1 just being sent, left alone\n")
        self.assertEqual(err, "mega: b: is just being sent\nmega: c: there is no waiting message of this id\n")

    def test_ids_json(self):
        mega = self.start("requeue", "a", "b", "--ttl", "2h", "--json")
        asked = self.ask("requeue")
        self.assertEqual((asked["filter"], asked["ttl"]), ({"id": "a"}, 7200000))
        self.answer(done=1, looked=1)
        self.ask("requeue")
        self.answer()
        out, err = self.end(mega, 3)
        self.assertEqual(json.loads(out), {"done": 1, "left": 0, "looked": 1, "missing": ["b"]})

    def test_just_being_sent(self):
        mega = self.start("cancel", "a")
        self.ask("cancel")
        self.answer(left=1)
        self.end(mega, 5)

    def test_purge_is_discard(self):
        mega = self.start("purge", "--errcode", "43004", "--yes")
        self.assertEqual(self.ask("discard")["filter"], {"errcode": 43004})
        self.answer(done=1000000)
        self.assertEqual(self.end(mega)[0], "1000000 purged\n")

    def test_refused(self):
        for code, status in ((400, 1), (503, 5), (500, 4), (404, 3), (999, 5)):
            mega = self.start("purge", "--all", "--yes", "--timeout", "300ms")
            self.assertEqual(self.ask("discard")["filter"], {"all": True})
            self.answer(code, message="words")
            out, err = self.end(mega, status)
            self.assertEqual(out, "")
            self.assertIn("words" if code != 999 else "1 messages were not understood", err)

    def test_needs_yes_without_a_terminal(self):
        for arguments in (["cancel", "--task", "t"], ["requeue", "--all"], ["requeue", "--app", "a"], ["purge", "--all"],
                          ["purge", "one"], ["pause", "--all"], ["drain"]):
            out, err = self.end(self.start(*arguments), 2)
            self.assertIn("give --yes", err)
        self.assertFalse(self.router.poll(0), "it has asked the broker")

    def test_asks_the_person(self):
        for key, status in (("y\n", 0), ("n\n", 1), ("\n", 1), ("\x04", 1)):
            screen = self.screen()
            mega = self.start("cancel", "--task", "t", "--since", "2024-05-01", screen=screen)
            screen.until("Cancel all waiting messages with --task t --since 2024-05-01T00:00:00.000Z\\? \\[y/N\\] ")
            screen.press(key)
            if status == 0:
                self.ask("cancel")
                self.answer(done=7)
            self.assertEqual(self.end(mega, status)[0], "7 cancelled\n" if status == 0 else "")
        self.assertFalse(self.router.poll(0), "it has asked the broker")

    def test_questions(self):
        for arguments, question in ((["requeue", "--all"], "Send again all dead messages?"),
                                    (["purge", "a", "b"], "Remove 2 dead messages, which cannot be sent again then?"),
                                    (["pause", "--all"], "Pause everything?"),
                                    (["drain"], "Pause everything, until it is resumed, and wait until nothing is out?")):
            screen = self.screen()
            mega = self.start(*arguments, screen=screen)
            self.assertIn(question + " [y/N]", screen.until("y/N"))
            screen.press("\n")
            self.end(mega, 1)

    def test_progress_on_a_terminal(self):
        screen = self.screen()
        mega = self.start("cancel", "--task", "t", "--yes", screen=screen)
        self.ask("cancel")
        while not screen.readable(50):  # nothing is shown in the first 200 ms
            self.answer(100, done=15000, looked=20000)
        screen.until(r"cancelled 15000, looked at 20000, \d+/s")
        self.answer(done=15000, looked=20000)
        self.assertEqual(self.end(mega)[0], "15000 cancelled\n")


class Rate(QueueCase):
    ACCOUNTS = [{"name": "default", "rate": 20, "rate_conf": 0, "rate_limit": 12.25, "per_s": 11.5},
                {"name": "shop", "rate": 100, "per_s": 0.0}, {"name": "x", "rate": 0, "rate_conf": 5, "per_s": 900.0}]

    def test_show(self):
        mega = self.start("rate")
        self.ask("status")
        self.answer(data={"accounts": self.ACCOUNTS})
        self.assertEqual(self.end(mega)[0], "ACCOUNT  CONFIGURED       SET  LIMIT NOW  PER SECOND\n"
                                            "default    no limit      20/s     12.2/s      11.5/s\n"
                                            "shop          100/s                            0.0/s\n"
                                            "x               5/s  no limit                900.0/s\n")
        mega = self.start("rate", "--app", "shop", "--json")
        self.ask("status")
        self.answer(data={"accounts": self.ACCOUNTS})
        self.assertEqual(json.loads(self.end(mega)[0]), self.ACCOUNTS[1])
        mega = self.start("rate", "--app", "none")
        self.ask("status")
        self.answer(data={"accounts": self.ACCOUNTS})
        self.end(mega, 3)

    def test_set(self):
        for word, expected in (("250", 250), ("0", 0), ("default", None)):
            mega = self.start("rate", "--app", "shop", word)
            asked = self.ask("rate")
            self.assertEqual((asked["filter"], asked.get("rate")), ({"app": "shop"}, expected))
            self.assertEqual("rate" in asked, expected is not None)
            self.answer(data=self.ACCOUNTS[1])
            self.assertIn("shop          100/s", self.end(mega)[0])

    def test_nonsense(self):
        for arguments, op in ((["rate"], "status"), (["rate", "--app", "a", "1"], "rate")):
            for data in (None, 5, [], {"accounts": 7}):
                mega = self.start(*arguments)
                self.ask(op)
                self.answer(data=data)
                self.end(mega, 5)


class Pause(QueueCase):
    def test_pause(self):
        for arguments, expected in ((["--app", "shop", "--for", "2h"], {"app": "shop"}), (["--key", "k"], {"key": "k"}),
                                    (["--task", "t", "--app", "a"], {"task": "t", "app": "a"}),
                                    (["--all", "--yes"], {"all": True})):
            mega = self.start("pause", *arguments)
            asked = self.ask("pause")
            self.assertEqual((asked["filter"], asked.get("for")), (expected, 7200000 if "--for" in arguments else None))
            self.answer(data=STATUS["pauses"])
            self.assertIn("task    default  may   2024-05-01T12:00:00.123Z  1m30s     4  root@h\n", self.end(mega)[0])

    def test_resume(self):
        mega = self.start("resume", "--all", "--json")
        self.assertEqual(self.ask("resume")["filter"], {"all": True})
        self.answer(data=[])
        self.assertEqual(self.end(mega)[0], "[]\n")
        for words in ("", "1 stopped account is tried again now"):
            mega = self.start("resume", "--app", "default")
            self.ask("resume")
            self.answer(data=[], message=words)
            self.assertEqual(self.end(mega)[0], words + "\n" * bool(words) + "nothing is paused\n")
        mega = self.start("resume", "--key", "k")
        self.ask("resume")
        self.answer(404, message="nothing of this name is paused")
        self.end(mega, 3)

    def drain(self, outs, *arguments, status=0):
        mega = self.start("drain", "--yes", *arguments)
        self.assertEqual(self.ask("pause")["filter"], {"all": True})
        self.answer(data=[])
        for out in outs:
            self.ask("status")
            self.answer(data={"depth": {"out": out}})
        return self.end(mega, status)[0]

    def test_drain(self):
        self.assertEqual(self.drain([64, 3, 0]), "nothing is out; all stays paused until mega queue resume --all\n")
        self.assertEqual(json.loads(self.drain([0], "--json")), {"drained": True, "out": 0})

    def test_drain_is_not_done_in_time(self):
        out = self.drain([9], "--timeout", "100ms", status=5)
        self.assertEqual(out, "9 still out after 100 ms; all stays paused until mega queue resume --all\n")

    def test_drain_is_told_nonsense(self):
        mega = self.start("drain", "--yes")
        self.ask("pause")
        self.answer(data=[])
        self.ask("status")
        self.answer(data={"depth": {}})
        self.end(mega, 5)


class Export(QueueCase):
    CSV = ("app,id,state,openid,key,task,lane,code,errcode,msgid,calls,failures,accepted,due,settled,expires,seq,message,received\r\n"
           "default,m-1,sent,oABC,paid,,,200,,1152921504606846977,1,0,2024-05-01T12:00:00.123Z,2024-05-01T12:00:00.123Z,"
           "2024-05-01T12:00:01.023Z,,1,,\r\n"
           "shop,m-2,dead,\"=1+1,\"\"x\"\"\",\"k\r\nk\",may,bulk,500,-1,,3,2,2024-05-01T12:00:00.123Z,2024-05-01T12:00:00.123Z,"
           "2024-05-01T12:00:00.123Z,2024-05-01T12:00:00.123Z,2,\"\x1b[31mred 你好\n\",\r\n")

    def serve(self):
        asked = self.ask("list")
        self.assertEqual((asked["filter"]["state"], asked["limit"]),
                         ("settled,dead", 1000))
        self.answer(100, data=[SENT], next=b"1")
        self.ask("list")
        self.answer(data=[NASTY])

    def test_csv(self):
        mega = self.start("export")
        self.serve()
        out, err = mega.communicate(timeout=LIMIT_S)
        self.assertEqual((out.decode(), err, mega.returncode), (self.CSV, b"", 0))
        rows = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
        self.assertEqual([row["openid"] for row in rows], [SENT["openid"], NASTY["openid"]])
        self.assertEqual(rows[1]["message"], NASTY["message"])

    def test_json_lines(self):
        for option in (["--format", "jsonl"], ["--json"]):
            mega = self.start("export", *option)
            self.serve()
            self.assertEqual([json.loads(line) for line in self.end(mega)[0].splitlines()], [SENT, NASTY])

    def test_file(self):
        path = os.path.join(self.folder, "ledger.csv")
        with open(path + ".tmp", "w") as left_over:
            left_over.write("x" * 100000)
        mega = self.start("export", "--output", path)
        self.ask("list")
        self.assertFalse(os.path.exists(path))
        self.answer(100, data=[SENT], next=b"1")
        self.ask("list")
        self.answer(data=[NASTY])
        self.assertEqual(self.end(mega), ("", "2 written to %s\n" % path))
        with open(path, newline="") as file:
            self.assertEqual(file.read(), self.CSV)
        self.assertEqual(os.listdir(self.folder).count("ledger.csv.tmp"), 0)

    def test_file_that_is_not_completed(self):
        path = os.path.join(self.folder, "ledger.csv")
        mega = self.start("export", "--output", path)
        self.ask("list")
        self.answer(100, data=[SENT], next=b"1")
        self.ask("list")
        self.answer(503, message="too many at once")
        self.end(mega, 5)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("ledger")], [])

    def test_file_that_cannot_be_written(self):
        mega = self.start("export", "--output", os.path.join(self.folder, "none", "ledger.csv"))
        self.assertIn("cannot be made: No such file", self.end(mega, 4)[1])
        with open("/dev/full", "w") as full:
            mega = self.start("export", stdout=full)
            self.serve()
            self.assertIn("standard output: cannot be written: No space left", self.end(mega, 4)[1])

    def test_other_states(self):
        mega = self.start("export", "--state", "live", "--app", "shop")
        self.assertEqual(self.ask("list")["filter"], {"state": "live", "app": "shop"})
        self.answer(data=[])
        self.assertEqual(self.end(mega)[0].count("\n"), 1)


class Top(QueueCase):
    def test_lines_without_a_terminal(self):
        mega = self.start("top", "--every", "100ms", "--timeout", "300ms")
        for n in range(3):
            self.ask("status")
            self.answer(data={"n": n})
        self.ask("status")
        out, err = self.end(mega, 5)
        self.assertEqual(out, '{"n":0}\n{"n":1}\n{"n":2}\n')

    def start_top(self):
        screen = self.screen()
        mega = self.start("top", "--every", "100ms", screen=screen, stdout=screen.slave)
        self.ask("status")
        self.answer(data=STATUS)
        screen.until("\x1b\\[\\?1049h.*broker 0.1.0.*sender-1")
        return screen, mega

    def test_keys_end_it(self):
        for key in ("q", "\x03"):
            screen, mega = self.start_top()
            screen.press(key)
            self.assertIn("\x1b[?25h\x1b[?1049l", screen.until("\x1b\\[\\?1049l"))
            self.end(mega)
            while self.router.poll(0):
                self.router.recv_multipart()

    def test_term_restores_the_screen(self):
        screen, mega = self.start_top()
        mega.send_signal(signal.SIGTERM)
        screen.until("\x1b\\[\\?1049l")
        self.end(mega)

    def test_broker_is_away(self):
        screen, mega = self.start_top()
        screen.until("no answer from ipc:.*control.ipc for [3-9]")
        self.ask("status")
        self.answer(data=STATUS)
        screen.press("q")
        self.end(mega)


class Dispatch(unittest.TestCase):
    def run_mega(self, *arguments, **more):
        return subprocess.run([os.path.join(BIN, "mega"), *arguments], capture_output=True, text=True, timeout=LIMIT_S, **more)

    def test_help(self):
        self.assertIn("mega queue", self.run_mega("--help").stdout)
        for arguments in (["queue", "--help"], ["queue", "list", "--help"]):
            done = self.run_mega(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("mega queue drain", done.stdout)

    def test_wrong_usage(self):
        for arguments in (["queue"], ["queue", "dance"], ["queue", "list", "--dance"], ["--json", "queue"], ["dance"]):
            self.assertEqual(self.run_mega(*arguments).returncode, 2, arguments)

    def test_store_is_another_program(self):
        done = self.run_mega("store", "verify", env=dict(os.environ, PATH="/nowhere"))
        if not os.path.exists(os.path.join(BIN, "mega-store")):
            self.assertEqual(done.returncode, 4)
            self.assertIn("neither beside mega nor in PATH", done.stderr)

    def test_control_of_the_configuration(self):
        done = self.run_mega("queue", "status", "-c", "/nowhere/mega.conf")
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
