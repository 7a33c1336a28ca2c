"""A disk that is really full: a small file system of its own under the store (needs root for the mount)."""
import os
import shutil
import subprocess
import unittest

import msgpack

from ring import Ring, pause, until

BIG = "x" * 20000


class SmallDisk(Ring):
    """The store lies on a file system of so many MiB."""

    def __init__(self, mib, **options):
        super().__init__(**options)
        self.store = os.path.join(self.folder, "store")
        os.mkdir(self.store)
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % mib, "tmpfs", self.store], capture_output=True)
        self.is_mounted = mount.returncode == 0
        if not self.is_mounted:
            shutil.rmtree(self.folder)
            raise unittest.SkipTest("no file system can be mounted here: %s" % mount.stderr.decode())

    def __exit__(self, *error):
        try:
            return super().__exit__(*error)
        finally:
            subprocess.run(["umount", "-l", self.store], check=True)
            shutil.rmtree(self.folder, ignore_errors=True)

    def fill(self, leave_bytes):
        """A file of somebody else takes the space but for so much."""
        free = os.statvfs(self.store)
        bytes_free = free.f_bavail * free.f_frsize
        with open(os.path.join(self.store, "else"), "ab") as f:
            f.write(b"\0" * max(bytes_free - leave_bytes, 0))

    def make_room(self):
        os.unlink(os.path.join(self.store, "else"))


class FullDisk(unittest.TestCase):
    def test_refuses_and_resumes(self):
        """Below min_free_space: 503 for new messages, what was accepted goes out, and it begins again by itself."""
        with SmallDisk(64, conf={"broker": {"min_free_space": "16M"}}, sim=["--latency", "5"]) as ring:
            client, operator = ring.client(), ring.operator()
            operator.ask("pause", filter={"all": True})
            kept = [r["id"] for r in client.ask(*[dict(op="push", id="k%d" % i, openid="o%d" % i, key="test", vars={"n": i})
                                                  for i in range(100)])]
            ring.fill(8 << 20)
            until(lambda: client.ask_one(op="push", openid="p", key="test", vars={"n": 1})["code"] == 503 or pause(), "refused")
            self.assertIn("min_free_space", client.ask_one(op="push", openid="p", key="test", vars={"n": 1})["message"])
            self.assertFalse(operator.status()["accepting"])
            operator.ask("resume", filter={"all": True})
            ring.sim.wait(delivered=len(kept))
            ring.make_room()
            until(lambda: client.ask_one(op="push", id="after", openid="p", key="test", vars={"n": 1})["code"] == 200 or pause(),
                  "accepts again")

    def test_full_in_the_middle(self):
        """No guard at all: the disk is full in the middle of a commit. The broker ends and says why; nothing acknowledged is lost."""
        with SmallDisk(24, conf={"broker": {"min_free_space": "0"}}) as ring:
            client, operator = ring.client(), ring.operator()
            operator.ask("pause", filter={"all": True})
            kept, number = [], 0
            while ring["broker"].alive():
                asked = client.submit([dict(op="push", id="m%d" % (number + i), openid="o%d" % (number + i), key="test",
                                            vars={"n": "%d" % (number + i), "fill": BIG}) for i in range(20)])
                number += 20
                while asked and ring["broker"].alive():
                    if client.socket.poll(100):
                        for result in map(msgpack.unpackb, client.socket.recv_multipart()):
                            if asked.pop(result.get("ref"), None) and result["code"] == 200:
                                kept.append(result["id"])
                self.assertLess(number, 20000, "the disk never became full")
            self.assertEqual(ring["broker"].process.wait(), 1)
            log = ring["broker"].log()
            self.assertIn("store failed", log)
            self.assertIn("the disk is full", log)
            self.assertIn("make room", log)
            self.assertGreater(len(kept), 20)
            subprocess.run(["mount", "-o", "remount,size=128m", ring.store], check=True)
            ring["broker"].start()
            ring.wait_ready()
            states = {i: ring.client().ask_one(op="status", id=i)["code"] for i in kept[-40:]}
            self.assertEqual(set(states.values()), {100})
            operator.ask("resume", filter={"all": True})
            ring.sim.wait(delivered=len(kept))


if __name__ == "__main__":
    unittest.main()
