"""The broker's control socket as an operator sees it, played by the test, and `mega` run against it.

Nothing here sleeps: every wait is one for a message or a process, with a limit.
"""
import fcntl
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import termios
import time
import unittest

import msgpack
import zmq

from ring import BIN, LIMIT_S, deadline


class Screen:
    """What a program writes to a terminal of its own, and the keys pressed there."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.text = ""

    def press(self, keys):
        os.write(self.master, keys.encode())

    def readable(self, ms):
        return bool(select.select([self.master], [], [], ms / 1000)[0])

    def until(self, pattern):
        """Reads until the text has the pattern; returns all the text so far."""
        end = deadline()
        while not re.search(pattern, self.text, re.S):
            assert time.monotonic() < end, "not on the screen: %r in %r" % (pattern, self.text[-1000:])
            if self.readable(1000):
                self.text += os.read(self.master, 65536).decode(errors="replace")
        return self.text

    def close(self):
        for fd in (self.master, self.slave):
            os.close(fd)


class QueueCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mega-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.control = "ipc://%s/control.ipc" % self.folder
        self.router = None
        self.bind()
        self.addCleanup(self.unbind)

    def bind(self):
        self.router = zmq.Context.instance().socket(zmq.ROUTER)
        self.router.linger = 0
        self.router.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self.router.bind(self.control)

    def unbind(self):
        self.router.close()

    # --- the broker's part

    def ask(self, op, seconds=LIMIT_S):
        """The next ask, which must be of that operation; remembers who asked what."""
        assert self.router.poll(seconds * 1000), "no ask within %d s" % seconds
        self.who, frame = self.router.recv_multipart()
        asked = msgpack.unpackb(frame)
        self.assertEqual((asked["t"], asked["op"]), ("ask", op))
        self.ref = asked["ref"]
        return asked

    def send(self, frame):
        self.router.send_multipart([self.who, frame])

    def answer(self, code=200, **members):
        members = dict({"t": "answer", "ref": self.ref, "code": code}, **members)
        self.send(msgpack.packb(members, use_bin_type=True))

    # --- mega's part

    def start(self, *arguments, screen=None, **more):
        """mega queue ARGUMENTS, on a terminal when a screen is given."""
        ends = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if screen:
            ends = dict(stdin=screen.slave, stdout=subprocess.PIPE, stderr=screen.slave, start_new_session=True,
                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))  # Ctrl-C becomes a signal
        ends.update(more)
        process = subprocess.Popen([os.path.join(BIN, "mega"), "queue", *arguments, "--control", self.control], **ends)
        self.addCleanup(self.kill, process)
        return process

    @staticmethod
    def kill(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def end(self, process, status=0):
        """Waits for the end; returns what it wrote to standard output and standard error."""
        out, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, status, (out, err))
        return (out or b"").decode(), (err or b"").decode()

    def screen(self):
        screen = Screen()
        self.addCleanup(screen.close)
        return screen
