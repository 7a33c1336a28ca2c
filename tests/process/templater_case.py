"""What the tests of the templater share: a fake broker, fake senders, and a templater in a folder of its own."""
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

LIMIT_S = int(os.environ.get("MEGA_LIMIT_S", 60))  # no single wait is longer

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get("MEGA_BIN", os.path.join(HERE, "../../build/bin"))
MSG_ID = re.compile(rb',"client_msg_id":"[0-9a-f]{32}"}$')



def message(value, mega=""):
    """A template that WeChat takes; `mega` is the inside of $mega."""
    return '{%s"touser":"${OPENID}","template_id":"T","data":{"a":{"value":"%s"}}}' % (mega and '"$mega":{%s},' % mega, value)


def filled(value):
    """What becomes of it for the recipient of these tests, without client_msg_id."""
    return message(value).replace("${OPENID}", "oAB")


TEST = message("${item}")


class Sender:
    """A sender's PULL socket."""

    def __init__(self, context, folder, name):
        self.endpoint = "ipc://%s/%s.ipc" % (folder, name)
        self.socket = context.socket(zmq.PULL)
        self.bind()

    def unbind(self):
        """Who connects waits until it is bound again."""
        self.socket.unbind(self.endpoint)

    def bind(self):
        self.socket.bind(self.endpoint)

    def close(self):
        self.socket.close(0)


