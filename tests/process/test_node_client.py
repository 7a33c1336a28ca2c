"""client/node as its users have it: installed from the npm registry and as a package, against the whole set."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from ring import LIMIT_S, Ring

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "../../client/node")
TYPESCRIPT = "typescript@5.9.3"
MESSAGES = 3000


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240, text=True)
    assert done.returncode == 0, "%s: %s" % (" ".join(command), done.stdout[-20000:])
    return done.stdout


class NodeClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mega-node-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.package, cls.project = os.path.join(cls.folder, "package"), os.path.join(cls.folder, "project")
        shutil.copytree(SOURCE, cls.package, ignore=shutil.ignore_patterns("node_modules", "*.tgz"))
        shutil.copytree(os.path.join(HERE, "node"), cls.project)
        run(cls.package, "npm", "ci", "--no-audit", "--no-fund")
        run(cls.package, "npm", "pack", "--pack-destination", cls.folder)
        with open(os.path.join(cls.project, "package.json"), "w") as f:
            json.dump({"name": "project", "private": True, "type": "module"}, f)
        packed = os.path.join(cls.folder, "mega-wechat-0.1.0.tgz")
        run(cls.project, "npm", "install", "--no-audit", "--no-fund", packed, TYPESCRIPT)

    def start(self, ring, *arguments):
        program = subprocess.Popen(["node", "program.mjs", arguments[0], ring.frontend, *map(str, arguments[1:])], cwd=self.project,
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.kill)
        return program

    def finish(self, program):
        self.assertEqual(program.wait(LIMIT_S), 0)

    def test_own_tests(self):
        run(self.package, "npm", "test")

    def test_types(self):
        run(self.project, "npx", "--no-install", "tsc", "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022",
            "--lib", "es2022,dom,esnext.disposable", "typed.ts")

    def test_lock_names_no_mirror(self):
        with open(os.path.join(SOURCE, "package-lock.json")) as f:
            for name, package in json.load(f)["packages"].items():
                self.assertTrue(package.get("resolved", "https://registry.npmjs.org/").startswith("https://registry.npmjs.org/"), name)

    def test_methods(self):
        with Ring() as ring:
            self.finish(self.start(ring, "methods"))

    def test_killed_broker(self):
        with Ring() as ring:
            load = self.start(ring, "load", MESSAGES)
            self.assertEqual(load.stdout.readline(), "500\n")
            ring.restart("broker")
            self.finish(load)
            ring.sim.wait(delivered=MESSAGES)
            delivered = [e["openid"] for e in ring.sim.delivered()]
            self.assertEqual(sorted(delivered), sorted("on%d" % i for i in range(MESSAGES)))

    def test_wait_over_a_restart(self):
        with Ring() as ring:
            waits = self.start(ring, "wait", 4000)
            self.assertEqual(waits.stdout.readline(), '"waiting"\n')
            ring.restart("broker")
            self.assertEqual(waits.stdout.readline(), '"sent"\n')
            self.finish(waits)

    def test_away(self):
        with Ring() as ring:
            ring["broker"].kill()
            self.finish(self.start(ring, "away"))


if __name__ == "__main__":
    unittest.main()
