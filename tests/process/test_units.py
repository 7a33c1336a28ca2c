"""The units of etc/systemd and etc/supervisord.conf: what systemd itself says of the units, and that both ways of running the set agree.

Nothing of systemd runs for it: systemd-analyze reads files."""
import configparser
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from ring import BIN

ETC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../etc")
EXPOSURE_MAX = 2.0  # of systemd-analyze security, 0 to 10: "OK" begins below 3
PROGRAMS = ("broker", "token", "templater", "sender", "task", "gateway", "console", "listener")
ANALYZE = shutil.which("systemd-analyze")


def read_unit(path):
    """Section -> key -> values."""
    sections, section = {}, None
    with open(path) as f:
        for line in map(str.strip, f):
            if line.startswith("["):
                section = sections.setdefault(line[1:-1], {})
            elif line and line[0] not in ";#":
                key, value = line.split("=", 1)
                section.setdefault(key, []).append(value)
    return sections


class Units(unittest.TestCase):
    def setUp(self):
        self.paths = {re.sub(r"mega-(\w+)@?\.service", r"\1", os.path.basename(path)): path
                      for path in glob.glob(os.path.join(ETC, "systemd/*.service"))}
        self.units = {name: read_unit(path) for name, path in self.paths.items()}

    def test_each_program_has_one(self):
        self.assertEqual(set(self.units), set(PROGRAMS))
        target = read_unit(os.path.join(ETC, "systemd/mega-wechat.target"))
        self.assertEqual(target["Install"]["WantedBy"], ["multi-user.target"])
        for name, unit in self.units.items():
            service = unit["Service"]
            self.assertEqual(unit["Install"]["WantedBy"], ["mega-wechat.target"], name)
            self.assertEqual(unit["Unit"]["PartOf"], ["mega-wechat.target"], name)
            stage = name + "-%i" if "@" in self.paths[name] else name
            self.assertEqual(service["ExecStart"],
                             ["/usr/local/bin/mega-%s -c /etc/mega-wechat/mega.conf -n %s" % (name, stage)])
            self.assertEqual(service["Type"], ["notify"])

    def test_all_are_hardened_alike(self):
        """But for the store, which not all are shown."""
        kept = re.compile("^(Protect|Private|Restrict|SystemCall|Lock|Memory|NoNew|Capab|Ambient|UMask|User|Group|LimitCORE|Runtime|Remove|Proc)")
        for name, unit in self.units.items():
            for other in self.units.values():
                self.assertEqual({k: v for k, v in unit["Service"].items() if kept.match(k)},
                                 {k: v for k, v in other["Service"].items() if kept.match(k)}, name)
            hidden = unit["Service"].get("InaccessiblePaths") == ["-/var/lib/mega-wechat"]
            self.assertNotEqual(hidden, "StateDirectory" in unit["Service"], name)

    def test_supervisord_agrees(self):
        conf = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
        conf.read(os.path.join(ETC, "supervisord.conf"))
        programs = ["mega-" + name for name in PROGRAMS]
        self.assertEqual(sorted(conf["group:mega-wechat"]["programs"].split(",")), sorted(programs))
        for name, unit in self.units.items():
            section, service = conf["program:mega-" + name], unit["Service"]
            self.assertEqual(section["command"].replace("%(process_num)d", "%i"), service["ExecStart"][0])
            self.assertEqual(section["stopwaitsecs"] + "s", service["TimeoutStopSec"][0], name)
            self.assertEqual(section["user"], service["User"][0])
            self.assertEqual((section["stopsignal"], section["autorestart"]), ("TERM", "true"))

    @unittest.skipUnless(ANALYZE, "needs systemd-analyze (package systemd)")
    def test_systemd_takes_them(self):
        folder = tempfile.mkdtemp(prefix="mega-test-")
        self.addCleanup(shutil.rmtree, folder)
        files = []
        for path in glob.glob(os.path.join(ETC, "systemd/*")):  # the programs of this build: it looks whether they can be run
            with open(path) as f:
                text = f.read().replace("/usr/local/bin/", os.path.abspath(BIN) + "/")
            files.append(os.path.join(folder, os.path.basename(path).replace("@.", "@1.")))
            with open(files[-1], "w") as f:
                f.write(text)
        ended = subprocess.run([ANALYZE, "verify", "--man=no"] + files, capture_output=True, text=True)
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "", ""))
        services = [file for file in files if file.endswith(".service")]
        for service in services:
            ended = subprocess.run([ANALYZE, "security", "--offline=true", "--no-pager", service], capture_output=True, text=True)
            exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", ended.stdout)
            self.assertIsNotNone(exposure, ended.stdout[-500:] + ended.stderr)
            self.assertLessEqual(float(exposure[1]), EXPOSURE_MAX, service)


if __name__ == "__main__":
    unittest.main()
