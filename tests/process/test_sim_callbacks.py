#!/usr/bin/python3
"""The WeChat simulator's callbacks: signed and encrypted as WeChat does it, repeated until answered, receipts, bursts, moods.

The other side is callback_server.py, which takes nothing that WeChat would not send.
"""
import collections
import json
import unittest

from callback_server import CallbackServer, read_xml, seal_reply, write_reply
from test_sim import APPID, SECRET, Case, message

TOKEN = "callbackToken"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
CUSTOM, BIZ, SUBSCRIBE = ("/cgi-bin/message/" + path for path in ("custom/send", "subscribe/bizsend", "subscribe/send"))


class Callbacks(Case):
    def serve(self, **changes):
        server = CallbackServer(TOKEN, **changes)
        self.addCleanup(self.close, server)
        return server

    def close(self, server):
        server.close()
        self.assertEqual(server.problems, [])

    def start_for(self, server, *options):
        options += ("--callback", server.url, "--callback-token", TOKEN, "--seed", "1", "--receipt-latency", "0")
        if server.aes_key:
            options += ("--callback-aes-key", server.aes_key, "--callback-mode", server.mode)
        return self.start(*options)

    def tell(self, sim, event, openid="oUser", **members):
        return sim.call("POST", "/sim/event", json.dumps({"event": event, "openid": openid, **members}))["number"]

    def refused(self, sim, path, body):
        status, answer = sim.raw("POST", path, body if isinstance(body, str) else json.dumps(body))
        self.assertEqual(status, 400, answer)
        return json.loads(answer)["error"]

    def tries(self, sim):
        """What became of each try, by event."""
        tries = collections.defaultdict(list)
        for line in sim.journal("callback"):
            tries[line["number"]].append(line["result"])
        return dict(tries)


class Words(Callbacks):
    EVENTS = [
        ("follow", {}, {"Event": "subscribe", "EventKey": ""}),
        ("follow", {"key": "12"}, {"Event": "subscribe", "EventKey": "qrscene_12", "Ticket": "gQ-12"}),
        ("unfollow", {}, {"Event": "unsubscribe", "EventKey": ""}),
        ("scan", {"key": "12"}, {"Event": "SCAN", "EventKey": "12", "Ticket": "gQ-12"}),
        ("click", {"key": "MENU_1"}, {"Event": "CLICK", "EventKey": "MENU_1"}),
        ("view", {"key": "http://a/?b&c"}, {"Event": "VIEW", "EventKey": "http://a/?b&c"}),
        ("text", {"content": "你好 <b> & \"q\""}, {"MsgType": "text", "Content": "你好 <b> & \"q\""}),
        ("image", {"content": "m1"}, {"MsgType": "image", "MediaId": "m1"}),
        ("receipt", {"msgid": 2 ** 53 + 1, "content": "failed: system failed"},
         {"Event": "TEMPLATESENDJOBFINISH", "MsgID": 2 ** 53 + 1, "Status": "failed: system failed"}),
    ]

    def check_words(self, server, sim, number):
        for event, members, _ in self.EVENTS:
            self.tell(sim, event, **members)
        sim.wait(callbacks_ended=len(self.EVENTS))
        self.assertEqual(len(server.calls), len(self.EVENTS))
        for call, (event, _, wanted) in zip(server.calls, self.EVENTS):
            self.assertEqual({name: call.fields[name] for name in wanted},
                             {name: number(value) if isinstance(value, int) else value for name, value in wanted.items()})
            self.assertEqual(call.fields["ToUserName"], "gh_567890abcdef")
            self.assertEqual("MsgId" in call.fields, event in ("text", "image"))

    def test_plain(self):
        server = self.serve()
        self.check_words(server, self.start_for(server), str)

    def test_encrypted(self):
        server = self.serve(aes_key=AES_KEY, appid=APPID)
        self.check_words(server, self.start_for(server), str)
        self.assertNotIn("FromUserName", server.calls[0].body)

    def test_compatible(self):
        server = self.serve(aes_key=AES_KEY, appid=APPID, mode="compatible")
        self.check_words(server, self.start_for(server), str)
        self.assertIn("FromUserName", server.calls[0].body)

    def test_json(self):
        server = self.serve(aes_key=AES_KEY, appid=APPID)
        self.check_words(server, self.start_for(server, "--callback-format", "json"), int)

    def test_what_xml_cannot_hold(self):
        server = self.serve()
        sim = self.start_for(server)
        self.tell(sim, "text", content="a]]>b\u0001c")
        self.tell(sim, "raw", content="")
        self.tell(sim, "raw", content="<!DOCTYPE x>")
        sim.wait(callbacks_ended=3)
        self.assertIn("<Content><![CDATA[a]]]]><![CDATA[>bc]]></Content>", server.calls[0].text)
        self.assertEqual([call.text for call in server.calls[1:]], ["", "<!DOCTYPE x>"])

    def test_accounts_have_addresses_of_their_own(self):
        one, two = self.serve(), self.serve(aes_key=AES_KEY, appid="wxother")
        sim = self.start("--account", APPID + ":" + SECRET, "--account", "wxother:s", "--callback", one.url + "/a=b?x=y",
                         "--callback-token", TOKEN, "--callback", "wxother=" + two.url, "--callback-aes-key", "wxother=" + AES_KEY)
        self.tell(sim, "follow")
        self.tell(sim, "unfollow", appid="wxother")
        sim.wait(callbacks_ended=2)
        self.assertEqual([(call.path, call.query["x"], call.fields["Event"]) for call in one.calls],
                         [("/callback/a=b", "y", "subscribe")])
        self.assertEqual([call.fields["ToUserName"] for call in two.calls], ["gh_wxother"])

    def test_an_address_set_and_tried_later(self):
        server = self.serve(aes_key=AES_KEY, appid=APPID, mode="compatible")
        sim = self.start()
        self.assertIn("no callback URL", self.refused(sim, "/sim/event", {"event": "follow", "openid": "o"}))
        self.assertIn("no callback URL", self.refused(sim, "/sim/callback-check", ""))
        self.assertIn("token", self.refused(sim, "/sim/callback", {"url": server.url}))
        self.assertIn("aes_key: must be 43", self.refused(sim, "/sim/callback", {"url": server.url, "aes_key": "x"}))
        sim.call("POST", "/sim/callback", json.dumps(
            {"url": server.url, "token": TOKEN, "aes_key": AES_KEY, "mode": "compatible"}))
        sim.call("POST", "/sim/callback-check")
        self.assertEqual([call.query["echostr"] != "" for call in server.calls], [True])
        self.tell(sim, "follow")
        sim.wait(callbacks_done=1)
        sim.call("POST", "/sim/callback", json.dumps({"token": "another"}))
        self.assertIn("403", self.refused(sim, "/sim/callback-check", ""))
        self.assertEqual([problem.count("signature") > 0 for problem in server.problems], [True])
        server.problems.clear()


