"""What the tests of mega-gateway run it with: the real program, a fake broker, and TCP clients.

The fake broker is a ROUTER socket in the test's own thread: a test reads requests and answers them as it
likes. Everything waits on descriptors or queues with a deadline; nothing sleeps.
"""

import os
import queue
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import msgpack
import zmq

WAIT_S = 20  # nothing that works takes nearly as long

EPOCH = 1001


def header_of(line):
    """logfmt to a dict; good enough for the fields that the tests look at."""
    fields, rest = {}, line.strip()
    while "=" in rest:
        key, rest = rest.split("=", 1)
        if rest.startswith('"'):
            value, _, rest = rest[1:].partition('"')
        else:
            value, _, rest = rest.partition(" ")
        fields[key.strip()] = value
    return fields


class Gateway:
    """The program, its configuration in a temporary folder, and its log."""

    def __init__(self, frontend=None, listen=("127.0.0.1:0",), timeouts=None, setting="", name="gateway",
                 files_max=None, folder=None):
        self.folder_owner = None
        if folder is None:
            self.folder_owner = tempfile.TemporaryDirectory(prefix="mega-test-")
            folder = self.folder_owner.name
        self.folder = folder
        self.name = name
        self.frontend = frontend or "ipc://%s/frontend.ipc" % folder
        times = {"idle_timeout": "1h", "frame_timeout": "30s", "answer_timeout": "5s"}
        times.update(timeouts or {})
        path = os.path.join(folder, name + ".conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[server]\n" + "".join("listen[] = %s\n" % where for where in listen))
            file.write("[setting]\n%s\n[broker]\nfrontend = %s\n" % (setting, self.frontend))
            file.write("[run]\ndir = %s\n" % folder)
            file.write("[log]\nlog_level = debug\n[gateway]\n")
            file.write("".join("%s = %s\n" % item for item in times.items()))
        self.events = queue.Queue()
        self.log = []
        program = os.path.join(os.environ.get("MEGA_BIN", "build/bin"), "mega-gateway")
        command = [program, "-c", path, "-n", name]
        if files_max:
            command = ["sh", "-c", "ulimit -n %d; exec \"$@\"" % files_max, "sh"] + command
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()
        self.listen_count = len(listen)
        self.addresses = []

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line)
            self.events.put(header_of(line))
        self.events.put(None)

    def wait_event(self, event, timeout_s=WAIT_S):
        """The fields of the next log line with this event; lines before it are skipped."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                fields = self.events.get(timeout=max(0.001, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError("no event %r in time; log:\n%s" % (event, "".join(self.log))) from None
            if fields is None:
                raise AssertionError("ended without event %r; log:\n%s" % (event, "".join(self.log)))
            if fields.get("event") == event:
                return fields

    def wait_ready(self):
        for _ in range(self.listen_count):
            host, port = self.wait_event("listening")["addr"].rsplit(":", 1)
            self.addresses.append((host.strip("[]"), int(port)))
        return self

    def connect(self, which=0, receive_bytes=None):
        return Client(self.addresses[which], receive_bytes)

    def signal(self, number):
        self.process.send_signal(number)

    def wait_end(self, timeout_s=WAIT_S):
        code = self.process.wait(timeout_s)
        self.reader.join(timeout_s)
        return code

    def close(self):
        """Ends it well, so that the sanitizers report; returns the exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.wait_end()
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.wait_end()
        self.process.stderr.close()
        if self.folder_owner:
            self.folder_owner.cleanup()
        return code

    def cpu_s(self):
        """Processor time that it has taken."""
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")


def frame(header, opaque, body=b"null"):
    if isinstance(header, str):
        header = header.encode()
    return struct.pack(">II", 4 + len(header) + 4 + 4 + len(body), len(header)) + header + \
        struct.pack(">II", opaque, len(body)) + body


def push(opaque, openid="o1", key="test", body=b"null", more=""):
    return frame("push %s %s%s" % (openid, key, more), opaque, body)


def send(opaque, openid="o1", key="test", body=b"null", more=""):
    return frame("send %s %s%s" % (openid, key, more), opaque, body)


def tset(opaque, key="test"):
    header = ("tset %s" % key).encode()
    return struct.pack(">II", 4 + len(header) + 4, len(header)) + header + struct.pack(">I", opaque)


