"""What accepting is compared with: the bare loop of bare.c, and the servers of others, each started for one measurement."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from bench_set import LIMIT_S
from ring import BIN, pause, until

WAIT_S = 20


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


@contextlib.contextmanager
def server(arguments, port):
    """A server of somebody else on a port, with a folder of its own as its working folder."""
    folder = tempfile.mkdtemp(prefix="mega-bench-")
    process = subprocess.Popen([word.replace("FOLDER", folder) for word in arguments], cwd=folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port) or (process.poll() is None and pause()), "%s listens" % arguments[0], WAIT_S)
        yield port
    finally:
        process.kill()
        process.wait(LIMIT_S)
        shutil.rmtree(folder, ignore_errors=True)


def beanstalkd():
    """None when it is not installed. Synced with each job: the moment at which it is kept."""
    port = free_port()
    return server(["beanstalkd", "-l", "127.0.0.1", "-p", str(port), "-b", "FOLDER", "-f", "0"], port) \
        if shutil.which("beanstalkd") else None


def redis():
    """None when it is not installed. The append-only file synced before each answer."""
    port = free_port()
    return server(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", "FOLDER", "--appendonly", "yes",
                   "--appendfsync", "always", "--save", ""], port) if shutil.which("redis-server") else None


@contextlib.contextmanager
def bare():
    """The bare loop; yields its port. Its second process ends with the first."""
    folder = tempfile.mkdtemp(prefix="mega-bench-")
    process = subprocess.Popen([os.path.join(BIN, "bench-bare"), os.path.join(folder, "s")], stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline().split("=")[1])
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(LIMIT_S)
        process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)