class Tries(Callbacks):
    def test_what_counts_as_an_answer(self):
        replies = {
            "oYes1": lambda call: (200, "success"),
            "oYes2": lambda call: (200, ""),
            "oYes3": write_reply_of,
            "oNo1": lambda call: (200, "Success"),
            "oNo2": lambda call: (500, "success"),
            "oNo3": lambda call: (200, "<html></html>"),
            "oNo4": lambda call: (200, write_reply(call).replace("oNo4", "oOther")),
            "oNo5": lambda call: (204, ""),
        }
        server = self.serve(answer=lambda call: replies[call.query["openid"]](call))
        sim = self.start_for(server, "--callback-retries", "0")
        numbers = {openid: self.tell(sim, "text", openid, content="?") for openid in replies}
        stats = sim.wait(callbacks_ended=len(replies))
        self.assertEqual(self.tries(sim), {numbers[o]: ["answered" if "Yes" in o else "refused"] for o in replies})
        self.assertEqual([stats["callbacks_" + name] for name in ("done", "given_up", "refused", "replies")], [3, 5, 5, 1])
        self.assertIn("hello", [line["reply"] for line in sim.journal("callback") if line["openid"] == "oYes3"][0])

    def test_replies_to_encrypted_callbacks_are_encrypted(self):
        def answer(call):
            reply = write_reply(call)
            return 200, {"oPlain": reply,
                         "oSealed": seal_reply(TOKEN, AES_KEY, APPID, reply),
                         "oToken": seal_reply("wrong", AES_KEY, APPID, reply),
                         "oKey": seal_reply(TOKEN, AES_KEY[::-1], APPID, reply),
                         "oAppid": seal_reply(TOKEN, AES_KEY, "wxother", reply)}[call.query["openid"]]

        server = self.serve(aes_key=AES_KEY, appid=APPID, answer=answer)
        sim = self.start_for(server, "--callback-retries", "0")
        for openid in ("oPlain", "oSealed", "oToken", "oKey", "oAppid"):
            self.tell(sim, "text", openid)
        sim.wait(callbacks_ended=5)
        why = {line["openid"]: line["why"] for line in sim.journal("callback")}
        self.assertIsNone(why.pop("oSealed"))
        self.assertEqual({openid: text.split()[0] for openid, text in why.items()},
                         {"oPlain": "neither", "oToken": "MsgSignature", "oKey": "Encrypt", "oAppid": "the"})

    def test_repeated_until_answered(self):
        """A 500, no answer in time, then success: the same event three times, each signed anew (as the server checks)."""
        answers = [(500, ""), None, (200, "success")]
        server = self.serve(answer=lambda call: answers.pop(0))
        sim = self.start_for(server, "--callback-timeout", "300")
        self.tell(sim, "text", content="again", create_time=1700000000)
        stats = sim.wait(callbacks_ended=1)
        self.assertEqual(self.tries(sim), {1: ["refused", "late", "answered"]})
        self.assertEqual(len({call.text for call in server.calls}), 1, "the same MsgId and CreateTime")
        self.assertEqual(server.calls[0].fields["CreateTime"], "1700000000")
        self.assertEqual([stats["callbacks_" + name] for name in ("sent", "repeated", "late", "refused", "done", "given_up")],
                         [3, 2, 1, 1, 1, 0])
        gap = server.calls[1].at - server.calls[0].at
        self.assertGreater(gap, 0.25, "the next try begins when the time of the one before is over")

    def test_given_up_after_three_repetitions(self):
        server = self.serve(answer=lambda call: (500, "") if call.query["openid"] == "oBad" else None)
        sim = self.start_for(server, "--callback-timeout", "100")
        self.tell(sim, "follow", "oBad")
        self.tell(sim, "follow", "oSilent")
        stats = sim.wait(callbacks_ended=2)
        self.assertEqual(self.tries(sim), {1: ["refused"] * 4, 2: ["late"] * 4})
        self.assertEqual((stats["callbacks_given_up"], stats["callbacks_waiting"]), (2, 0))
        self.assertEqual(len(server.calls), 8)

    def test_nobody_listens(self):
        server = CallbackServer(TOKEN)
        server.close()
        sim = self.start_for(server, "--callback-timeout", "50", "--callback-retries", "1")
        self.tell(sim, "follow")
        self.assertEqual(sim.wait(callbacks_given_up=1)["callbacks_failed"], 2)
        self.assertIn("connect", sim.journal("callback")[0]["why"].lower())

    def test_events_of_a_recipient_stay_in_order(self):
        server = self.serve()
        sim = self.start_for(server)
        sim.call("POST", "/sim/events", json.dumps(
            {"count": 500, "openids": 5, "kinds": "text", "content": "x", "connections": 50}))
        sim.wait(callbacks_ended=500)
        ids = collections.defaultdict(list)
        for call in server.calls:
            ids[call.query["openid"]].append(int(call.fields["MsgId"]))
        self.assertEqual(len(ids), 5)
        for one in ids.values():
            self.assertEqual(one, sorted(one))

    def test_ended_while_calls_are_on_their_way(self):
        server = self.serve(answer=lambda call: None)
        sim = self.start_for(server)
        self.tell(sim, "follow")
        sim.wait(callbacks_sent=1)
        sim.stop()
        with open(sim.journal_file, encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["result"] for line in file if "callback" in line], ["ended"])


