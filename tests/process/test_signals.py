"""Signals and the service manager, with the whole ring: started in reverse order, as root and become another user where the test may;
HUP applies, names and keeps; a second TERM ends at once; a loop that is stuck gives no sign of life."""
import fcntl
import os
import pwd
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

from ring import BIN, LIMIT_S, SIMPLE, Process, Ring, frame, pause, until

WATCHDOG_MS = 600  # a sign of life each 200
PROGRAMS = ("console", "gateway-1", "task", "sender-1", "templater-1", "token", "broker")  # who needs others comes before them
USER = "nobody"  # is there everywhere
KINDS = {name: "mega-" + name.split("-")[0] for name in PROGRAMS}


class Manager:
    """Plays systemd: what each process has told, by its pid. Reads by itself: nobody waits for a manager that does not."""

    def __init__(self, folder):
        path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(path)
        os.chmod(path, 0o777)
        self.told, self.changed = {}, threading.Condition()
        self.env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": str(WATCHDOG_MS * 1000)}
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            text, parts, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(struct.calcsize("3i")))
            pid = next(struct.unpack("3i", data[:12])[0] for level, kind, data in parts
                       if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS))
            with self.changed:
                self.told.setdefault(pid, []).append(text.decode())
                self.changed.notify_all()

    def close(self):
        """The thread ends with the process; there is one in it."""

    def messages(self, stage):
        return self.told.get(stage.process.pid, [])

    def count(self, stage, text):
        return sum(text in message for message in self.messages(stage))

    def wait(self, stage, text, count=1):
        with self.changed:
            found = self.changed.wait_for(lambda: self.count(stage, text) >= count, LIMIT_S)
        assert found, "%s tells %s: %s" % (stage.name, text, self.messages(stage)[-5:])

    def is_silent(self, stage, ms):
        """1 when the process tells nothing for so long."""
        with self.changed:
            before = len(self.messages(stage))
            return not self.changed.wait_for(lambda: len(self.messages(stage)) > before, ms / 1000)


class SignalsRing(Ring):
    """Started in reverse order, each when the one before has said what it waits for."""

    def __enter__(self):
        self.manager = Manager(self.folder)
        self.clients.append(self.manager)
        if os.geteuid() == 0:  # the folder is that user's; the run folder in it is made by the first program
            os.chown(self.folder, pwd.getpwnam(USER).pw_uid, -1)
            self.conf.setdefault("run", {})["user"] = USER
        try:
            self.sim.start()
            self.conf_path = self.write_conf()
            for name in PROGRAMS:
                stage = self.add(name, KINDS[name])
                stage.env.update(self.manager.env)
                stage.start()
                waits = name.startswith(("sender", "templater"))
                self.manager.wait(stage, "STATUS=waiting for the broker" if waits else "READY=1")
            self.wait_ready()
        except BaseException:
            self.__exit__(*[Exception("start")] * 3)
            raise
        return self

    def change(self, section, **keys):
        for key, value in keys.items():
            self.conf.setdefault(section, {})[key] = value
        self.write_conf()

    def hup(self, *names):
        """HUP, and waits until each has read the configuration; returns what they logged since, by name."""
        logs = {name: len(self[name].log()) for name in names}
        for name in names:
            self[name].signal(signal.SIGHUP)
        done = re.compile('event="configuration (read again|is kept as it was)')
        until(lambda: all(done.search(self[name].log()[at:]) for name, at in logs.items()) or pause(), "HUP is done")
        return {name: self[name].log()[at:] for name, at in logs.items()}


