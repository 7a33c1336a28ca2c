"""The templater against a fake broker and fake senders, with the folder source.

    MEGA_BIN=build/bin python3 tests/process/test_templater.py
"""
import os
import shutil
import signal
import sys
import unittest

import msgpack

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from templater_case import LIMIT_S, MSG_ID, TEST, Case, filled, message  # noqa: E402


class DirSource(Case):
    def test_jobs_go_to_their_senders(self):
        other = self.new_sender("s2")
        self.put("test", TEST)
        self.start()
        keys = self.broker.wait_keys(["test"])
        self.assertEqual(keys["test"], [1, 0, -1, [], 0, "", [], "template"])
        self.assertEqual(self.broker.hello["kind"], "templater")
        for seq in range(1, 301):
            self.broker.job(seq, self.sender if seq % 3 else other, vars={"item": seq})
        for seq in range(1, 301):
            r = self.broker.rendered(self.sender if seq % 3 else other)
            self.assertEqual(r[:7], [seq, 1, 1, "id%d" % seq, "default", "oAB", "template"])
            self.assertEqual(MSG_ID.sub(b"}", r[7]).decode(), filled(seq))

    def test_client_msg_id_belongs_to_the_call(self):
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        bodies = []
        for seq, id, turn, call in ((1, "a", 1, 0), (2, "a", 2, 0), (3, "a", 3, 1), (4, "b", 1, 0)):
            self.broker.job(seq, self.sender, id=id, turn=turn, call=call)
            bodies.append(self.broker.rendered(self.sender)[7])
        self.assertEqual(bodies[0], bodies[1])
        self.assertEqual(len(set(bodies)), 3)

    def test_kinds(self):
        """Only template messages get a client_msg_id; the others go out as they were rendered."""
        value = '"touser":"${OPENID}","template_id":"T","data":{"content":{"value":"x"}}'
        bodies = {"custom": '"touser":"${OPENID}","msgtype":"text","text":{"content":"x"}', "subscribe": value,
                  "bizsubscribe": value, "onetime": value + ',"scene":"1","title":"t"', "template": value}
        for seq, (kind, body) in enumerate(bodies.items()):
            self.put("test", '{"$mega":{"kind":"%s"},%s}' % (kind, body))
            if seq == 0:
                self.start()
                self.broker.wait_keys(["test"])
            else:
                self.assertEqual(self.broker.tset("test", seq + 1)[:2], (200, ""))
            self.broker.job(seq, self.sender, version=seq + 1)
            r = self.broker.rendered(self.sender)
            self.assertEqual((r[0], r[6]), (seq, kind))
            expected = "{%s}" % body.replace("${OPENID}", "oAB")
            self.assertEqual(MSG_ID.sub(b"}", r[7]).decode(), expected)
            self.assertEqual(r[7].decode() == expected, kind != "template")

    def test_ttl_lane_and_needs(self):
        self.put("a", message("${v} ${w}", '"ttl":"5m","lane":"express"').replace("}}}", '}},"y":${z}}'))
        self.start(templater="missing_variable = reject\n")
        self.assertEqual(self.broker.wait_keys(["a"])["a"], [1, 300000, 0, ["v", "w", "z"], 0, "", [], "template"])
        self.broker.job(1, self.sender, key="a", vars={"v": "1", "w": 'a"b', "z": None})
        self.assertEqual(self.broker.body(self.sender), filled('1 a\\"b').replace("}}}", '}},"y":null}'))

    def test_rate_and_fallback(self):
        self.put("a", message("${item}", '"rate":50,"fallback":"b","fallback_on":[45015,43004]'))
        self.put("b", message("", '"fallback":"巧克力"'))
        self.start()
        keys = self.broker.wait_keys(["a", "b"])
        self.assertEqual(keys["a"], [1, 0, -1, [], 50, "b", [45015, 43004], "template"])
        self.assertEqual(keys["b"], [1, 0, -1, [], 0, "巧克力", [45015, 45047], "template"])
        self.put("a", message("${item}", '"rate":7'))
        self.assertEqual(self.broker.tset("a", 2), (200, "", [["a", 2, 0, -1, [], 7, "", [], "template"]]))
        self.put("a", message("${item}", '"fallback":"b"'))
        self.assertEqual(self.broker.tset("a", 3)[2], [["a", 3, 0, -1, [], 0, "b", [45015, 45047], "template"]])
        for mega, reason in (('"fallback":"a"', "$mega.fallback: is this template itself"),
                             ('"rate":0', "$mega.rate: must be a whole number"),
                             ('"fallback":"b","fallback_on":[-1]', "$mega.fallback_on: -1 is no refusal: WeChat was busy")):
            self.put("a", message("x", mega))
            code, text, keys = self.broker.tset("a", 4)
            self.assertEqual((code, keys), (400, []))
            self.assertIn(reason, text)

    def test_bad_bodies(self):
        """What WeChat would refuse is not taken, and the answer names the member; the older version stays."""
        self.put("test", TEST)
        self.put("bad", '{"touser":"${OPENID}"}')
        self.start()
        self.broker.wait_keys(["test"])
        self.assertIn("template_id: missing; a template message needs it", self.log())
        for body, reason in (('{"template_id":"T"}', "touser: missing; a template message needs it"),
                             ('{"touser":"${OPENID}","template_id":"T","data":{"first":{"value":true}}}',
                              "data.first.value: must be a string"),
                             ('{"touser":"${OPENID}","msgtype":"text","text":{},"$mega":{"kind":"custom"}}',
                              "text.content: missing; a text message needs it"),
                             ('{"touser":"${OPENID}","msgtype":"fax","$mega":{"kind":"custom"}}', 'msgtype: "fax" is not known')):
            self.put("test", body)
            code, text, keys = self.broker.tset("test", 2)
            self.assertEqual((code, keys), (400, []), body)
            self.assertIn(reason, text)
        self.broker.job(1, self.sender)
        self.assertEqual(self.broker.body(self.sender), filled("x"))

    def test_what_wechat_cuts_is_told(self):
        text = message("1234567890${item}").replace('"a"', '"thing1"')
        self.put("test", text)
        self.put("long", text.replace("${item}", "1" * 20))
        self.start()
        self.broker.wait_keys(["test", "long"])
        self.assertIn("data.thing1.value: is longer than WeChat shows, 30 of 20 characters", self.log())
        for seq, value in enumerate(("secret-fits", "secret-巧克", "secret"), 1):
            self.broker.job(seq, self.sender, vars={"item": value})
            self.assertIn(value, self.broker.body(self.sender))  # it is sent all the same
        log = [line for line in self.log().splitlines() if "value is longer" in line]
        self.assertEqual(len(log), 1)
        for part in ("level=warn", "id=id1", "key=test", "member=thing1", "limit=20", "length=21"):
            self.assertIn(part, log[0])
        self.assertNotIn("secret", self.log())

    def test_dead_is_kept_until_confirmed(self):
        self.put("test", TEST)
        self.start(templater="missing_variable = reject\n")
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender, vars={})
        self.broker.job(2, self.sender, vars={"item": "x"})
        self.broker.job(3, self.sender, vars={}, turn=2)
        self.assertEqual(self.broker.results(2), {(1, 1): ("dead", "variable item is missing"),
                                                  (3, 2): ("dead", "variable item is missing")})
        self.assertEqual(self.broker.rendered(self.sender)[0], 2)
        self.assertEqual(sorted(self.broker.fence()), [[1, 1], [3, 2]])
        self.broker.say(t="who")
        self.assertEqual(sorted(self.broker.wait("held")["holdings"]), [[1, 1], [3, 2]])
        self.assertEqual(set(self.broker.results(2)), {(1, 1), (3, 2)})
        self.broker.confirm((1, 1), (9, 9))
        self.assertEqual(self.broker.fence(), [[3, 2]])
        self.broker.confirm((3, 2))
        self.assertEqual(self.broker.fence(), [])

    def test_fence_drops_older_generations(self):
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender)
        self.assertEqual(self.broker.rendered(self.sender)[0], 1)
        self.assertEqual(self.broker.fence(), [])
        self.broker.job(2, self.sender, generation=1)
        self.broker.job(3, self.sender, generation=2)
        self.assertEqual(self.broker.rendered(self.sender)[:3], [3, 1, 2])

    def test_tset(self):
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.put("test", message("new ${item}").replace('"${OPENID}"', "${OPENID}"))
        self.assertEqual(self.broker.tset("test", 5), (200, "", [["test", 5, 0, -1, [], 0, "", [], "template"]]))
        self.broker.job(1, self.sender, version=5)
        self.assertEqual(self.broker.body(self.sender), filled("new x"))
        self.put("test", '{"new":')
        code, text, keys = self.broker.tset("test", 6)
        self.assertEqual((code, keys), (400, []))
        self.assertIn("not JSON at byte 7", text)
        self.put("test", '{"$mega":{"kind":"fax"}}')
        self.assertIn("$mega.kind", self.broker.tset("test", 7)[1])
        self.put("test", '{"x":"%s"}' % ("y" * 200))
        self.assertEqual(self.broker.tset("test", 8), (400, "over template size", []))
        self.broker.job(2, self.sender, version=5)
        self.assertEqual(self.broker.body(self.sender), filled("new x"))  # the older version stays
        self.assertEqual(self.broker.tset("TEST", 9), (400, "template key not exists", []))
        self.put("b", message(""))
        self.put("c", message(""))
        self.put("d", message(""))
        self.assertEqual(self.broker.tset("b", 10)[0], 200)
        self.assertEqual(self.broker.tset("c", 11)[0], 200)
        self.assertEqual(self.broker.tset("d", 12), (400, "over table size", []))
        self.remove("b")
        self.assertEqual(self.broker.tset("b", 13), (400, "template key not exists", []))
        self.assertEqual(self.broker.wait_keys(["test", "c"])["c"][0], 11)
        self.assertEqual(self.broker.tset("d", 14)[0], 200)

    def test_limits_when_all_is_read(self):
        self.put("a", message(""))
        self.put("b", "{")
        self.put("c", '{"x":"%s"}' % ("y" * 200))
        for key in "defg":
            self.put(key, message(""))
        self.start()
        self.broker.wait_keys(["a", "d", "e"])
        log = self.log()
        self.assertIn("not JSON at byte 1", log)
        self.assertEqual(log.count("over template size"), 1)
        self.assertIn("left_out=2", log)

    def test_unknown_key_is_read_once_and_dead_then(self):
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender, key="other", version=4)
        self.assertEqual(self.broker.results(1)[1, 1][0], "returned")
        self.broker.wait_jobs_closed()
        self.broker.wait("tset", ref=0, code=400, message="template key not exists")
        self.broker.job_again(1, self.sender, key="other", version=4, turn=2)
        self.assertEqual(set(self.broker.results(1).values()), {("dead", "template key not exists")})

    def test_newer_job_is_returned_and_the_template_read(self):
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.put("test", message("new"))
        self.broker.job(1, self.sender, version=3)
        self.assertEqual(self.broker.results(1)[1, 1][0], "returned")
        self.broker.wait_jobs_closed()
        self.assertEqual(self.broker.wait("tset", ref=0, code=200)["keys"], [["test", 3, 0, -1, [], 0, "", [], "template"]])
        self.broker.job_again(1, self.sender, version=3, turn=2)
        self.assertEqual(self.broker.body(self.sender), filled("new"))

    def test_behind_by_ref_0(self):
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender)
        self.broker.rendered(self.sender)
        os.rename(self.templates, self.templates + "-away")
        self.broker.say(t="tset", ref=0, key="test", key_version=8)
        self.broker.wait("beat", behind=1)
        self.broker.wait_jobs_closed()
        self.assertEqual(self.broker.tset("test", 9)[0], 500)
        with open(self.templates + "-away/test.json", "w") as f:
            f.write(message("new"))
        os.rename(self.templates + "-away", self.templates)
        self.assertEqual(self.broker.wait("tset", ref=0, code=200)["keys"], [["test", 8, 0, -1, [], 0, "", [], "template"]])
        self.broker.wait("beat", behind=0)
        self.broker.job_again(2, self.sender, version=8)
        self.assertEqual(self.broker.body(self.sender), filled("new"))

    def test_behind_by_welcome(self):
        self.put("test", TEST)
        self.put("gone", message(""))
        p = self.start()
        self.broker.wait_keys(["test", "gone"])
        self.term(p)
        self.remove("gone")
        self.put("test", message("new"))
        self.broker.versions = {"test": 12, "gone": 3, "never": 4}
        self.start()
        self.assertEqual(self.broker.wait_keys(["test"])["test"][0], 12)
        self.broker.wait("beat", behind=0)
        self.broker.job(1, self.sender, key="gone", version=3)
        self.assertEqual(self.broker.results(1)[1, 1], ("dead", "template key not exists"))
        self.broker.job(2, self.sender, version=12)
        self.assertEqual(self.broker.body(self.sender), filled("new"))

    def test_versions_outlive_a_restart(self):
        self.put("test", TEST)
        p = self.start()
        self.broker.wait_keys(["test"])
        self.assertEqual(self.broker.tset("test", 40)[0], 200)
        self.term(p)
        self.start()
        self.assertEqual(self.broker.wait_keys(["test"])["test"][0], 40)

    def test_no_source_no_cache(self):
        self.put("test", TEST)
        os.rename(self.templates, self.templates + "-away")
        self.start()
        self.broker.wait("beat", behind=1)
        os.rename(self.templates + "-away", self.templates)
        self.broker.wait_keys(["test"])
        self.broker.wait("beat", behind=0)
        self.broker.job(1, self.sender)
        self.broker.rendered(self.sender)

    def test_no_source_but_a_cache(self):
        self.put("test", TEST)
        p = self.start()
        self.broker.wait_keys(["test"])
        self.term(p)
        shutil.rmtree(self.templates)
        p = self.start()
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender)
        self.assertEqual(self.broker.body(self.sender), filled("x"))
        self.term(p)
        with open(self.cache_path(), "r+b") as f:  # damaged: reported and ignored
            f.seek(30)
            f.write(b"\xff")
        self.start()
        self.broker.wait("beat", behind=1)
        self.assertIn("checksum", self.log())

    def test_empty_folder_is_a_source(self):
        self.start()
        self.broker.wait_keys([])
        self.broker.wait("beat", behind=0)

    def test_senders_list_and_lost_sender(self):
        other = self.new_sender("s2")
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        for seq, sender in ((1, self.sender), (2, other)):
            self.broker.job(seq, sender)
            self.broker.rendered(sender)
        self.broker.fence()  # a sender leaves, so the generation rises
        self.broker.say(t="senders", endpoints=[self.sender.endpoint])
        self.broker.again()  # answered behind it
        other.close()        # tells nothing: the way was closed before
        self.sender.close()
        self.assertEqual(self.broker.wait("lost")["endpoint"], self.sender.endpoint)

    def test_job_overtakes_the_list_of_senders(self):
        """Jobs have a socket of their own: one for a sender that has just come may be here before a list in which he is not yet. It
        goes to him all the same, and his way is closed when he leaves."""
        other = self.new_sender("s2")
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        other.unbind()
        self.broker.job(1, other)                 # waits for his socket
        self.broker.job(2, self.sender)
        self.assertEqual(self.broker.rendered(self.sender)[0], 2)
        self.broker.say(t="senders", endpoints=[self.sender.endpoint])
        self.broker.say(t="senders", endpoints=[self.sender.endpoint, other.endpoint])
        self.broker.again()
        other.bind()
        self.assertEqual(self.broker.rendered(other)[0], 1)
        self.broker.fence()
        self.broker.say(t="senders", endpoints=[self.sender.endpoint])
        self.broker.again()
        self.assertEqual(self.log().count("way to a sender closed"), 1)

    def test_job_of_a_fence_overtakes_it(self):
        """The same with a fence and the lists around it still on their way."""
        other = self.new_sender("s2")
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        other.unbind()
        self.broker.job(1, other, generation=2)
        self.broker.job(2, self.sender, generation=2)
        self.assertEqual(self.broker.rendered(self.sender)[0], 2)
        self.broker.say(t="senders", endpoints=[self.sender.endpoint])
        self.broker.fence()
        self.broker.say(t="senders", endpoints=[self.sender.endpoint])
        self.broker.say(t="senders", endpoints=[self.sender.endpoint, other.endpoint])
        self.broker.again()
        other.bind()
        self.assertEqual(self.broker.rendered(other)[0], 1)

    def test_lost_sender_is_told_again(self):
        """What was said of a lost sender may have been lost with the connection to the broker: it is said again until a fence comes."""
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender)
        self.broker.rendered(self.sender)
        self.broker.close()
        self.sender.close()
        self.wait_log("connection to a sender lost")
        self.broker = self.new_broker()  # that of before, in its generation
        self.broker.wait("lost")
        self.broker.say(t="who")
        self.broker.wait("lost")
        self.broker.fence()
        self.broker.say(t="who")
        self.broker.wait("hello")
        self.broker.wait("held")
        self.broker.say(t="fence", generation=self.broker.generation)
        while "held" not in [m["t"] for m in self.broker.heard]:
            self.broker.receive(100)
        self.assertNotIn("lost", [m["t"] for m in self.broker.heard])

    def test_job_without_a_way_is_returned(self):
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.sender.endpoint = "nonsense"
        self.broker.job(1, self.sender)
        self.assertEqual(self.broker.results(1)[1, 1][0], "returned")

    def test_nonsense_is_dropped(self):
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender)
        self.broker.rendered(self.sender)
        for frame in (b"", b"\xff\xff", msgpack.packb({"a": 1}), msgpack.packb([1] * 11)):
            self.broker.jobs.send(frame)
            self.broker.control.send_multipart([self.broker.peer, frame])
        self.broker.say(t="senders", endpoints=7)
        self.broker.say(t="confirm", holdings=[7])
        self.broker.job(2, self.sender)
        self.assertEqual(self.broker.rendered(self.sender)[0], 2)

    def test_hup_reads_all_again(self):
        self.put("test", TEST)
        p = self.start()
        self.broker.wait_keys(["test"])
        self.put("b", message(""))
        p.send_signal(signal.SIGHUP)
        self.broker.wait_keys(["test", "b"])

    def test_broker_comes_back(self):
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.broker.close()
        self.broker = self.new_broker(generation=5)
        self.assertEqual(self.broker.wait("held")["generation"], 5)
        self.broker.wait_keys(["test"])
        self.broker.job_again(1, self.sender)
        self.broker.rendered(self.sender)

    def test_jobs_are_closed_without_a_lease(self):
        self.broker.lease_ms = 300
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender)
        self.broker.rendered(self.sender)
        self.assertTrue(self.broker.jobs_events.poll(LIMIT_S * 1000))  # no beat is answered meanwhile
        self.assertIn("lease", self.log())

    def test_term_says_goodbye(self):
        self.put("test", TEST)
        p = self.start(templater="missing_variable = reject\n")
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender, vars={})
        self.broker.results(1)
        p.send_signal(signal.SIGTERM)
        self.broker.wait_jobs_closed()
        self.assertIsNone(p.poll())  # the report is not confirmed
        self.broker.confirm((1, 1))
        self.broker.wait("bye")
        self.assertEqual(p.wait(LIMIT_S), 0)
        self.assertIn("reports_unconfirmed=0", self.log())

    def test_term_without_a_confirmation(self):
        self.put("test", TEST)
        p = self.start(templater="missing_variable = reject\n")
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender, vars={})
        self.broker.results(1)
        self.term(p)
        self.assertIn("reports_unconfirmed=1", self.log())

    def test_second_copy(self):
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.assertEqual(self.start().wait(LIMIT_S), 1)
        self.broker.fence()  # the first one is well

    def test_refused(self):
        self.broker.welcomes = False
        p = self.start()
        self.broker.wait("hello")
        self.broker.say(t="refused", message="another version")
        self.assertEqual(p.wait(LIMIT_S), 1)
        self.assertIn("another version", self.log())


if __name__ == "__main__":
    unittest.main()