def write_reply_of(call):
    return 200, write_reply(call)


class Receipts(Callbacks):
    def test_by_rule(self):
        server = self.serve()
        sim = self.start_for(server, "--receipt", "blk=user block", "--receipt", "sys=system failed", "--receipt", "frq=freq limit",
                             "--receipt", "zero=msgid0", "--receipt", "bz=user block,msgid0", "--receipt", "mute=none",
                             "--receipt", "half=none@0")
        msgids = {o: sim.send(message(o))["msgid"] for o in ("ok", "blk", "sys", "frq", "zero", "bz", "mute", "half")}
        sim.wait(callbacks_ended=7)
        self.assertEqual({call.query["openid"]: (call.fields["Event"], int(call.fields["MsgID"]), call.fields["Status"])
                          for call in server.calls},
                         {o: ("TEMPLATESENDJOBFINISH", msgid, status) for o, msgid, status in (
                             ("ok", msgids["ok"], "success"), ("blk", msgids["blk"], "failed:user block"),
                             ("sys", msgids["sys"], "failed: system failed"), ("frq", msgids["frq"], "failed:freq limit"),
                             ("zero", 0, "success"), ("bz", 0, "failed:user block"), ("half", msgids["half"], "success"))})

    def test_only_what_was_delivered(self):
        server = self.serve()
        sim = self.start_for(server, "--fault", "bad=43004", "--fault", "rev=40252", "--fault", "cut=cut-after")
        for openid in ("bad1", "rev1"):
            sim.send(message(openid))
        msgid = sim.send(message("ok1", "m1"))["msgid"]
        self.assertEqual(sim.send(message("ok1", "m1"))["msgid"], msgid)
        self.assert_cut(sim, message("cut1"))
        sim.send(json.dumps({"touser": "kf1", "msgtype": "text", "text": {"content": "x"}}), path=CUSTOM)
        sim.wait(callbacks_ended=3)
        told = {call.query["openid"]: call.fields for call in server.calls}
        self.assertEqual((len(server.calls), sorted(told)), (3, ["cut1", "ok1", "rev1"]))
        self.assertEqual(int(told["ok1"]["MsgID"]), msgid)
        self.assertNotIn(int(told["rev1"]["MsgID"]), (0, msgid))
        sim.call("POST", "/sim/receipts", "rev=user block")
        sim.send(message("rev2"))
        sim.wait(callbacks_ended=4)
        self.assertEqual(server.calls[-1].fields["Status"], "failed:user block")

    def test_subscription_messages(self):
        body = {"template_id": "T7", "data": {"thing1": {"value": "x"}}}
        for format_name, string in (("xml", str), ("json", str)):
            server = self.serve()
            sim = self.start_for(server, "--callback-format", format_name, "--receipt", "blk=user block")
            sim.send(json.dumps({"touser": "blk1", **body}), path=BIZ)
            msgid = sim.send(json.dumps({"touser": "ok1", **body}), path=SUBSCRIBE)["msgid"]
            sim.wait(callbacks_ended=2)
            lists = {call.query["openid"]: call.fields["List"] if format_name == "json" else read_xml(call.text.split("<List>")[1])
                     for call in server.calls}
            self.assertEqual({o: [item[name] for name in ("TemplateId", "ErrorCode", "ErrorStatus")] for o, item in lists.items()},
                             {"ok1": ["T7", string(0), "success"], "blk1": ["T7", string(43101), "user block"]})
            self.assertEqual(lists["ok1"]["MsgID"], string(msgid))

    def test_latency(self):
        server = self.serve()
        sim = self.start_for(server, "--receipt-latency", "300")
        sim.call("POST", "/sim/receipt-latency", "200")
        sim.send(message())
        sim.wait(callbacks_ended=1)
        sent, receipt = sim.journal()[0], sim.journal("callback")[0]
        self.assertGreaterEqual(receipt["t"] - sent["done"], 199)