class Signals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = SignalsRing(senders=1, templates={"test": SIMPLE, "two": SIMPLE.replace("${n}", "${n}${absent}")},
                               conf={"wechat": {"rate": "0"}, "console": {"listen": "127.0.0.1:0"}})
        cls.ring.__enter__()
        cls.manager = cls.ring.manager
        cls.client = cls.ring.client()
        cls.operator = cls.ring.operator()

    @classmethod
    def tearDownClass(cls):
        cls.ring.__exit__(None, None, None)

    def push(self, name, key="test"):
        return self.client.ask_one(op="push", id=name, openid="o-" + name, key=key, vars={"n": name})

    def calls(self, name):
        return [e for e in self.ring.sim.journal() if e["openid"] == "o-" + name]

    def rate(self):
        account, = self.operator.status()["accounts"]
        return account["rate"]

    # --- the service manager -------------------------------------------------------------------------------------------

    def test_each_is_ready_and_gives_signs_of_life(self):
        for name in PROGRAMS:
            self.manager.wait(self.ring[name], "READY=1")
            self.manager.wait(self.ring[name], "WATCHDOG=1", self.manager.count(self.ring[name], "WATCHDOG=1") + 3)
            self.assertEqual(self.manager.count(self.ring[name], "READY=1"), 1 + self.manager.count(self.ring[name], "RELOADING=1"))
        self.manager.wait(self.ring["sender-1"], "STATUS=running: welcomed by the broker")

    @unittest.skipUnless(os.geteuid() == 0, "needs root: becoming another user")
    def test_each_has_become_the_user(self):
        uid = pwd.getpwnam(USER).pw_uid
        for name in PROGRAMS:
            with open("/proc/%d/status" % self.ring[name].process.pid) as f:
                status = dict(line.strip().split(":\t", 1) for line in f if ":\t" in line)
            self.assertEqual(status["Uid"].split(), [str(uid)] * 4, name)
            self.assertEqual(int(status["CapPrm"], 16) | int(status["CapEff"], 16), 0, name)
            self.assertEqual(status["NoNewPrivs"], "1", name)
        self.assertEqual(os.stat(os.path.join(self.ring.folder, "run")).st_uid, uid)
        self.assertEqual(self.push("as-user")["code"], 200)
        until(lambda: self.calls("as-user") or pause(), "sent by another user's processes")

    def test_stuck_loop_gives_no_sign_of_life(self):
        """The log is a pipe that is full: the next line stops the loop, while libzmq's threads live on."""
        reader, writer = os.pipe()
        stuck = Process(self.ring.folder, "stuck", "mega-gateway", ["-c", self.ring.conf_path, "-n", "stuck"], self.manager.env)
        stuck.process = subprocess.Popen([os.path.join(BIN, stuck.program)] + stuck.arguments, stderr=writer, stdout=writer,
                                         stdin=subprocess.DEVNULL, env=stuck.env)
        self.addCleanup(stuck.kill)
        self.addCleanup(os.close, reader)
        self.manager.wait(stuck, "WATCHDOG=1", 2)
        own = os.open("/proc/self/fd/%d" % writer, os.O_WRONLY | os.O_NONBLOCK)  # a description of its own: the other blocks
        try:
            while True:
                os.write(own, b"x")
        except BlockingIOError:
            pass
        stuck.signal(signal.SIGHUP)
        self.manager.wait(stuck, "RELOADING=1")
        self.assertTrue(self.manager.is_silent(stuck, 2 * WATCHDOG_MS), "it gives signs of life")
        before = self.manager.count(stuck, "WATCHDOG=1")
        os.close(own)
        os.close(writer)
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK)

        def drain():
            while select.select([reader], [], [], 0)[0] and os.read(reader, 1 << 16):
                pass
            return self.manager.count(stuck, "WATCHDOG=1") > before or pause()
        until(drain, "it lives again")

    # --- HUP -----------------------------------------------------------------------------------------------------------

    def test_hup_applies_names_and_keeps(self):
        ring = self.ring
        ring.change("wechat", rate="7", max_attempts="3")
        ring.change("broker", lease="600ms")
        ring.conf["wechat:new"] = {"app_id": "wx2"}
        ring.write_conf()
        logs = ring.hup(*PROGRAMS)
        self.assertEqual(self.rate(), 7)
        self.assertIn('event="configuration changed" key="[wechat] rate" from=0 to=7', logs["broker"])
        for name in ("broker", "sender-1", "templater-1"):
            self.assertIn('event="configuration change waits for a restart" key="[broker] lease" from=500ms to=600ms restart=' + KINDS[name],
                          logs[name])
        for name in ("broker", "sender-1", "token", "task", "console"):
            self.assertIn('key=[wechat:new] from="" to=added restart=' + KINDS[name], logs[name])
        self.assertIn("changed=0 waits_for_restart=0", logs["gateway-1"])
        self.assertNotIn("rate", logs["sender-1"])

        ring.change("wechat", rate="many")  # wrong: nothing of it counts, nor what is right in it
        ring.change("broker", send_patience="5s", nonsense="1")
        logs = ring.hup("broker", "gateway-1")
        for log in logs.values():
            self.assertIn("[wechat] rate: \\\"many\\\" is no number", log)
            self.assertIn("[broker] nonsense: unknown key", log)
            self.assertIn("configuration is kept as it was", log)
        self.assertNotIn("send_patience", logs["broker"])
        self.assertEqual(self.rate(), 7)
        self.manager.wait(ring["broker"], "STATUS=the configuration is wrong and is kept as it was")

        # What an operator has set stays, whatever the configuration says.
        self.assertEqual(self.operator.ask("rate", filter={"app": "default"}, rate=5)["code"], 200)
        ring.change("wechat", rate="9")
        del ring.conf["broker"]["nonsense"], ring.conf["wechat:new"], ring.conf["broker"]["lease"]
        ring.write_conf()
        self.assertIn('key="[wechat] rate" from=7 to=9', ring.hup("broker")["broker"])
        self.assertEqual(self.rate(), 5)
        self.operator.ask("rate", filter={"app": "default"})
        self.assertEqual(self.rate(), 9)
        ring.change("wechat", rate="0")
        ring.hup("broker")

    def test_hup_of_the_others(self):
        ring = self.ring
        idle = ring.tcp()
        self.assertEqual(idle.ask("push o-idle test", 1, '{"n":"1"}')[0], 200)
        ring.change("gateway", idle_timeout="200ms")
        ring.hup("gateway-1")
        self.assertIsNone(idle.read(), "an idle client is closed after the new time")
        ring.change("gateway", idle_timeout="1h")
        ring.hup("gateway-1")

        self.assertEqual(self.push("absent", "two")["code"], 200)
        ring.change("templater", missing_variable="reject")
        ring.write_template("three", SIMPLE)
        log = ring.hup("templater-1")["templater-1"]
        self.assertIn('key="[templater] missing_variable" from=keep to=reject', log)
        until(lambda: self.client.ask_one(op="check", openid="o", key="two", vars={"n": "1"})["code"] == 400 or pause(),
              "the broker knows that a variable is needed")
        until(lambda: self.client.ask_one(op="check", openid="o", key="three", vars={"n": "1"})["code"] == 200 or pause(),
              "the templates were read again")
        ring.change("templater", missing_variable="keep")
        ring.hup("templater-1")

        with socket.socket() as dead:  # takes no connection: it does not listen
            dead.bind(("127.0.0.1", 0))
            ring.change("wechat", api_base="http://127.0.0.1:%d" % dead.getsockname()[1])
            ring.hup("sender-1")
            self.assertEqual(self.push("elsewhere")["code"], 200)
            failed = re.compile('event="call ended" .*id=elsewhere .*outcome=retry')
            until(lambda: failed.search(ring["sender-1"].log()) or pause(), "a call to the new address fails")
        ring.change("wechat", api_base="http://localhost:1, " + ring.sim.base)
        ring.hup("sender-1")
        until(lambda: self.calls("elsewhere") or pause(), "sent at the second of the new addresses")
        ring.change("wechat", api_base=ring.sim.base)
        ring.hup("sender-1", "token")

        ring.change("sender", timeout="300ms", ca_file="missing.pem")
        self.assertIn("[sender] ca_file cannot be read", ring.hup("sender-1")["sender-1"])
        del ring.conf["sender"]["ca_file"]
        ring.write_conf()
        ring.hup("sender-1")
        ring.sim.post("/sim/pause")
        self.assertEqual(self.push("slow")["code"], 200)
        until(lambda: "WeChat did not answer within 300 ms" in ring["sender-1"].log() or pause(), "the new time limit")
        ring.sim.post("/sim/resume")
        ring.change("sender", timeout="3s")
        ring.hup("sender-1")

    def test_usr1_opens_the_log_again(self):
        ring, path = self.ring, os.path.join(self.ring.folder, "all.log")
        ring.change("log", log_file=path)
        for name in PROGRAMS:
            ring[name].signal(signal.SIGHUP)

        def writers():
            with open(path) as f:
                return set(re.findall(r'prog=(\S+) event="configuration read again"', f.read()))
        until(lambda: os.path.exists(path) and len(writers()) == len(PROGRAMS) or pause(), "the log is a file now")
        os.rename(path, path + ".1")
        for name in PROGRAMS:
            ring[name].signal(signal.SIGUSR1)
            until(lambda: os.path.realpath(path) in self.open_files(name) or pause(), name + " has the new file open")
            self.assertNotIn(path + ".1", self.open_files(name))
        ring.change("log", log_file="")
        for name in PROGRAMS:
            ring[name].signal(signal.SIGHUP)
            until(lambda: path not in self.open_files(name) or pause(), name + " writes to standard error again")

    def open_files(self, name):
        folder = "/proc/%d/fd" % self.ring[name].process.pid
        files = []
        for fd in os.listdir(folder):
            try:
                files.append(os.readlink(os.path.join(folder, fd)))
            except FileNotFoundError:
                pass  # closed meanwhile
        return files

    # --- TERM twice ----------------------------------------------------------------------------------------------------

    def term_twice(self, name, waits):
        """TERM is waited for, a second one is not. Returns the milliseconds from there to the end."""
        stage = self.ring[name]
        at = len(stage.log())
        stage.signal(signal.SIGTERM)
        until(lambda: waits in stage.log()[at:] or pause(), name + " drains")
        self.manager.wait(stage, "STOPPING=1")
        for _ in range(10):
            self.assertTrue(stage.alive(), stage.log()[-1000:])
            pause()
        began = time.monotonic()
        stage.signal(signal.SIGTERM)
        self.assertEqual(stage.process.wait(LIMIT_S), 0, stage.log()[-1000:])
        self.assertIn("told to stop again", stage.log()[at:])
        return (time.monotonic() - began) * 1000

    @staticmethod
    def is_read(client):
        """1 when the other end of this connection to 127.0.0.1 has read all of it (proc(5), /proc/net/tcp: rx_queue)."""
        ends = tuple(":%04X" % name[1] for name in (client.getpeername(), client.getsockname()))
        with open("/proc/net/tcp") as f:
            for line in f:
                local, remote, _, queues = line.split()[1:5]
                if (local[-5:], remote[-5:]) == ends:
                    return queues.endswith(":00000000")
        return False

    def test_z_second_term_ends_at_once(self):
        """Everything is started again afterwards, and what was in flight arrives. WeChat sees its client_msg_id twice."""
        ring = self.ring
        ring.sim.post("/sim/pause")
        self.assertEqual(self.push("flight")["code"], 200)
        until(lambda: ring.sim.get("/sim/stats")["in_flight"] == 1 or pause(), "the call is in flight")
        self.assertLess(self.term_twice("broker", "stopping: nothing more is given out"), 1500)
        caller = ring.tcp()
        caller.send(frame("push o-none test", 1, '{"n":"1"}'))
        until(lambda: self.is_read(caller.socket) or pause(), "the gateway has read a Push that nobody answers")
        self.assertLess(self.term_twice("gateway-1", "told to stop; waiting for answers"), 1500)
        self.assertLess(self.term_twice("sender-1", "event=stopping"), 1500)
        ring.sim.post("/sim/resume")
        for name in ("console", "task", "token", "templater-1"):
            self.assertEqual(ring[name].term(), 0)
        for name in PROGRAMS:
            ring.forget_ports(name)
            ring[name].start()
        ring.wait_ready()
        status = {}

        def sent():
            status.update(self.client.ask_one(op="status", id="flight"))
            return status.get("state") == "sent" or pause()
        until(sent, "the message in flight is sent: %s" % status)
        self.assertEqual(len({e["client_msg_id"] for e in self.calls("flight")}), 1)


if __name__ == "__main__":
    unittest.main()
