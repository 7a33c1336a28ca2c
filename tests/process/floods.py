"""Floods from one client: it sends without end and never waits for an answer. pressure.py sends them to the frontend, and to a socket
that throws everything away, for what their processor time costs."""
import subprocess
import sys

FLOOD = """
import os, sys, msgpack, zmq
context = zmq.Context()
def connect():
    s = context.socket(zmq.DEALER)
    s.linger = 0
    s.connect(sys.argv[1])
    return s
def push(bytes):
    return msgpack.packb({"op": "push", "ref": 1, "openid": "o-flood", "key": "test", "vars": {"n": "x" * bytes}})
message = {
    "packed": lambda: [push(100) * 256],      # many requests in a frame
    "tiny": lambda: [push(100)],              # one request a message
    "frames": lambda: [push(100)] * 256,      # many requests in a message, each in its frame
    "large": lambda: [push(2000000)],
    "garbage": lambda: [os.urandom(20000)],
}[sys.argv[2]]()
sockets = [connect() for _ in range(int(sys.argv[3]))]
while True:
    for s in sockets:
        s.send_multipart(message)
        while s.poll(0):
            s.recv_multipart(copy=False)
"""
KINDS = ("packed", "tiny", "frames", "large", "garbage")

SINK = """
import sys, zmq
s = zmq.Context().socket(zmq.ROUTER)
s.bind(sys.argv[1])
while True:
    s.recv_multipart(copy=False)
"""


class Running:
    """A process of this file, from `with` to its end."""

    def __init__(self, program, *arguments):
        self.command = [sys.executable, "-c", program] + [str(one) for one in arguments]

    def __enter__(self):
        self.process = subprocess.Popen(self.command)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def flood(endpoint, kind="packed", connections=1):
    return Running(FLOOD, endpoint, kind, connections)


def sink(endpoint):
    return Running(SINK, endpoint)
