#!/usr/bin/python3
"""`mega wechat followers`: all followers of an account by real programs and the simulator; and a WeChat played by the test for what
the simulator does not do."""
import json
import os
import pty
import subprocess
import unittest

import ring
from sender_peers import Bench, Keeper, start_sim
from test_wechat_cli import Case, WeChat, refusal

GET = "/cgi-bin/user/get"
PAGE = 10000
OTHER_ID = "wxother"


def openid(number, account=0):
    return "oFollower%02d-%016d" % (account, number)


def lines(numbers, account=0):
    return [openid(number, account) for number in numbers]


class FollowersCase(Case):
    def launch(self, *arguments, **more):
        """The command, with its output on a pipe that the test reads when it wants."""
        process = subprocess.Popen([os.path.join(ring.BIN, "mega"), "wechat", "followers", *arguments, "-c", self.bench.conf_path],
                                   stdin=subprocess.DEVNULL, bufsize=0, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def finish(self, process, status=0):
        out, err = process.communicate(timeout=ring.LIMIT_S)
        self.assertEqual(process.returncode, status, err)
        self.check(err.decode())
        return (out or b"").decode(), err.decode()


class WithSimulator(FollowersCase):
    def start(self, *arguments, accounts=None):
        self.sim = start_sim(self.bench, "--account", ring.APP_ID + ":" + ring.SECRET, "--account", OTHER_ID + ":s", *arguments)
        self.bench.write({name: dict({"api_base": self.sim.base}, **keys) for name, keys in (accounts or {"default": {}}).items()})
        self.keeper = self.bench.start("mega-token", "token")

    def listed(self, *arguments):
        out, err = self.mega("followers", *arguments)
        self.assertEqual(err, "")
        return out.splitlines()

    def asked(self):
        """next_openid and end of each call."""
        self.sim.get("/sim/stats")  # the journal is whole then
        with open(self.sim.journal_path, encoding="utf-8") as file:
            return [(line["openid"], line["result"], line["errcode"]) for line in map(json.loads, file) if line["path"] == GET]

    # --- pages

    def test_several_pages(self):
        self.start("--followers", "23000")
        self.assertEqual(self.listed(), lines(range(23000)))
        self.assertEqual([call[0] for call in self.asked()], [None, openid(9999), openid(19999), openid(22999)])

    def test_nobody(self):
        self.start()
        self.assertEqual(self.listed(), [])
        self.assertEqual(len(self.asked()), 1)

    def test_only_those_who_follow(self):
        self.start("--followers", "3")
        for who, did in ((openid(1), "unfollow"), ("oNew", "follow")):
            self.sim.post("/sim/user?openid=%s&did=%s" % (who, did))
        self.assertEqual(self.listed(), [openid(0), openid(2), "oNew"])

    def test_from(self):
        self.start("--followers", "12000")
        self.assertEqual(self.listed("--from", openid(1499)), lines(range(1500, 12000)))
        self.assertEqual(self.listed("--from", openid(11999)), [])
        _, err = self.mega("followers", "--from", "oStranger&x=1", status=1)
        self.assertIn("40003", err)
        self.assertIn("without --from", err)
        self.assertEqual(self.asked()[-1][0], "oStranger&x=1", "escaped")

    def test_of_an_account(self):
        self.start("--followers", "2", accounts={"default": {}, "shop": {"app_id": OTHER_ID, "app_secret": "s"}})
        self.assertEqual(self.listed("--app", "shop"), lines(range(2), account=1))
        self.mega("followers", "--app", "nobody", status=2)

    def test_wrong_usage(self):
        self.start("--followers", "2")
        for arguments in (["more"], ["--json"], ["--from", ""], ["--from", "a b"], ["--timeout", "5"], ["--yes"]):
            self.mega("followers", *arguments, status=2)
        for arguments in (["--from", "o1"], ["--timeout", "2m"]):
            self.mega("quota", *arguments, status=2)
        self.assertEqual(self.asked(), [])
        out = subprocess.run([os.path.join(ring.BIN, "mega"), "wechat", "--help"], capture_output=True, text=True, check=True).stdout
        self.assertIn("mega wechat followers ", out)

    # --- tokens

    def test_token_ends_in_the_middle(self):
        """The pipe is too small for a page, so the command has asked for one page when the token is ended."""
        self.start("--followers", "23000")
        process = self.launch()
        first = process.stdout.readline().decode()
        self.sim.post("/sim/invalidate")
        out, err = self.finish(process)
        self.assertEqual((first + out).splitlines(), lines(range(23000)))
        self.assertEqual(err, "")
        self.assertEqual([call[1:] for call in self.asked()], [("ok", None), ("refused", 40001)] + [("ok", None)] * 3)

    def test_no_keeper(self):
        self.start("--followers", "3")
        self.keeper.kill()
        out, err = self.mega("followers", status=1)
        self.assertEqual(out, "")
        self.assertIn("mega-token", err)
        self.assertNotIn("--from", err)

    # --- failures

    def test_failures_that_are_retried(self):
        second = openid(9999)
        self.start("--followers", "12000", *sum((["--fault", "%s=%s*1" % (second, action)] for action in ("-1", "cut", "http502")), []))
        self.assertEqual(self.listed(), lines(range(12000)))
        self.assertEqual([call[:2] for call in self.asked()], [(None, "ok")] + [(second, end) for end in ("fault", "cut", "fault", "ok")]
                         + [(openid(11999), "ok")])

    def test_failure_that_is_none_to_retry(self):
        self.start("--followers", "12000", "--fault", openid(9999) + "=48001")
        out, err = self.mega("followers", status=1)
        self.assertEqual(out.splitlines(), lines(range(PAGE)))
        self.assertIn("48001", err)
        self.assertIn("mega wechat followers --from %s\n" % openid(9999), err)
        self.assertEqual(len(self.asked()), 2)
        self.sim.post("/sim/faults")
        self.assertEqual(self.listed("--from", openid(9999)), lines(range(PAGE, 12000)))

    def test_quota_is_used_up(self):
        self.start("--followers", "12000", accounts={"default": {}, "shop": {"app_id": OTHER_ID, "app_secret": "s"}})
        self.sim.post("/sim/quota?daily=1&path=" + GET)
        out, err = self.mega("followers", "--app", "shop", status=1)
        self.assertEqual(len(out.splitlines()), PAGE)
        self.assertIn("45009", err)
        self.assertIn("--app shop --from %s\n" % openid(9999, 1), err)
        self.assertEqual(len(self.asked()), 2)

    def test_retries_have_an_end(self):
        self.start("--followers", "12000", "--fault", openid(9999) + "=busy")
        out, err = self.mega("followers", "--timeout", "600ms", status=1)
        self.assertEqual(out.splitlines(), lines(range(PAGE)))
        self.assertIn("--from " + openid(9999), err)
        self.assertEqual(len(self.asked()), 3)
        self.mega("followers", "--timeout", "0", "--from", openid(9999), status=1)
        self.assertEqual(len(self.asked()), 4)

    # --- output

    def test_output_closed_early(self):
        self.start("--followers", "23000")
        process = self.launch()
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=ring.LIMIT_S)
        self.assertEqual(process.returncode, 4, err)
        self.assertIn(b"Broken pipe", err)
        self.assertEqual(len(self.asked()), 1)

    def test_output_closed_later(self):
        self.start("--followers", "23000")
        process = self.launch()
        for _ in range(PAGE + 1):
            process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=ring.LIMIT_S)
        self.assertEqual(process.returncode, 4, err)
        self.assertIn(("--from " + openid(9999)).encode(), err)

    def test_full_disk(self):
        self.start("--followers", "3")
        with open("/dev/full", "w") as full:
            _, err = self.finish(self.launch(stdout=full), status=4)
        self.assertIn("No space left", err)

    def test_progress_on_a_terminal(self):
        self.start("--followers", "12000")
        ours, theirs = pty.openpty()
        process = self.launch(stderr=theirs)
        os.close(theirs)
        out, _ = process.communicate(timeout=ring.LIMIT_S)
        shown = os.read(ours, 65536).decode()
        os.close(ours)
        self.assertEqual((process.returncode, len(out.splitlines())), (0, 12000))
        self.assertIn("followers 10000 of 12000", shown)
        self.assertTrue(shown.endswith("\r\033[K"), shown)
        self.assertNotIn(b"\033", out)