class Bursts(Callbacks):
    def test_counts_kinds_and_rate(self):
        server = self.serve()
        sim = self.start_for(server)
        sim.call("POST", "/sim/events", json.dumps({"count": 400, "openid": "oB", "kinds": "follow@0.5,scan@0.25,text@0.25",
                                                    "per_second": 1000, "key": "7", "content": "hi"}))
        stats = sim.wait(callbacks_ended=400)
        lines = sim.journal("callback")
        self.assertEqual((len(lines), stats["callbacks_done"], len({line["openid"] for line in lines})), (400, 400, 400))
        kinds = collections.Counter(line["event"] for line in lines)
        self.assertEqual(set(kinds), {"follow", "scan", "text"})
        self.assertTrue(160 < kinds["follow"] < 240, kinds)
        self.assertEqual({len(line["openid"]) for line in lines}, {28})
        took = max(line["t"] for line in lines) - min(line["t"] for line in lines)
        self.assertGreaterEqual(took, 390, "not faster than was asked for")
        self.assertLessEqual(stats["callback_ms_p99"], stats["callback_ms_max"])

    def test_a_burst_changes_what_is_known_of_recipients(self):
        server = self.serve()
        sim = self.start_for(server, "--windows", "on")
        custom = {"touser": "oB" + "0" * 26, "msgtype": "text", "text": {"content": "x"}}
        steps = (("text", False, 45015), ("text", True, 0), ("unfollow", True, 45015))
        for number, (kinds, remember, wanted) in enumerate(steps, 1):
            sim.call("POST", "/sim/events", json.dumps({"count": 3, "openid": "oB", "kinds": kinds, "remember": remember}))
            sim.wait(callbacks_ended=3 * number)
            self.assertEqual(sim.code(json.dumps(custom), path=CUSTOM), wanted, kinds)

    def test_refused(self):
        sim = self.start_for(self.serve())
        for path, body, word in (
                ("/sim/events", {}, "count"), ("/sim/events", {"count": 1, "kinds": "receipt"}, "kinds"),
                ("/sim/events", {"count": 1, "kinds": "follow@2"}, "kinds"), ("/sim/events", {"count": "1"}, "count"),
                ("/sim/events", {"count": 1, "connections": 1001}, "connections"), ("/sim/events", "[]", "object"),
                ("/sim/events", {"count": 1, "openid": "o" * 101}, "openid"),
                ("/sim/event", {"event": "follow"}, "openid"), ("/sim/event", {"event": "x", "openid": "o"}, "event"),
                ("/sim/event", {"event": "follow", "openid": "o", "evnt": 1}, "evnt"),
                ("/sim/event", "{", "object"), ("/sim/event", "", "object"),
                ("/sim/callback-mood", "repeat", "repeat@RATE"), ("/sim/callback-mood", "late@0.1", "late@RATE:MS"),
                ("/sim/receipts", "blk", "="), ("/sim/receipts", "wxno/blk=none", "wxno"), ("/sim/receipts", "a=b@3", "RATE"),
                ("/sim/receipt-latency", "x", "MS"), ("/sim/callback", {"mode": "odd"}, "mode"),
                ("/sim/callback", {"url": "ftp://x"}, "url"), ("/sim/callback", {"format": "yaml"}, "format")):
            self.assertIn(word, self.refused(sim, path, body), (path, body))
        self.assertEqual(sim.stats()["callbacks_events"], 0)


