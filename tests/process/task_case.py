"""A mega-task and a frontend that the test plays, and `mega task` run against them."""
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

import msgpack
import zmq

from fake_task import FakeTask
from ring import BIN, LIMIT_S


class Frontend:
    """The broker's frontend for one question: op check."""

    def __init__(self, folder, code=200, message=""):
        self.endpoint = "ipc://%s/frontend.ipc" % folder
        self.code, self.message, self.asked, self.is_over = code, message, [], False
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(self.endpoint)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.is_over:
            if self.socket.poll(50):
                who, frame = self.socket.recv_multipart()
                self.asked.append(msgpack.unpackb(frame))
                self.socket.send_multipart([who, msgpack.packb(dict(code=self.code, message=self.message))])
        self.socket.close()

    def close(self):
        self.is_over = True
        self.thread.join()


class TaskCase(unittest.TestCase):
    frontend_code, frontend_message = 200, ""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mega-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.daemon = FakeTask(self.folder).start()
        self.addCleanup(self.daemon.stop)
        self.frontend = Frontend(self.folder, self.frontend_code, self.frontend_message)
        self.addCleanup(self.frontend.close)
        self.env = dict(os.environ, TZ="Asia/Shanghai", TMPDIR=self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), newline="", encoding="utf-8") as f:
            return f.read()

    def start(self, *arguments, **more):
        ends = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env)
        ends.update(more)
        process = subprocess.Popen([os.path.join(BIN, "mega"), "task", *arguments, "--endpoint", self.daemon.endpoint], **ends)
        self.addCleanup(self.kill, process)
        return process

    @staticmethod
    def kill(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def end(self, process, status=0, data=None):
        out, err = process.communicate(data, timeout=LIMIT_S)
        self.assertEqual(process.returncode, status, (out, err))
        return (out or b"").decode(), (err or b"").decode()

    def run_task(self, *arguments, status=0, data=None, **more):
        if data is not None:
            more["stdin"] = subprocess.PIPE
        return self.end(self.start(*arguments, **more), status, data)

    def create(self, *arguments, status=0, data=None, **more):
        return self.run_task("create", "--key", "paid", "--name", "may", "--frontend", self.frontend.endpoint, *arguments,
                             status=status, data=data, **more)

    def task(self):
        self.assertTrue(self.daemon.tasks["may"]["committed"])
        return self.daemon.tasks["may"]

    def assert_nothing_made(self):
        self.assertEqual(self.daemon.tasks, {})
        self.assertEqual(self.daemon.ops("commit"), [])
