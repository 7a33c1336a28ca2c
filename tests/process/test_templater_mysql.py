"""The templater with a real MariaDB.

    MEGA_BIN=build/bin python3 tests/process/test_templater_mysql.py
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mariadb import MariaDB  # noqa: E402
from templater_case import HERE, TEST, Case, filled, message  # noqa: E402


class MySQLSource(Case):
    @classmethod
    def setUpClass(cls):
        cls.db = MariaDB().__enter__()
        with open(os.path.join(HERE, "../data/table.sql")) as f:
            cls.table = f.read()

    @classmethod
    def tearDownClass(cls):
        cls.db.close()

    def setUp(self):
        super().setUp()
        self.prefix = ""
        self.by_socket = False
        self.password = self.db.password
        if not self.db.answers():
            self.db.start()
        self.db.sql("DROP DATABASE IF EXISTS mega; CREATE DATABASE mega")

    def make_table(self, name="mega_wechat_template", charset="utf8"):
        self.db.sql(self.table.replace("mega_wechat_template", name).replace("CHARSET=utf8", "CHARSET=" + charset), "mega")

    def put(self, key, text, table="mega_wechat_template"):
        self.db.sql("REPLACE INTO `%s` (tmpl_key, template) VALUES (X'%s', X'%s')"
                    % (table, key.encode().hex(), text.encode().hex()), "mega")

    def remove(self, key):
        self.db.sql("DELETE FROM mega_wechat_template WHERE tmpl_key = '%s'" % key, "mega")

    def source_conf(self):
        where = "unix_socket=" + self.db.socket_path if self.by_socket else "host=127.0.0.1;port=%d" % self.db.port
        secret = os.path.join(self.folder, "secret")
        with open(secret, "w") as f:
            f.write(self.password + "\n")
        return ('[pdo]\ndsn = "mysql:%s;dbname=mega;charset=utf8"\nusername = %s\npassword_file = %s\n'
                "table_prefix = %s\nconnect_timeout = 1s\n[templater]\nsource = mysql\n"
                % (where, self.db.user, secret, self.prefix))

    def test_tset(self):
        self.make_table()
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender)
        self.assertEqual(self.broker.body(self.sender), filled("x"))
        self.put("test", message("巧克力 ${item}"))
        self.assertEqual(self.broker.tset("test", 5), (200, "", [["test", 5, 0, -1, [], 0, "", [], "template"]]))
        self.broker.job(2, self.sender, version=5)
        self.assertEqual(self.broker.body(self.sender), filled("巧克力 x"))
        self.assertEqual(self.broker.tset("TEST", 6), (200, "", [["test", 6, 0, -1, [], 0, "", [], "template"]]))  # by collation
        self.broker.job(3, self.sender, version=6)
        self.broker.rendered(self.sender)
        for key in ("nobody", "", "x" * 33, "te%", "' OR '1'='1", "a\\", '"', "`", "\0", "空" * 33):
            self.assertEqual(self.broker.tset(key, 7), (400, "template key not exists", []), key)
        self.put("it's \\ \"q\"", message(""))
        self.assertEqual(self.broker.tset("it's \\ \"q\"", 8)[0], 200)
        self.put("b", '{"x":"%s"}' % ("空" * 65))  # 202 bytes, 72 characters
        self.assertEqual(self.broker.tset("b", 9), (400, "over template size", []))
        self.put("b", "")
        self.assertIn("not JSON at byte 0", self.broker.tset("b", 10)[1])
        self.put("b", message(""))
        self.put("c", message(""))
        self.assertEqual(self.broker.tset("b", 11)[0], 200)
        self.assertEqual(self.broker.tset("c", 12), (400, "over table size", []))
        self.remove("test")
        self.assertEqual(self.broker.tset("test", 13), (400, "template key not exists", []))
        self.broker.wait_keys(["b", "it's \\ \"q\""])

    def test_preview_and_check(self):
        """mega-template reads the table as the templater does, and says without the password when it cannot."""
        self.make_table(charset="utf8mb4")
        self.put("巧克力", message("😀${item}", '"fallback":"BAD"'))
        self.put("bad", '{"touser":"${OPENID}"}')
        status, out, err = self.tool("preview", "巧克力", "--var", "item=y", "--openid", "oAB")
        self.assertEqual((status, err), (1, ""))  # the fallback is bad
        self.assertIn(filled("😀y")[:-1] + ',"client_msg_id":"', out)
        self.assertIn("error       template_id: missing", out)
        status, out, err = self.tool("check")
        self.assertEqual((status, err), (1, ""))
        self.assertEqual(sorted(out.splitlines()), ["bad  template  error: template_id: missing; a template message needs it",
                                                    "巧克力  template  ok"])
        self.assertEqual(self.tool("check", "巧克力")[:2], (0, "巧克力  template  ok\n"))
        self.password = "wrong-pass-word"
        for command in (("check",), ("check", "bad"), ("preview", "bad")):
            status, out, err = self.tool(*command)
            self.assertEqual(status, 1)
            self.assertIn("Access denied", out + err)
            self.assertNotIn("wrong-pass-word", out + err)

    def test_row_that_is_spelled_otherwise_by_now(self):
        self.make_table()
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.db.sql("UPDATE mega_wechat_template SET tmpl_key = 'Test'", "mega")
        self.assertEqual(self.broker.tset("test", 5), (200, "", [["Test", 5, 0, -1, [], 0, "", [], "template"]]))
        self.broker.wait_keys(["Test"])

    def test_utf8mb4(self):
        self.make_table(charset="utf8mb4")
        self.put("笑", message("😀${item}"))
        self.by_socket = True
        self.start()
        self.broker.wait_keys(["笑"])
        self.broker.job(1, self.sender, key="笑", vars={"item": "😀"})
        self.assertEqual(self.broker.body(self.sender), filled("😀😀"))

    def test_limits_when_all_is_read(self):
        self.make_table()
        for key in "abcdef":
            self.put(key, '{"x":"%s"}' % ("y" * 200) if key == "b" else message(""))
        self.start()
        self.broker.wait_keys(["a", "c", "d"])
        self.assertIn("left_out=2", self.log())

    def check_table(self, prefix, tables, expected):
        for table in tables:
            self.make_table(table)
            self.put("in-" + table[-20:], message(""), table)
        self.prefix = prefix
        p = self.start()
        self.broker.wait_keys(["in-" + expected[-20:]])
        self.assertEqual(self.log().count("table=" + expected + " "), 1, self.log())
        self.term(p)

    def test_prefixed_table(self):
        self.check_table("x_", ["x_mega_wechat_template", "x_wechat_template", "mega_wechat_template"], "x_mega_wechat_template")

    def test_documented_prefix(self):
        self.check_table("mega_", ["mega_wechat_template"], "mega_wechat_template")

    def test_plain_table(self):
        self.check_table("other_", ["mega_wechat_template"], "mega_wechat_template")

    def test_prefix_that_needs_quoting(self):
        self.db.sql("CREATE TABLE `a``b-wechat_template` (tmpl_key char(32) PRIMARY KEY, template text)", "mega")
        self.prefix = "a`b-"
        self.start()
        self.broker.wait_keys([])

    def test_no_table(self):
        self.prefix = "x_"
        self.start()
        self.broker.wait("beat", behind=1)
        self.assertEqual(self.broker.tset("test", 2)[0], 500)
        self.make_table()
        self.broker.wait_keys([])
        self.assertIn("none of the tables x_mega_wechat_template, x_wechat_template and mega_wechat_template", self.log())

    def test_grant_on_one_table_only(self):
        self.make_table()
        self.db.sql("CREATE OR REPLACE USER 'poor'@'%' IDENTIFIED BY 'x'; GRANT SELECT ON mega.mega_wechat_template TO 'poor'@'%'")
        self.prefix, self.password = "x_", "x"
        self.db.user = "poor"
        try:
            self.start()
            self.broker.wait_keys([])
        finally:
            del self.db.user

    def test_wrong_password_is_told_without_it(self):
        self.make_table()
        self.password = "wrong-pass-word"
        self.start()
        self.broker.wait("beat", behind=1)
        code, message, _ = self.broker.tset("test", 2)
        self.assertEqual(code, 500)
        self.assertIn("Access denied", message)
        self.assertNotIn("wrong-pass-word", message + self.log())

    def test_down_at_start_without_a_cache(self):
        self.make_table()
        self.put("test", TEST)
        self.db.stop()
        self.start()
        self.broker.wait("beat", behind=1)
        code, message, _ = self.broker.tset("test", 2)
        self.assertEqual(code, 500)
        self.assertIn("mysql: connect", message)
        self.db.start()
        self.broker.wait_keys(["test"])
        self.broker.wait("beat", behind=0)
        self.broker.job(1, self.sender)
        self.broker.rendered(self.sender)

    def test_down_at_start_with_a_cache(self):
        self.make_table()
        self.put("test", TEST)
        p = self.start()
        self.broker.wait_keys(["test"])
        self.term(p)
        self.db.kill()
        self.start()
        self.broker.wait_keys(["test"])
        self.broker.job(1, self.sender)
        self.broker.rendered(self.sender)

    def test_down_later_and_back(self):
        self.make_table()
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        self.db.kill()
        self.assertEqual(self.broker.tset("test", 2)[0], 500)
        self.broker.job(1, self.sender)
        self.broker.rendered(self.sender)
        self.db.start()
        self.put("test", message("new"))
        self.assertEqual(self.broker.tset("test", 3)[0], 200)
        self.broker.job(2, self.sender, version=3)
        self.assertEqual(self.broker.body(self.sender), filled("new"))

    def test_lost_connection_is_made_again_at_once(self):
        self.make_table()
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        for row in self.db.sql("SELECT id FROM information_schema.processlist WHERE user = '%s'" % self.db.user):
            self.db.sql("KILL " + row[0])
        self.assertEqual(self.broker.tset("test", 2)[0], 200)

    def test_slow_server_does_not_stop_rendering(self):
        self.make_table()
        self.put("test", TEST)
        self.start()
        self.broker.wait_keys(["test"])
        with self.db.session("mega") as session:
            session.run("LOCK TABLES mega_wechat_template WRITE")
            self.broker.say(t="tset", ref=3, key="test", key_version=4)
            for seq in range(1, 201):
                self.broker.job(seq, self.sender)
                self.assertEqual(self.broker.rendered(self.sender)[0], seq)
            self.assertFalse([m for m in self.broker.heard if m["t"] == "tset"])
            session.run("UNLOCK TABLES")
            self.broker.wait("tset", ref=3, code=200)

    def test_term_during_a_slow_query(self):
        self.make_table()
        self.put("test", TEST)
        p = self.start()
        self.broker.wait_keys(["test"])
        with self.db.session("mega") as session:
            session.run("LOCK TABLES mega_wechat_template WRITE")
            self.broker.say(t="tset", ref=3, key="test", key_version=4)
            while not self.db.sql("SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'"):
                self.broker.receive(10)
            self.term(p)
        self.assertIn("does not return", self.log())


if __name__ == "__main__":
    unittest.main()