class Client:
    """One TCP connection."""

    def __init__(self, address, receive_bytes=None):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(WAIT_S)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def send_some(self, data):
        """As much as the connection takes without waiting; returns the bytes that it took."""
        self.socket.setblocking(False)
        taken = 0
        try:
            while taken < len(data):
                taken += self.socket.send(data[taken:taken + 65536])
        except BlockingIOError:
            pass
        self.socket.settimeout(WAIT_S)
        return taken

    def _read(self, count):
        while len(self.buffer) < count:
            piece = self.socket.recv(65536)
            if not piece:
                return False
            self.buffer += piece
        return True

    def answer(self):
        """(code, opaque, message), or None when the gateway closed."""
        if not self._read(4):
            assert self.buffer == b"", "closed in the middle of an answer"
            return None
        length = struct.unpack(">I", self.buffer[:4])[0]
        assert self._read(4 + length), "closed in the middle of an answer"
        package, self.buffer = self.buffer[4:4 + length], self.buffer[4 + length:]
        header_length = struct.unpack(">I", package[:4])[0]
        word, code = package[4:4 + header_length].split(b" ")
        opaque, body_length = struct.unpack(">II", package[4 + header_length:12 + header_length])
        message = package[12 + header_length:]
        assert word == b"result" and body_length == len(message)
        return int(code), opaque, message.decode()

    def answers(self, count):
        return [self.answer() for _ in range(count)]

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        """Leaves with a reset instead of an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


class Broker:
    """A fake broker. It answers pings whenever it is asked for something; all else is up to the test."""

    def __init__(self, endpoint, epoch=EPOCH):
        self.context = zmq.Context()
        self.endpoint = endpoint
        self.epoch = epoch
        self.answers_pings = True
        self.packs = True  # False: it is of a version that takes one request in a frame
        self.pings = 0
        self.waiting = []
        self.socket = None
        self.open()

    def open(self):
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.setsockopt(zmq.RCVHWM, 0)
        self.socket.bind(self.endpoint)

    def away(self):
        """Breaks every connection and listens no more; open() comes back."""
        self.socket.close()
        self.waiting = []
        try:
            os.unlink(self.endpoint[len("ipc://"):])
        except OSError:
            pass

    def close(self):
        if not self.socket.closed:
            self.socket.close()
        self.context.term()

    def _receive(self):
        """Takes one message. Pings are answered, the rest waits for request()."""
        peer, *frames = self.socket.recv_multipart()
        packed = msgpack.Unpacker()
        packed.feed(b"".join(frames))  # several requests may stand in a frame
        requests = list(packed)
        for request in requests:
            if request["op"] == "ping":
                self.pings += 1
                if self.answers_pings:
                    self._send(peer, [self._result(request, 200, {"state": "ready", **({"packs": 1} if self.packs else {})})])
            else:
                request["peer"] = peer
                request["together"] = len(requests)
                self.waiting.append(request)

    def request(self, timeout_s=WAIT_S):
        """The next request that is no ping; None when none came in time."""
        end = time.monotonic() + timeout_s
        while not self.waiting:
            left_ms = int((end - time.monotonic()) * 1000)
            if left_ms < 0 or not self.socket.poll(left_ms):
                return None
            self._receive()
        return self.waiting.pop(0)

    def requests(self, count):
        found = []
        for _ in range(count):
            request = self.request()
            assert request is not None, "%d of %d requests came" % (len(found), count)
            found.append(request)
        return found

    def serve_pings(self, until, timeout_s=WAIT_S):
        """Answers pings until `until()` holds."""
        end = time.monotonic() + timeout_s
        while not until():
            assert time.monotonic() < end, "nothing came in time"
            if self.socket.poll(50):
                self._receive()

    def _result(self, request, code, more=None):
        result = {"ref": request["ref"], "code": code, "epoch": self.epoch}
        if request.get("id"):
            result["id"] = request["id"]
        result.update(more or {})
        return msgpack.packb(result)

    def _send(self, peer, frames):
        self.socket.send_multipart([peer] + frames)

    def answer(self, request, code=200, message=None, **more):
        if message is not None:
            more["message"] = message
        self._send(request["peer"], [self._result(request, code, more)])

    def answer_all(self, requests, code=200):
        """One message: two results in its first frame, one in each of the others."""
        if requests:
            results = [self._result(request, code) for request in requests]
            self._send(requests[0]["peer"], [b"".join(results[:2])] + results[2:])

    def serve(self, count):
        """Answers the next `count` requests with 200 as they come; returns them."""
        found = []
        while len(found) < count:
            request = self.request()
            assert request is not None, "%d of %d requests came" % (len(found), count)
            found.append(request)
            batch = [request]
            while self.waiting and len(found) < count:
                batch.append(self.waiting.pop(0))
                found.append(batch[-1])
            self.answer_all(batch)
        return found


class GatewayTest(unittest.TestCase):
    timeouts = None

    def setUp(self):
        self.clients = []
        self.start()

    def start(self, **options):
        options.setdefault("timeouts", self.timeouts)
        self.gateway = Gateway(**options)
        self.broker = Broker(self.gateway.frontend)
        self.addCleanup(self.stop)
        self.gateway.wait_ready()

    def restart(self, **options):
        """Another gateway instead of the one that setUp started."""
        self.doCleanups()
        self.clients = []
        self.start(**options)

    def stop(self):
        for client in self.clients:
            client.close()
        status = self.gateway.close()
        self.broker.close()
        log = "".join(self.gateway.log)
        self.assertNotIn("ERROR: ", log)  # a sanitizer's
        self.assertNotIn("runtime error", log)
        self.assertEqual(status, 0, log)

    def connect(self, **options):
        client = self.gateway.connect(**options)
        self.clients.append(client)
        return client

    def nothing_more(self, client, timeout_s=0.2):
        """No byte comes and the connection stays open for a while."""
        readable, _, _ = select.select([client.socket], [], [], timeout_s)
        self.assertEqual((client.buffer, readable), (b"", []))
