#!/usr/bin/python3
"""Sends one task's list as the original service's task client does.

    tests/process/original_client.py HOST:PORT KEY FILE|- [SKIP]

FILE (- is standard input) has a line for each recipient: the openid, and behind a space the variables as JSON; `null` is sent where
there are none. One Send after the other goes out on one connection, each with its row number (from 1) as opaque; nothing else
tells which message it is. 200 is counted as success, 400 as failure of that recipient. 500 stops the task; SKIP, the rows that are
done, is where it goes on then. What it knows of the protocol is what the old clients know: no ids, no parameters of ours.

A connection that is closed is made again and the outstanding Send repeated. It has no id, so the service cannot know that it is
the same message: if the first one was taken, its recipient gets it twice. Of each lost connection that is at most one message.
The original tries to connect once, and when nobody listens its task ends, to be started again; this one tries for CONNECT_S.

The last line of its output is one JSON object. Exit status: 0 the list is done, 1 the service is not there or does not speak the
protocol, 2 wrong usage, 4 stopped by a 500.
"""
import json
import select
import socket
import struct
import sys
import time

ANSWER_S = 120    # send_patience and more: a Send may wait for WeChat
CONNECT_S = 30    # a service that is restarted is there again by then
CONNECT_WAIT_S = 0.02


class NoService(Exception):
    """Nobody listens, or what answers is no such service."""


class Closed(Exception):
    """The connection ended before the whole answer."""


def pack_send(openid, key, opaque, body):
    header = ("send %s %s" % (openid, key)).encode()
    body = body.encode()
    package = struct.pack(">I", len(header)) + header + struct.pack(">II", opaque, len(body)) + body
    return struct.pack(">I", len(package)) + package


def unpack_answer(package):
    header_bytes, = struct.unpack_from(">I", package)
    word, code = package[4:4 + header_bytes].decode().split(" ")
    opaque, body_bytes = struct.unpack_from(">II", package, 4 + header_bytes)
    body = package[12 + header_bytes:]
    if word != "result" or len(body) != body_bytes:
        raise NoService("not an answer of the protocol: %r" % package)
    return int(code), opaque, body


def read_list(lines):
    """(openid, body) of each line that is not empty."""
    rows = []
    for line in lines:
        openid, _, variables = line.strip().partition(" ")
        if openid:
            rows.append((openid, variables.strip() or "null"))
    return rows


class Task:
    """One list. run() sends until its end or a 500; called again it goes on where it stopped."""

    def __init__(self, address, key, rows, skip=0, connect_s=CONNECT_S):
        host, port = address.rsplit(":", 1)
        self.address, self.key, self.rows, self.done = (host, int(port)), key, rows, skip
        self.connect_s = connect_s
        self.success = self.failed = self.repeated = 0
        self.stopped = None  # the words of the 500
        self.connection = None
        self.heard = None    # called with the bytes of each answer

    def run(self):
        self.stopped = None
        try:
            while self.done < len(self.rows) and self.stopped is None:
                self.count(*self.ask())
        finally:
            self.close()
        return self

    def count(self, code, opaque, message):
        if code == 200:
            self.success += 1
        elif code == 400:
            self.failed += 1
        elif code == 500:
            self.stopped = message.decode(errors="replace")
            return  # the row is not done
        else:
            raise NoService("unknown code %d" % code)
        self.done += 1
        if opaque != self.done:
            raise NoService("row %d is outstanding, and %d was answered" % (self.done, opaque))

    def ask(self):
        """The answer to the outstanding Send, over as many connections as it takes."""
        while True:
            try:
                if self.connection is None:
                    self.connect()
                openid, body = self.rows[self.done]
                self.connection.sendall(pack_send(openid, self.key, self.done + 1, body))
                return self.read()
            except (Closed, ConnectionError):
                self.close()
                self.repeated += 1

    def connect(self):
        end = time.monotonic() + self.connect_s
        while True:
            try:
                self.connection = socket.create_connection(self.address, timeout=ANSWER_S)
                return
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    raise NoService("nobody listens on %s:%d" % self.address) from None
                select.select([], [], [], CONNECT_WAIT_S)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def read(self):
        size = self.read_exactly(4)
        package = self.read_exactly(struct.unpack(">I", size)[0])
        if self.heard is not None:
            self.heard(size + package)
        return unpack_answer(package)

    def read_exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.connection.recv(count - len(data))
            if not part:
                raise Closed()
            data += part
        return data

    def result(self):
        return {"success": self.success, "failed": self.failed, "repeated": self.repeated, "done": self.done,
                "rows": len(self.rows), "stopped": self.stopped}


def main(arguments):
    if len(arguments) not in (3, 4) or ":" not in arguments[0] or not all(a.isdigit() for a in arguments[3:]):
        print(__doc__, file=sys.stderr)
        return 2
    address, key, path = arguments[:3]
    if path == "-":
        rows = read_list(sys.stdin)
    else:
        with open(path, encoding="utf-8") as f:
            rows = read_list(f)
    task = Task(address, key, rows, int(arguments[3]) if len(arguments) == 4 else 0)
    try:
        task.run()
    except (NoService, OSError) as error:
        print("%s; %d rows are done" % (error, task.done), file=sys.stderr)
        return 1
    finally:
        print(json.dumps(task.result(), ensure_ascii=False))
    return 4 if task.stopped is not None else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