class Moods(Callbacks):
    def told(self, seed, mood, **members):
        """How often each of 300 events was told, and the order in which they came."""
        server = self.serve()
        sim = self.start("--callback", server.url, "--callback-token", TOKEN, "--seed", seed, "--callback-mood", mood)
        sim.call("POST", "/sim/events", json.dumps({"count": 300, "kinds": "text", **members}))
        stats = sim.wait(callbacks_ended=300)
        lines = sim.journal("callback")
        self.finish(sim)
        with open(sim.journal_file, "w", encoding="utf-8"):
            pass
        return collections.Counter(line["number"] for line in lines), stats, lines

    def test_repeats_follow_the_seed(self):
        counts, stats, lines = self.told("5", "repeat@0.2")
        self.assertEqual({line["result"] for line in lines}, {"answered"})
        twice = {number for number, count in counts.items() if count == 2}
        self.assertTrue(30 < len(twice) < 90, len(twice))
        self.assertEqual((set(counts.values()), stats["callbacks_repeated"], stats["callbacks_done"]), ({1, 2}, len(twice), 300))
        again = self.told("5", "repeat@0.2,late@0.1:5")[0]
        self.assertEqual({number for number, count in again.items() if count == 2}, twice, "one share leaves the others alone")
        self.assertNotEqual({number for number, count in self.told("6", "repeat@0.2")[0].items() if count == 2}, twice)

    def test_late(self):
        """Over one connection all go in their order, but for those that are late."""
        lines = self.told("5", "late@0.3:400", connections=1)[2]
        late = [line for at, line in enumerate(lines) if any(before["number"] > line["number"] for before in lines[:at])]
        self.assertTrue(50 < len(late) < 130, len(late))
        self.assertGreaterEqual(min(line["t"] for line in late) - lines[0]["t"], 395)

    def test_reorder(self):
        server = self.serve()
        sim = self.start_for(server, "--callback-mood", "reorder@1")
        first, second = self.tell(sim, "follow"), self.tell(sim, "unfollow")
        sim.wait(callbacks_ended=2)
        self.assertEqual([line["number"] for line in sim.journal("callback")], [second, first])
        sim.call("POST", "/sim/callback-mood", "")
        third, fourth = self.tell(sim, "follow"), self.tell(sim, "unfollow")
        sim.wait(callbacks_ended=4)
        self.assertEqual([line["number"] for line in sim.journal("callback")[2:]], [third, fourth])


if __name__ == "__main__":
    unittest.main()
