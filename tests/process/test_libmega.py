"""libmega against the whole set: what it answers, that nothing is lost or doubled when the broker is killed, what the library shows and needs,
and that it installs so that programs of others build with it.

The scenes are those of libmega_calls.c; each ends with exit status 0 when all went as it must.
"""
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import msgpack
import zmq

from ring import BIN, LIMIT_S, Ring

BUILD = os.path.dirname(os.path.abspath(BIN))
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
LIBRARY = os.path.join(BUILD, "lib/libmega.so.0")


def scene(name, *arguments):
    errors = tempfile.TemporaryFile("w+")  # no pipe: a sanitizer may have more to say than fits into one
    process = subprocess.Popen([os.path.join(BIN, "libmega-calls"), name] + [str(a) for a in arguments], stdout=subprocess.PIPE,
                               stderr=errors, text=True)
    process.errors = errors
    return process


def ended(process):
    """What the scene has printed, which must have gone well."""
    with process, process.errors as errors:
        try:
            out, _ = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError("scene hangs")
        errors.seek(0)
        err = errors.read()
    assert process.returncode == 0 and err == "", "exit %d: %s" % (process.returncode, err)
    return out


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, **options)
    assert done.returncode == 0, "%s: %s%s" % (command, done.stdout, done.stderr)
    return done.stdout


class Calls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(sim=["--fault", "bad=40003"])
        cls.ring.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.ring.__exit__(None, None, None)

    def test_blocking(self):
        ended(scene("blocking", self.ring.frontend))

    def test_asynchronous(self):
        ended(scene("asynchronous", self.ring.frontend))

    def test_eight_threads_on_one_handle(self):
        told = json.loads(ended(scene("threads", self.ring.frontend, "eight", 200)))
        self.assertEqual(told["answered"], 1600)
        client = self.ring.client()
        codes = {r["code"] for r in client.ask(*[{"op": "status", "id": "eight-%d" % i} for i in range(1600)])}
        self.assertLessEqual(codes, {100, 200})

    def test_closed_while_threads_are_inside(self):
        ended(scene("close", self.ring.frontend))


