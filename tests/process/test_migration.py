"""docs/migration.md: its commands are run as they stand there, paths and ports aside, beside the files of an old queue."""
import os
import re
import subprocess
import unittest

from mariadb import MariaDB, free_port
from original import DATA, OriginalRing, load_vectors, original_table, templates
from ring import BIN, LIMIT_S

DOCS = os.path.join(DATA, "../../docs")
PROGRAMS = ("broker", "token", "templater", "sender", "gateway")
MEANINGLESS = ["[server] class", "[server] protocol"] + ["[setting] " + key for key in (
    "dispatch_mode", "worker_num", "open_eof_check", "package_length_type", "package_length_offset", "package_body_offset", "daemonize")]


def read(name):
    with open(os.path.join(DOCS, name), encoding="utf-8") as f:
        return f.read()


def blocks(text):
    return re.findall(r"^```\n(.*?)^```", text, re.S | re.M)


class OldConfiguration(unittest.TestCase):
    def test_passes_unchanged(self):
        for program in PROGRAMS:
            done = subprocess.run([os.path.join(BIN, "mega-" + program), "--check-config", "-c", os.path.join(DATA, "wechat.ini")],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout.endswith("wechat.ini is fine\n"), done.stdout)
            warnings = done.stderr.splitlines()
            self.assertEqual(len(warnings), 1, warnings)
            self.assertEqual(warnings[0].split("ignored: ")[1].split(", "), MEANINGLESS)


class Moving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mariadb = MariaDB().__enter__()
        cls.addClassCleanup(cls.mariadb.__exit__, None, None, None)
        texts = templates(load_vectors())
        del texts["long"]  # mega wechat check would name it
        original_table(cls.mariadb, texts)
        cls.port = free_port()
        cls.ring = OriginalRing(cls.mariadb, listen_port=cls.port)
        cls.old = {}
        for worker, waiting in ((0, 0), (1, 3)):
            folder = os.path.join(cls.ring.folder, "store", "task-%d" % worker)
            os.makedirs(folder)
            index = b"".join(n.to_bytes(4, "little") for n in (8, 8, 1, 1, waiting))
            for name, data in (("megaq.log", index), ("megaq1.data", b"\xff" * 8 + b"x" * 4096)):
                cls.old[os.path.join(folder, name)] = data
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(data)
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)

    def run_block(self, mark, status=0, **replaced):
        """Runs the block of the page in which `mark` stands. What names no configuration has the ring's."""
        text, = [block for block in blocks(read("migration.md")) if mark in block]
        for was, now in replaced.values():
            self.assertIn(was, text)
            text = text.replace(was, now)
        return self.shell(text, status)

    def shell(self, text, status=0):
        head = 'set -eu\nmega() { case "$*" in *" -c "*) command mega "$@" ;; *) command mega "$@" -c %s ;; esac; }\n' % self.ring.conf_path
        done = subprocess.run(["bash", "-c", head + text], cwd=self.ring.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, PATH=os.path.abspath(BIN) + ":" + os.environ["PATH"]))
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def test_1_template_check(self):
        self.assertEqual(len(self.run_block("mega wechat check").splitlines()), len(templates(load_vectors())) - 1)

    def test_2_trial_beside(self):
        """It has a store, a log, ports and tokens of its own, and the other one goes on."""
        trial = os.path.join(self.ring.folder, "trial")
        for old, new in (("oBefore", "oTrial1"), ("oAfter", "oTrial2")):
            out = self.run_block("trial.conf --wait", port=("127.0.0.1:9511", "127.0.0.1:%d" % free_port()),
                                 frontend=("tcp://127.0.0.1:9512", "tcp://127.0.0.1:%d" % free_port()), base=("/var/tmp/mega-trial", trial),
                                 conf=("/etc/mega-wechat/mega.conf", self.ring.conf_path), own=("/etc/mega-wechat/trial.conf", trial + ".conf"),
                                 who=("OPENID KEY", new + " test"), again=("mkdir ", "mkdir -p "), wait=("kill $(jobs -p)", "kill $(jobs -p); wait"))
            self.assertRegex(out, "200 ready\n200 sent id=")
            self.assertEqual(self.ring.tcp().ask("send %s test" % old, 1, "null"), (200, 1, b""))
        self.assertEqual([e["openid"] for e in self.ring.sim.delivered()][-4:], ["oTrial1", "oBefore", "oTrial2", "oAfter"])
        self.assertIn("data.mdb", os.listdir(trial + "/store"))
        self.assertTrue(os.path.getsize(trial + "/mega.log"))
        self.assertEqual(os.stat(trial + ".conf").st_mode & 0o777, 0o600)

    def test_3_old_queue(self):
        """What waits in it is seen by the page's command, and the new store beside it leaves it alone."""
        out = self.run_block("megaq.log", stop=("php /Mega-Wechat/mega wechat stop\n", ""), queue=("/Mega-Wechat/logs/queue", self.ring.folder + "/store"))
        self.assertEqual([line.split()[1] for line in out.splitlines()], ["0", "3"])
        for path, data in self.old.items():
            with open(path, "rb") as f:
                self.assertEqual(f.read(), data, path)

    def test_4_right_afterwards(self):
        client = os.path.join(DATA, "../../scripts/tcp_client.py")
        for command in re.findall(r"^\| `(scripts/tcp_client.py [^`]*)`", read("migration.md"), re.M):
            command = command.replace("scripts/tcp_client.py", client).replace("127.0.0.1:9501", "127.0.0.1:%d" % self.port)
            self.assertIn("result 200", self.shell(command.replace("OPENID", "oTest").replace("KEY", "test")))
        self.assertRegex(self.shell("mega wechat ping"), "default .* yes .* ok\n")

    def test_5_going_back(self):
        """What waits is listed and kept; what is out has come to rest; the port and the old queue are free for the old service."""
        self.assertEqual(self.ring.tcp().ask("push oLater test in=3600000 id=later", 1, '{"item":"tea"}')[0], 200)
        self.assertEqual(self.ring["gateway-1"].term(), 0)
        out = self.run_block("--state waiting", id=("show ID", "show later"))
        self.assertRegex(out, r"(?s)1 written to waiting.jsonl.*openid +oLater.*item +tea")
        self.assertIn("written", self.shell("mega queue export --output results.csv"))
        self.assertIn("nothing is out", self.shell("mega queue drain --yes"))
        self.ring["broker"].term()
        self.ring["broker"].start()
        self.ring.restart("gateway-1")
        self.ring.wait_ready()
        self.shell("mega queue resume --all")
        self.assertIn("1 cancelled", self.shell("mega queue cancel --state waiting --yes"))


if __name__ == "__main__":
    unittest.main()