class WithWeChatOfTheTest(FollowersCase):
    def setUp(self):
        super().setUp()
        self.wechat = WeChat()
        self.addCleanup(self.wechat.server.close)
        self.bench.write({"default": {"api_base": self.wechat.server.base}})

    def start(self, *answers):
        self.wechat.answers[GET] = list(answers)
        self.bench.start("mega-token", "token")

    def page(self, openids, following, **more):
        return {"total": 3, "count": len(openids), "data": {"openid": openids}, "next_openid": following, **more}

    def test_last_page_tells_no_next(self):
        """As the documentation has it."""
        self.start(self.page(["", "o1", "o2"], "o2"), self.page(["o3"], ""))
        out, _ = self.mega("followers")
        self.assertEqual(out, "o1\no2\no3\n")
        self.assertEqual([call[2].get("next_openid") for call in self.wechat.made(GET)], [None, "o2"])

    def test_wrong_answers(self):
        for wrong, told in (({"total": 3}, "no count"), (b"<html>", "no JSON object"), ({"count": 2}, "lists none"),
                            (self.page(["o 1"], "o1"), "no openid"), (self.page(["o\n1"], "o1"), "no openid"),
                            (self.page([1], "o1"), "no openid"), (self.page(["o" * 200], "o1"), "no openid"),
                            (self.page(["o4"], "o 4"), "next_openid"), (self.page(["o4"], 4), "next_openid"),
                            (self.page("o4", "o4"), "no list"), (self.page(["o2"], "o2"), "again")):
            with self.subTest(told):
                if self.wechat.answers.get(GET) is None:
                    self.start()
                self.wechat.answers[GET] = [self.page(["o1", "o2"], "o2"), wrong]
                out, err = self.mega("followers", "--timeout", "0", status=1)
                self.assertEqual(out, "o1\no2\n")
                self.assertIn(told, err)
                self.assertIn("--from o2\n", err)

    def test_words_of_wechat_are_harmless(self):
        self.start(refusal(48001, "no access_token=50_token-of-the-test-1 \x1b[31m"))
        _, err = self.mega("followers", status=1)
        self.assertIn("48001", err)
        self.assertNotIn("\x1b", err)

    def test_rejected_tokens_are_reported(self):
        """By a keeper of the test: what it is told, and that the next token is used."""
        keeper = Keeper(self.bench, {"default": "T0"})
        keeper.on_rejected = lambda app, token: keeper.tokens.update({app: "T1"})

        def answer(query, body):
            return self.page(["o1"], "") if query["access_token"] == "T1" else refusal(42001)
        self.wechat.answers[GET] = answer
        process = self.launch()
        while process.poll() is None:
            if keeper.socket.poll(50):
                keeper.take()
        out, err = self.finish(process)
        self.assertEqual((out, err, keeper.rejected), ("o1\n", "", ["T0"]))


if __name__ == "__main__":
    unittest.main()