class Alone(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mega-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def test_wrong_arguments_are_named(self):
        ended(scene("invalid", "ipc://%s/nobody" % self.folder))

    def test_broker_away(self):
        ended(scene("away", "ipc://%s/nobody" % self.folder))

    def test_overdue_is_asked_again_with_the_same_bytes(self):
        """A broker that answers pings, forgets the first time, and answers the second time twice."""
        address = "ipc://%s/fake" % self.folder
        broker = zmq.Context.instance().socket(zmq.ROUTER)
        self.addCleanup(broker.close, 0)
        broker.bind(address)
        load, asked = scene("load", address, "twice", 4, 4), {}
        while sum(len(times) for times in asked.values()) < 8:
            self.assertTrue(broker.poll(LIMIT_S * 1000), "nothing is asked: %s" % asked)
            peer, packed = broker.recv_multipart()
            for request in msgpack.Unpacker(io.BytesIO(packed)):
                answer = {"ref": request["ref"], "code": 200, "epoch": 1}
                if request["op"] == "ping":
                    broker.send_multipart([peer, msgpack.packb(dict(answer, state="ready", packs=1))])
                    continue
                times = asked.setdefault(request["ref"], [])
                times.append(msgpack.packb(request))
                if len(times) == 2:
                    broker.send_multipart([peer, msgpack.packb(dict(answer, id=request["id"], state="waiting")) * 2])
        told = json.loads(ended(load).splitlines()[-1])
        self.assertEqual((told["once"], told["doubled"]), (4, 0))
        self.assertEqual({len(set(times)) for times in asked.values()}, {1})


class Restarts(unittest.TestCase):
    def test_broker_killed_under_load(self):
        count = 60000
        with Ring(senders=1) as ring:
            load = scene("load", ring.frontend, "load", count, 4096)
            for quarter in ("1/4\n", "2/4\n"):
                self.assertEqual(load.stdout.readline(), quarter)
                ring["broker"].kill()
                self.assertIsNone(load.poll(), "it was over before the broker was killed")
                ring["broker"].start()
            told = json.loads(ended(load).splitlines()[-1])
            self.assertEqual((told["answered"], told["once"], told["doubled"]), (count, count, 0))
            ring.sim.wait(delivered=count)
            numbers = [json.loads(e["body"])["data"]["first"]["value"] for e in ring.sim.delivered()]
            self.assertEqual(sorted(map(int, numbers)), list(range(count)))

    def test_wait_across_a_restart(self):
        with Ring() as ring:
            waiting = scene("wait", ring.frontend, "awaited")
            self.assertEqual(waiting.stdout.readline(), "waits\n")
            ring["broker"].kill()
            ring["broker"].start()
            ring.wait_ready()
            self.assertIsNone(waiting.poll(), "answered before it has ended")
            self.assertEqual(ring.client().ask_one(op="cancel", id="awaited")["code"], 200)
            began_s = time.monotonic()
            self.assertEqual(ended(waiting), "409 cancelled\n")
            self.assertLess(time.monotonic() - began_s, 10, "it was not asked again when the broker was another one, but because it was overdue")

    def test_pushes_while_the_broker_is_away(self):
        with Ring() as ring:
            ring["broker"].kill()
            load = scene("load", ring.frontend, "early", 500, 500)
            self.assertIsNone(load.poll())
            ring["broker"].start()
            self.assertEqual(json.loads(ended(load).splitlines()[-1])["once"], 500)


class Library(unittest.TestCase):
    """What is installed."""

    @classmethod
    def setUpClass(cls):
        cls.prefix = tempfile.mkdtemp(prefix="mega-test-")
        run("cmake", "--install", BUILD, "--prefix", cls.prefix, "--component", "libmega")
        cls.archive = cls.find("libmega.a")
        cls.libraries = os.path.dirname(cls.archive)
        cls.env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(cls.libraries, "pkgconfig"), LD_LIBRARY_PATH=cls.libraries)
        needed = run("readelf", "-d", LIBRARY)
        cls.sanitize = ["-fsanitize=address,undefined"] if "libasan" in needed else []

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.prefix)

    @classmethod
    def find(cls, name):
        for folder, _, names in os.walk(cls.prefix):
            if name in names:
                return os.path.join(folder, name)
        raise AssertionError(name + " is not installed")

    def config(self, *options):
        return run("pkg-config", *options, "libmega", env=self.env).split()

    def symbols(self, *arguments):
        """Names of the symbols that others see; those of sanitizers, which stand in a sanitized build only, left out."""
        lines = run("nm", "--defined-only", *arguments).split("\n")
        names = [line.split()[-1].split("@")[0] for line in lines if len(line.split()) == 3]
        return {n for n in names if not n.startswith("__odr_asan")}

    def declared(self):
        with open(self.find("mega.h")) as header:
            text = header.read()
        return set(re.findall(r"^(?:int|void|size_t|struct mega \*|const char \*) ?\*?(mega_\w+)\(", text, re.M))

    def test_nothing_but_mega_is_seen(self):
        self.assertEqual(self.symbols("-D", LIBRARY) - {"LIBMEGA_0"}, self.declared())
        self.assertEqual(self.symbols("-g", self.archive), self.declared())

    def test_needs_only_libzmq(self):
        needed = set(re.findall(r"NEEDED.*\[([^.\]]*)", run("readelf", "-d", LIBRARY)))
        self.assertLessEqual(needed, {"libzmq", "libc", "libpthread", "ld-linux-x86-64", "libm", "libasan", "libubsan"})
        self.assertIn("libmega.so.0", run("readelf", "-d", LIBRARY))

    def compile(self, source, to, *flags):
        run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-o", to, source, *self.sanitize, *flags, env=self.env)
        return to

    def push_and_wait(self, program):
        with Ring() as ring:
            out = run(program, ring.frontend, "oX", "test", env=self.env)
        self.assertRegex(out, r"^[0-9a-f]{32}-\w+ waiting\n200 sent \n$")

    def test_example_with_the_shared_library(self):
        program = self.compile(os.path.join(SOURCE, "client/lib/example.c"), self.prefix + "/example", *self.config("--cflags", "--libs"))
        self.assertIn("libmega.so.0", run("readelf", "-d", program))
        self.push_and_wait(program)

    def test_example_with_the_static_library(self):
        self.assertLessEqual({"-lmega", "-lzmq", "-pthread"}, set(self.config("--static", "--libs")))
        self.assertNotIn("-lzmq", self.config("--libs"))
        # As client/README.md says: Debian's libzmq.pc names archives for --static that no package has.
        archive = self.config("--variable=libdir")[0] + "/libmega.a"
        program = self.compile(os.path.join(SOURCE, "client/lib/example.c"), self.prefix + "/static", *self.config("--cflags"), archive,
                               *run("pkg-config", "--libs", "libzmq").split(), "-pthread")
        self.assertNotIn("libmega", run("readelf", "-d", program))
        self.push_and_wait(program)

    def test_readme_shows_the_example(self):
        with open(os.path.join(SOURCE, "client/README.md")) as readme, open(os.path.join(SOURCE, "client/lib/example.c")) as example:
            self.assertIn("```c\n" + example.read() + "```\n", readme.read())

    def test_header_is_c99_and_cplusplus(self):
        for language in (["-x", "c", "-std=c99", "-pedantic"], ["-x", "c++", "-std=c++11"]):
            run("clang", *language, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I" + os.path.dirname(self.find("mega.h")), "-",
                input='#include <mega.h>\nint main(void) { struct mega_var v = mega_number("n", 1); return v.name == mega_version(); }\n')

    def test_manual_page(self):
        page = self.find("libmega.3")
        if shutil.which("man"):
            done = subprocess.run(["man", "--warnings", "-l", "-Tutf8", page], capture_output=True, text=True, timeout=LIMIT_S)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(page) as text:
            named = set(re.findall(r"mega_\w+", text.read().replace("\\_", "_")))
        self.assertLessEqual(self.declared(), named)


if __name__ == "__main__":
    unittest.main()
