"""mega-template with a folder of templates: what a template is, what it becomes, what is wrong with it.

    MEGA_BIN=build/bin python3 tests/process/test_preview.py
"""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from templater_case import BIN, LIMIT_S, Case, filled, message  # noqa: E402

CUSTOM = '{"touser":"${OPENID}","msgtype":"text","text":{"content":"${item}"},"$mega":{"kind":"custom","fallback":"third"}}'


class Preview(Case):
    def preview(self, *arguments, **conf):
        """What --json prints, with the exit status."""
        status, out, err = self.tool("preview", *arguments, "--openid", "oAB", "--json", **conf)
        self.assertEqual(err, "")
        return status, json.loads(out)

    def files(self):
        return sorted((path, sorted(names), sorted(os.stat(os.path.join(path, n)).st_mtime_ns for n in names))
                      for path, _, names in os.walk(self.folder))

    def test_a_good_template(self):
        self.put("a", message("${n} ${item} ${item}", '"ttl":"5m","lane":"express","rate":50'))
        status, found = self.preview("a", "--var", 'item=巧"', "--vars", '{"item":1,"n":2.50,"x":null}')
        self.assertEqual(status, 0)
        body = json.loads(found.pop("body"))
        self.assertRegex(body.pop("client_msg_id"), "^[0-9a-f]{32}$")
        self.assertEqual(body, json.loads(filled('2.5 巧\\" 巧\\"')))
        self.assertEqual(found, {
            "key": "a", "good": True, "error": "", "warnings": [], "kind": "template",
            "call": "/cgi-bin/message/template/send", "lane": "express", "ttl_ms": 300000, "rate": 50, "fallback": "",
            "fallback_on": [], "variables": ["item", "n"], "not_given": [], "not_used": ["x"]})

    def test_for_people(self):
        self.put("a", message("${item}", '"fallback":"b","fallback_on":[43004]').replace('"a"', '"thing1"'))
        self.put("b", CUSTOM)
        self.put("third", "{")  # a fallback's fallback is never tried, and not looked at
        before = self.files()
        status, out, err = self.tool("preview", "a", "--var", "item=" + "巧" * 21, "--openid", "oAB")
        self.assertEqual((status, err), (0, ""))
        for part in ("key         a\n", "kind        template\n", "call        /cgi-bin/message/template/send\n",
                     "lane        not set\n", "ttl         none\n", "rate        no limit\n", "fallback    b, on 43004\n",
                     "variables   item\nnot given   none\n",
                     "warning     thing1: as filled in it is longer than WeChat shows, 21 of 20 characters\n",
                     '\n    "thing1": {\n      "value": "' + "巧" * 21 + '"\n    }\n',
                     "\nraw\n" + filled("巧" * 21)[:-1].replace('"a"', '"thing1"') + ',"client_msg_id":"',
                     "the fallback, with the same variables", "key         b\nkind        custom\n",
                     "call        /cgi-bin/message/custom/send\n",
                     '\nraw\n{"touser":"oAB","msgtype":"text","text":{"content":"' + "巧" * 21 + '"}}\n'):
            self.assertIn(part, out)
        self.assertNotIn("third", out.replace("fallback    third, on 45015, 45047\n", ""))
        os.unlink(os.path.join(self.folder, "mega.conf"))
        self.assertEqual([f[:2] for f in self.files()][1:], [f[:2] for f in before][1:], "nothing is written")

    def test_what_a_terminal_obeys(self):
        """A control character of C1 (U+009B begins a sequence as ESC [ does) and a mark of direction, in key, body and warning."""
        evil = "\u009b31m\u202e"
        self.put("a" + evil, '{"touser":"${OPENID}","template_id":"t","data":{"thing1":{"value":"${v%s}"}}}' % evil)
        status, out, err = self.tool("preview", "a" + evil, "--var", "v%s=%s" % (evil, evil * 9), "--openid", "oAB")
        self.assertEqual((status, err), (0, ""))
        shown, raw = out.split("\nraw\n")
        for character in evil[0] + evil[-1]:
            self.assertNotIn(character, shown)
            self.assertIn(character, raw)
        status, out, err = self.tool("check")
        self.assertNotIn("\u009b", out + err)

    def test_empty_key(self):
        status, out, err = self.tool("preview", "")
        self.assertEqual((status, err), (1, ""))
        self.assertIn("has no template of this key", out)

    def test_output_that_cannot_be_written(self):
        self.put("a", '{"touser":"${OPENID}","template_id":"t","data":{"n":{"value":"1"}}}')
        for arguments in (["check"], ["preview", "a"]):
            with self.subTest(arguments), open("/dev/full", "w") as full:
                done = subprocess.run([os.path.join(BIN, "mega-template"), *arguments, "-c", self.write_conf()], text=True,
                                      stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=LIMIT_S)
                self.assertEqual(done.returncode, 4)
                self.assertIn("mega-template: standard output: No space left on device", done.stderr)

    def test_missing_variables(self):
        self.put("a", message("${item} ${n}"))
        status, found = self.preview("a", "--var", "n=1")
        self.assertEqual((status, found["not_given"], found["error"]), (0, ["item"], ""))
        self.assertIn('"value":"${item} 1"', found["body"])
        status, found = self.preview("a", "--var", "n=1", templater="missing_variable = reject\n")
        self.assertEqual((status, found["error"]), (1, "variable item is missing"))
        self.assertNotIn("body", found)
        self.put("a", message("${item}").replace('"${item}"', "${item}"))
        status, found = self.preview("a")
        self.assertEqual(status, 1)
        self.assertIn("it stands where a JSON value must be", found["error"])

    def test_what_is_refused(self):
        cases = {"not-json": ('{"touser":', "not JSON at byte 10"), "no-id": ('{"touser":"${OPENID}"}', "template_id: missing"),
                 "text": ('{"touser":"o","msgtype":"text","text":{"content":7},"$mega":{"kind":"custom"}}',
                          "text.content: must be a string"),
                 "mega": ('{"$mega":{"rate":0}}', "$mega.rate: "), "own": (message("", '"fallback":"own"'), "is this template itself"),
                 "size": (message("x" * 200), "over template size"), "k" * 33: (message(""), "no template of this key"),
                 "absent": (None, "no template of this key"), "../a": (None, "no template of this key")}
        for key, (text, reason) in cases.items():
            if text is not None:
                self.put(key, text)
            status, found = self.preview(key)
            self.assertEqual((status, found["key"], found["good"]), (1, key, False))
            self.assertIn(reason, found["error"])
            status, out, _ = self.tool("preview", key)
            self.assertEqual(status, 1)
            self.assertIn(reason, out)

    def test_fallback_that_is_not_there(self):
        self.put("a", message("", '"fallback":"none"'))
        status, found = self.preview("a")
        self.assertEqual((status, found["good"], found["fallback_preview"]["good"]), (1, True, False))
        status, out, _ = self.tool("check")
        self.assertEqual((status, out), (0, 'a  template  warning: $mega.fallback: the source has no template "none"\n'))

    def test_check(self):
        self.assertEqual(self.tool("check"), (0, "", ""))
        self.put("a", message("${x}"))
        self.put("b", message("${x}").replace('"a"', '"first"'))
        self.assertEqual(self.tool("check")[:2], (0, "a  template  ok\n"
                                                     "b  template  warning: data.first: WeChat does not show it any more\n"))
        self.put("c", CUSTOM.replace("content", "contend"))
        self.put("d", "[]")
        self.put("k" * 33, message(""))
        expected = ["a  template  ok", "b  template  warning: data.first: WeChat does not show it any more",
                    "c  custom  error: text.content: missing; a text message needs it",
                    "d  -  error: must be a JSON object", "k" * 33 + "  -  error: the key is over 32 characters"]
        status, out, err = self.tool("check")
        self.assertEqual((status, out.splitlines(), err), (1, expected, ""))
        self.assertEqual(self.tool("check", "b", "a")[:2], (0, expected[1] + "\n" + expected[0] + "\n"))
        lines = [json.loads(line) for line in self.tool("check", "--json")[1].splitlines()]
        self.assertEqual([(x["key"], x["good"]) for x in lines],
                         [("a", True), ("b", True), ("c", False), ("d", False), ("k" * 33, False)])
        self.assertEqual(lines[1]["warnings"], ["data.first: WeChat does not show it any more"])

    def test_check_counts_what_is_taken(self):
        for key in "abc":
            self.put(key, message("") if key != "a" else "{")
        status, out, _ = self.tool("check", server="table_size = 1\ntemplate_size = 200")
        self.assertEqual(status, 1)
        self.assertEqual([line.split("  ", 2)[2] for line in out.splitlines()][1:],
                         ["ok", "error: over table size: [server] table_size allows 1 templates"])

    def test_no_source(self):
        os.rmdir(self.templates)
        self.assertEqual(self.tool("check")[0], 1)
        self.assertIn("template folder", self.tool("check")[2])
        status, found = self.preview("a")
        self.assertEqual(status, 1)
        self.assertIn("template folder", found["error"])

    def test_usage(self):
        conf = self.write_conf()
        for arguments in ([], ["show"], ["preview", "-c", conf], ["preview", "-c", conf, "a", "b"], ["preview", "--var", "x", "a"],
                          ["preview", "--var", "=x", "a"], ["preview", "--vars", "{", "a"], ["preview", "--vars", '{"a":[]}', "a"],
                          ["preview", "--openid", "", "a"], ["preview", "--openid", "o" * 129, "a"], ["check", "--var", "a=b"],
                          ["check", "--nonsense"], ["check", "-c", self.folder + "/none"]):
            done = subprocess.run([os.path.join(BIN, "mega-template")] + arguments, capture_output=True, text=True, timeout=LIMIT_S)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertNotEqual(done.stderr, "")
        self.assertIn("mega-template", self.tool("--help")[1])

    def test_what_comes_from_outside_stays_in_its_line(self):
        self.put("a", message("${x}"))
        status, out, _ = self.tool("preview", "a", "--var", "evil\n\x1b[2J=1", "--var", "x=\x1b[2J")
        self.assertEqual(status, 0)
        self.assertNotIn("\x1b", out)


if __name__ == "__main__":
    unittest.main()
