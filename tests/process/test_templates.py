"""Templates that change while messages wait, and a MariaDB that comes and goes."""
import unittest

from mariadb import MariaDB
from ring import Ring, pause, until


def text_of(version):
    return '{"touser":"${OPENID}","template_id":"T","data":{"v":{"value":"%s"}}}' % version


class Templates(unittest.TestCase):
    def setUp(self):
        self.db = MariaDB().__enter__()
        self.addCleanup(self.db.close)
        self.db.sql("CREATE DATABASE mega CHARACTER SET utf8mb4; CREATE TABLE mega.mega_wechat_template ("
                    "tmpl_key char(32) NOT NULL PRIMARY KEY, title varchar(100) NOT NULL DEFAULT '', template text NOT NULL, "
                    "created_at int NOT NULL DEFAULT 0, updated_at int NOT NULL DEFAULT 0) DEFAULT CHARSET=utf8mb4")
        self.db.sql("CREATE USER ring@'%' IDENTIFIED BY 'ringpass'; GRANT ALL ON *.* TO ring@'%'")
        self.write("test", text_of("old"))

    def write(self, key, text):
        self.db.sql("REPLACE INTO mega.mega_wechat_template (tmpl_key, template) VALUES ('%s', '%s')"
                    % (key, text.replace("\\", "\\\\").replace("'", "\\'")))

    def ring(self, **shape):
        conf = {"pdo": {"dsn": '"mysql:host=127.0.0.1;port=%d;dbname=mega"' % self.db.port, "username": "ring",
                        "password": "ringpass", "connect_timeout": "500ms", "query_timeout": "1s"},
                "templater": {"source": "mysql"}}
        return Ring(conf=conf, **shape)

    def bodies(self, ring):
        return [e["body"].split('"value":"')[1].split('"')[0] for e in ring.sim.journal()]

    def test_tset_applies_to_what_waits(self):
        with self.ring(templaters=2) as ring:
            client = ring.client()
            waiting = [dict(op="push", id="w%d" % i, openid="o%d" % i, key="test", **{"in": 1500}) for i in range(50)]
            client.ask(*waiting)
            self.assertEqual(client.ask_one(op="send", openid="now", key="test")["state"], "sent")
            self.write("test", text_of("new"))
            self.assertEqual(client.ask_one(op="tset", key="test")["code"], 200)
            ring.sim.wait(delivered=51)
            self.assertEqual(self.bodies(ring), ["old"] + ["new"] * 50)

    def test_tset_while_the_ring_is_full(self):
        """Whatever is sent after the 200 of a tset is the new text, however many are under way."""
        with self.ring(templaters=2, sim=["--latency", "20"]) as ring:
            client = ring.client()
            asked = client.submit([dict(op="push", openid="o%d" % i, key="test") for i in range(3000)])
            client.collect(asked)
            ring.sim.wait(delivered=300)
            self.write("test", text_of("new"))
            self.assertEqual(client.ask_one(op="tset", key="test")["code"], 200)
            late = client.ask_one(op="send", openid="late", key="test")
            self.assertEqual(late["state"], "sent")
            ring.sim.wait(delivered=3001)
            self.assertEqual(self.bodies(ring)[-1], "new")
            kinds = self.bodies(ring)
            self.assertGreater(kinds.count("new"), 1000)

    def test_new_and_removed_templates(self):
        with self.ring() as ring:
            client = ring.client()
            self.assertEqual(client.ask_one(op="push", openid="o", key="fresh")["code"], 400)
            self.write("fresh", text_of("fresh"))
            self.assertEqual(client.ask_one(op="tset", key="fresh")["code"], 200)
            self.assertEqual(client.ask_one(op="send", openid="o", key="fresh")["state"], "sent")
            self.db.sql("DELETE FROM mega.mega_wechat_template WHERE tmpl_key = 'fresh'")
            result = client.ask_one(op="tset", key="fresh")
            self.assertEqual((result["code"], result["message"]), (400, "template key not exists"))
            self.assertEqual(client.ask_one(op="push", openid="o", key="fresh")["code"], 400)
            self.write("broken", '{"touser":')
            result = client.ask_one(op="tset", key="broken")
            self.assertEqual(result["code"], 400)
            self.assertIn("JSON", result["message"])
            self.write("broken", '{"touser":"${OPENID}"}')
            result = client.ask_one(op="tset", key="broken")
            self.assertEqual((result["code"], result["message"]), (400, "template_id: missing; a template message needs it"))

    def test_database_away(self):
        with self.ring() as ring:
            client = ring.client()
            self.db.stop()
            result = client.ask_one(op="tset", key="test")
            self.assertEqual(result["code"], 500, result)
            self.assertNotIn("ringpass", result["message"])
            self.assertEqual(client.ask_one(op="send", openid="o1", key="test")["state"], "sent", "rendering goes on")
            ring.restart("templater-1")
            ring.wait_ready()
            self.assertEqual(client.ask_one(op="send", openid="o2", key="test")["state"], "sent", "from its cache on disk")
            self.db.start()
            self.write("test", text_of("new"))
            until(lambda: client.ask_one(op="tset", key="test")["code"] == 200 or pause(), "database back")
            self.assertEqual(client.ask_one(op="send", openid="o3", key="test")["state"], "sent")
            self.assertEqual(self.bodies(ring), ["old", "old", "new"])

    def test_database_away_at_the_first_start(self):
        """Without a database and without a cache nothing can be accepted, and that is said; then it comes."""
        self.db.stop()
        ring = self.ring()
        wait, ring.wait_ready = ring.wait_ready, lambda: None
        with ring:
            client = ring.client()
            result = client.ask_one(op="push", openid="o", key="test")
            self.assertEqual(result["code"], 503, result)
            self.db.start()
            wait()
            self.assertEqual(client.ask_one(op="send", openid="o", key="test")["state"], "sent")


if __name__ == "__main__":
    unittest.main()
