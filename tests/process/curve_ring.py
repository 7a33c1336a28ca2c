"""The whole set over tcp under CURVE, each sender with a pair of keys of its own, as on another host."""
import os
import re
import socket
import subprocess

import zmq
from zmq.utils.monitor import recv_monitor_message

from ring import BIN, LIMIT_S, Process, Ring, until

GOOD, BAD = zmq.EVENT_HANDSHAKE_SUCCEEDED, (zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                                            zmq.EVENT_HANDSHAKE_FAILED_AUTH)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def mega(*arguments, status=0, **options):
    """Runs mega and returns what it printed."""
    done = subprocess.run([os.path.join(BIN, "mega")] + list(arguments), capture_output=True, text=True, timeout=LIMIT_S, **options)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def read_key(path):
    with open(path) as f:
        return dict(re.findall(r'(\S+) = "(.*)"', f.read()))


def with_key(path, server):
    """Makes a socket ready to come in with this pair."""
    pair = read_key(path)

    def make_ready(socket):
        socket.curve_publickey = pair["public-key"].encode()
        socket.curve_secretkey = pair["secret-key"].encode()
        socket.curve_serverkey = server.encode()
    return make_ready


class Watched:
    """A socket that knows what became of its handshakes."""

    def __init__(self, kind, endpoint, curve=None, name=None):
        self.socket = zmq.Context.instance().socket(kind)
        self.socket.linger = 0
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        if name:
            self.socket.setsockopt(zmq.IDENTITY, name)
        if curve:
            curve(self.socket)
        self.monitor = self.socket.get_monitor_socket()
        self.events = []
        self.socket.connect(endpoint)

    def wait(self, events, what):
        def has():
            while self.monitor.poll(20 if not set(self.events) & set(events) else 0):
                self.events.append(int(recv_monitor_message(self.monitor)["event"]))
            return set(self.events) & set(events)
        until(has, what)

    def close(self):
        self.socket.disable_monitor()
        self.monitor.close()
        self.socket.close()


class CurveRing(Ring):
    def __init__(self, **options):
        super().__init__(task=True, senders=0, **options)
        self.keys = os.path.join(self.folder, "keys")
        self.allowed = os.path.join(self.folder, "clients")
        os.mkdir(self.keys)
        os.mkdir(self.allowed)
        self.pair("mega-wechat", "stage")
        self.pair("host-b", "sender", add=True)
        self.server = self.public("mega-wechat")
        ports = free_ports(5)
        self.frontend, self.control, self.jobs, self.token, self.task = ["tcp://127.0.0.1:%d" % port for port in ports]
        self.curve = self.as_key("mega-wechat")
        self.conf = {"broker": {"control": self.control, "jobs": self.jobs}, "token": {"endpoint": self.token},
                     "task": {"endpoint": self.task},
                     "curve": {"key": "keys/mega-wechat.key", "clients": "clients"}}

    def pair(self, name, role, add=False):
        mega("keygen", name, "--role", role, "--dir", self.keys)
        if add:
            self.let_in(name)

    def let_in(self, name):
        mega("keys", "add", os.path.join(self.keys, name + ".pub"), "--clients", self.allowed)

    def revoke(self, name):
        mega("keys", "revoke", name, "--clients", self.allowed)

    def public(self, name):
        return read_key(os.path.join(self.keys, name + ".pub"))["public-key"]

    def as_key(self, name, server=None):
        return with_key(os.path.join(self.keys, name + ".key"), server or self.server)

    def wait_ready(self, seconds=LIMIT_S):
        for i in range(2):
            self.add_sender("sender-%d" % (i + 1))
        super().wait_ready(seconds)

    def add_sender(self, name):
        """As it would stand on another host: a configuration, a pair and a run folder of its own; the installation's public key."""
        path = os.path.join(self.folder, "host-b.conf")
        with open(path, "w") as f:
            f.write("[wechat]\napp_id = x\napp_secret = y\napi_base = %s\n" % self.sim.base)
            f.write("[broker]\ncontrol = %s\nlease = 500ms\n[token]\nendpoint = %s\n" % (self.control, self.token))
            f.write("[sender]\nendpoint = tcp://127.0.0.1:*\n[run]\ndir = run-b\n")
            f.write("[curve]\nkey = keys/host-b.key\nserver_key = keys/mega-wechat.pub\nclients = nobody\n")
        self.stages[name] = Process(self.folder, name, "mega-sender", ["-c", path, "-n", name]).start()

    def inbox(self, name="sender-1"):
        """The endpoint that a sender has announced: its address, and its key."""
        ways = []
        until(lambda: ways.extend(re.findall(r'way to a sender opened" endpoint="?(\S+?)\?key=(.{40})', self["templater-1"].log()))
              or ways, "a way to a sender")
        return ways[0]
