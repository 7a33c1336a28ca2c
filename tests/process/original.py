"""The original service's world: its ini, its table in a real MariaDB, its recorded exchanges, with the real set behind them.

    with MariaDB() as db:
        original_table(db, templates(load_vectors()))
        with OriginalRing(db, sim=["--faults-as-recorded"]) as ring:
            ...

The ini is tests/data/wechat.ini; replaced in it are only ports and paths, and added is what it cannot know: the simulator, and times
that are short enough for a test.
"""
import json
import os

from ring import Ring

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data")


def load_vectors():
    with open(os.path.join(DATA, "vectors.json"), encoding="utf-8") as f:
        return json.load(f)


def templates(vectors):
    texts = dict(vectors["templates"])
    head, tail = '{"touser":"${OPENID}","x":"', '"}'
    texts["long"] = head + "y" * (6000 - len(head) - len(tail)) + tail  # the file only describes it
    return texts


def original_table(mariadb, texts):
    """The database `mega` with the original's table, and the account root that its ini names."""
    mariadb.sql("CREATE DATABASE mega CHARACTER SET utf8")
    with open(os.path.join(DATA, "table.sql"), encoding="utf-8") as f:
        mariadb.sql(f.read(), "mega")
    for key, text in texts.items():
        literal = text.replace("\\", "\\\\").replace("'", "\\'")
        mariadb.sql("INSERT INTO mega_wechat_template (tmpl_key, template) VALUES ('%s', '%s')" % (key, literal), "mega")
    mariadb.sql("CREATE USER IF NOT EXISTS root@'127.0.0.1' IDENTIFIED BY 'root'; "
                "SET PASSWORD FOR root@'127.0.0.1' = PASSWORD('root'); GRANT ALL ON *.* TO root@'127.0.0.1'")


def original_ini():
    with open(os.path.join(DATA, "wechat.ini"), encoding="utf-8") as f:
        return f.read()


class OriginalRing(Ring):
    """The set on the original's ini. `listen_port` 0 is any; a gateway that is to be found again after a restart needs one."""

    def __init__(self, mariadb, listen_port=0, send_patience="5s", **options):
        super().__init__(**options)
        self.mariadb, self.listen_port, self.send_patience = mariadb, listen_port, send_patience

    def write_conf(self):
        path = super().write_conf()
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.adapted(original_ini()))
        return path

    def adapted(self, text):
        for was, now in (
                ("listen[] = 127.0.0.1:9501", "listen[] = 127.0.0.1:%d" % self.listen_port),
                ('"/Mega-Wechat/logs/queue"', '"%s/store"' % self.folder),
                ("log_file = /Mega-Wechat/logs/mega.log", "log_file = %s/mega.log" % self.folder),
                ("host=127.0.0.1;dbname=mega", "host=127.0.0.1;port=%d;dbname=mega" % self.mariadb.port),
                ("log_level = warning", "log_level = info"),
                ("[wechat]\n", "[wechat]\napi_base = %s\nmax_attempts = 3\n" % self.sim.base)):
            assert text.count(was) == 1, was
            text = text.replace(was, now)
        return text + """
[broker]
frontend = %s
lease = 500ms
backoff = 50ms
send_patience = %s
min_free_space = 1M
[sender]
timeout = 3s
[run]
dir = %s/run
""" % (self.frontend, self.send_patience, self.folder)