class Broker:
    """The broker's control and jobs sockets. It welcomes and answers beats by itself; everything else is kept in `heard`."""

    def __init__(self, context, folder, versions=None, generation=1, lease_ms=3000):
        self.generation, self.lease_ms, self.versions = generation, lease_ms, versions or {}
        self.welcomes = True
        self.heard, self.peer, self.epoch, self.hello = [], None, None, None
        self.control = context.socket(zmq.ROUTER)
        self.control.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self.control.bind("ipc://%s/control.ipc" % folder)
        self.jobs = context.socket(zmq.PUSH)
        self.jobs_events = self.jobs.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.jobs.bind("ipc://%s/jobs.ipc" % folder)

    def close(self):
        self.jobs.disable_monitor()
        self.jobs_events.close(0)
        self.jobs.close(0)
        self.control.close(0)

    def say(self, **message):
        self.control.send_multipart([self.peer, msgpack.packb(message)])

    def receive(self, timeout_ms):
        """Handles one message, if one comes."""
        if not self.control.poll(timeout_ms):
            return
        self.peer, *frames = self.control.recv_multipart()
        for m in (msgpack.unpackb(f, raw=False) for f in frames):
            if m["t"] == "hello":
                self.hello = m
                if self.welcomes:
                    self.epoch = m["epoch"]
                    self.say(t="welcome", epoch=m["epoch"], clock=m["clock"], generation=self.generation, broker=7,
                             lease=self.lease_ms, versions=self.versions)
            elif m["t"] == "beat" and m["epoch"] != self.epoch:
                self.say(t="who")
            elif m["t"] == "beat":
                self.say(t="beat", epoch=m["epoch"], clock=m["clock"], generation=self.generation, broker=7)
            self.heard.append(m)

    def wait(self, t, **members):
        """The next message with this name and these members; those before it are forgotten."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            while self.heard:
                m = self.heard.pop(0)
                if m["t"] == t and all(m.get(k, 0) == v for k, v in members.items()):
                    return m
            self.receive(100)
        raise AssertionError("never heard %s %s" % (t, members))

    def wait_keys(self, names):
        """Waits for a list of exactly these keys. Returns {key: [version, ttl, lane, needs, rate, fallback, codes]}."""
        while True:
            keys = {k[0]: k[1:] for k in self.wait("keys")["keys"]}
            if sorted(keys) == sorted(names):
                return keys

    def tset(self, key, version, ref=1):
        """Has a key read again. Returns (code, message, keys)."""
        self.say(t="tset", ref=ref, key=key, key_version=version)
        m = self.wait("tset", ref=ref)
        return m["code"], m.get("message", ""), m["keys"]

    def fence(self):
        self.generation += 1
        self.say(t="fence", generation=self.generation)
        return self.wait("held", generation=self.generation)["holdings"]

    def again(self):
        """Asks for the answer to the last fence once more: what was said before has been read then."""
        self.heard = [m for m in self.heard if m["t"] != "held"]
        self.say(t="fence", generation=self.generation)
        return self.wait("held", generation=self.generation)["holdings"]

    def job(self, seq, sender, key="test", version=1, generation=None, openid="oAB", vars=None, turn=1, call=0, id=None):
        job = [seq, turn, self.generation if generation is None else generation, call, sender.endpoint, id or "id%d" % seq,
               "default", openid, key, version, msgpack.packb({"item": "x"} if vars is None else vars)]
        packed = msgpack.packb(job)
        end = time.monotonic() + LIMIT_S
        while not self.jobs.poll(10, zmq.POLLOUT):  # nobody takes jobs at the moment
            self.receive(0)
            assert time.monotonic() < end, "nobody takes jobs"
        self.jobs.send(packed, zmq.NOBLOCK)

    def job_again(self, seq, sender, turn=1, **job):
        """Gives a job out until it comes to its sender or a report of it comes. A jobs socket that was just closed and opened
        again may swallow one on the old connection; a broker sees that connection go and gives the job out again, too."""
        end = time.monotonic() + LIMIT_S
        while not sender.socket.poll(100) and not any(m["t"] == "results" for m in self.heard):
            assert time.monotonic() < end, "the job goes nowhere"
            self.job(seq, sender, turn=turn, **job)
            self.receive(100)
            turn += 1

    def wait_jobs_closed(self):
        """Waits until the templater has left the jobs socket."""
        end = time.monotonic() + LIMIT_S
        while not self.jobs_events.poll(20):
            self.receive(0)
            assert time.monotonic() < end, "the jobs socket stays connected"
        recv_monitor_message(self.jobs_events)

    def rendered(self, sender):
        """The next rendered job of a sender, as a list; beats go on meanwhile."""
        end = time.monotonic() + LIMIT_S
        while not sender.socket.poll(10):
            self.receive(0)
            assert time.monotonic() < end, "nothing came to " + sender.endpoint
        return msgpack.unpackb(sender.socket.recv())

    def body(self, sender):
        """Its body without client_msg_id."""
        body = self.rendered(sender)[7]
        assert MSG_ID.search(body), body
        return MSG_ID.sub(b"}", body).decode()

    def results(self, count):
        """Waits for so many reports: {(seq, turn): (outcome, message)}."""
        found = {}
        while len(found) < count:
            for r in self.wait("results")["results"]:
                found[r[0], r[1]] = (r[2], r[7])
        return found

    def confirm(self, *holdings):
        self.say(t="confirm", holdings=[list(h) for h in holdings])


class Case(unittest.TestCase):
    conf = ""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mega-tt-")
        self.templates = os.path.join(self.folder, "t")
        os.mkdir(self.templates)
        self.context = zmq.Context()
        self.processes, self.senders = [], []
        self.broker = self.new_broker()
        self.sender = self.new_sender("s1")

    def tearDown(self):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
                p.wait(LIMIT_S)
        if not self._outcome.success and os.path.exists(self.log_path()):
            print(self.log(), file=sys.stderr)
        self.broker.close()
        for sender in self.senders:
            sender.close()
        self.context.destroy(0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_broker(self, **options):
        return Broker(self.context, self.folder, **options)

    def new_sender(self, name):
        self.senders.append(Sender(self.context, self.folder, name))
        return self.senders[-1]

    def put(self, key, text):
        """Writes a template file in one step."""
        path = os.path.join(self.templates, key + ".json")
        with open(path + ".new", "w") as f:
            f.write(text)
        os.rename(path + ".new", path)

    def remove(self, key):
        os.unlink(os.path.join(self.templates, key + ".json"))

    def log_path(self):
        return os.path.join(self.folder, "log")

    def log(self):
        with open(self.log_path(), errors="replace") as f:
            return f.read()

    def wait_log(self, text):
        end = time.monotonic() + LIMIT_S
        while text not in self.log():
            self.assertLess(time.monotonic(), end, "never logged: " + text)
            select.select([], [], [], 0.02)

    def source_conf(self):
        return "[templater]\nsource = dir:%s\n" % self.templates

    def write_conf(self, server="table_size = 3\ntemplate_size = 200", templater=""):
        conf = os.path.join(self.folder, "mega.conf")
        with open(conf, "w") as f:
            f.write("[server]\nqueue_file_path = %s/store\n%s\n[run]\ndir = %s\n" % (self.folder, server, self.folder))
            f.write("[broker]\nlease = 3s\n")
            f.write(self.source_conf() + templater)
        return conf

    def tool(self, *arguments, **conf):
        """Runs mega-template. Returns (exit status, standard output, standard error)."""
        command, *rest = arguments
        done = subprocess.run([os.path.join(BIN, "mega-template"), command, "-c", self.write_conf(**conf)] + rest, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S)
        return done.returncode, done.stdout, done.stderr

    def start(self, name="templater", **options):
        conf = self.write_conf(**options)
        with open(self.log_path(), "ab") as log:
            p = subprocess.Popen([os.path.join(BIN, "mega-templater"), "-c", conf, "-n", name], stdout=log, stderr=log,
                                 stdin=subprocess.DEVNULL)
        self.processes.append(p)
        return p

    def term(self, p, status=0):
        p.send_signal(signal.SIGTERM)
        end = time.monotonic() + LIMIT_S
        while p.poll() is None:
            self.broker.receive(10)
            self.assertLess(time.monotonic(), end, "does not end")
        self.assertEqual(p.returncode, status)

    def cache_path(self):
        return os.path.join(self.folder, "store/templates-templater.cache")
