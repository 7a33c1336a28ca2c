"""Promise 4 when only the line breaks: no job stays in a connection between broker and templater that was lost, however late libzmq
ends it."""
import os
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

from ring import Ring

HERE = os.path.dirname(os.path.abspath(__file__))
HELD_MS = 600
RATE = 20    # messages a second: some are given out while the connection is on its way out, and slots are left for them
COUNT = 60


class Line(threading.Thread):
    """Carries what goes through a socket file to another one and back, and breaks it when told to."""

    def __init__(self, path, to):
        super().__init__(daemon=True)
        self.to, self.pairs, self.ended = to, [], threading.Event()
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(path)
        self.door.listen(8)

    def run(self):
        while not self.ended.is_set():
            for ready in select.select([self.door] + [s for pair in self.pairs for s in pair], [], [], 0.1)[0]:
                if ready is self.door:
                    self.join_ends()
                else:
                    self.carry(ready)

    def join_ends(self):
        here, there = self.door.accept()[0], socket.socket(socket.AF_UNIX)
        try:
            there.connect(self.to)
            self.pairs.append((here, there))
        except OSError:  # nobody is there yet
            here.close()
            there.close()

    def carry(self, ready):
        for pair in [p for p in self.pairs if ready in p]:
            try:
                data = ready.recv(65536)
                pair[ready is pair[0]].sendall(data)
            except OSError:
                data = b""
            if not data:
                self.pairs.remove(pair)
                pair[0].close()
                pair[1].close()

    def cut(self):
        for pair in list(self.pairs):
            pair[1].shutdown(socket.SHUT_RDWR)

    def close(self):
        self.ended.set()
        self.join()
        for each in [self.door] + [s for pair in self.pairs for s in pair]:
            each.close()


class LineRing(Ring):
    """The templater's jobs go through a line; the broker's libzmq is slow to end a connection."""

    def __init__(self, library, **options):
        super().__init__(**options)
        self.library = library
        self.conf.setdefault("broker", {})["jobs"] = self.jobs = "ipc://%s/jobs.ipc" % self.folder
        self.line = Line(self.folder + "/line.ipc", self.folder + "/jobs.ipc")
        self.line.start()

    def add(self, name, program):
        stage = super().add(name, program)
        if name == "broker":
            # AddressSanitizer wants to be the first library; it is linked to the program, so what stands in front does no harm.
            asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
            stage.env.update(LD_PRELOAD=self.library, HELD_IO_MS=str(HELD_MS), ASAN_OPTIONS=asan.lstrip(":"))
        elif name.startswith("templater"):
            stage.arguments[1] = self.write_templater_conf()
        return stage

    def write_templater_conf(self):
        path = os.path.join(self.folder, "templater.conf")
        with open(self.conf_path) as conf, open(path, "w") as f:
            f.write(conf.read().replace(self.jobs, "ipc://%s/line.ipc" % self.folder))
        return path

    def __exit__(self, *error):
        try:
            super().__exit__(*error)
        finally:
            self.line.close()


class Lost(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mega-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.library = os.path.join(self.folder, "held_io.so")
        subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", self.library,
                        os.path.join(HERE, "held_io.c"), "-ldl", "-pthread"], check=True)

    def test_line_to_the_templater(self):
        conf = {"broker": {"lease": "4s"}, "wechat": {"rate": str(RATE)}}  # the lease is not what gives them out again
        with LineRing(self.library, sim=["--latency", "5"], conf=conf) as ring:
            client = ring.client()
            requests = [dict(op="push", id="m%d" % i, openid="o%d" % i, key="test", vars={"n": "x"}) for i in range(COUNT)]
            self.assertEqual({r["code"] for r in client.ask(*requests)}, {200})
            ring.sim.wait(delivered=COUNT // 4)
            ring.line.cut()
            ring.sim.wait(delivered=COUNT, seconds=30)
            self.assertEqual(len({e["openid"] for e in ring.sim.delivered()}), COUNT)
            self.assertIn("jobs may have gone into the connection that was lost", ring["broker"].log())


if __name__ == "__main__":
    unittest.main()
