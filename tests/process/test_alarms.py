"""mega-console's alarms: with the real set, raised and recovered by mail, webhook and command; what is told once, again, together and
not at all; a way that is dead holds up no other; the formats as the servers of others take them."""
import base64
import hashlib
import hmac
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest
import urllib.parse

from alarm_peers import Hook, Mailbox, Program, StatusBroker
from listener import Listener, event
from ring import BIN, LIMIT_S, Process, Ring, pause, until
from sender_peers import make_certificates

QUICK = {"name": "testhost", "group": "50ms", "for": "0", "fine_for": "100ms", "stage_gone": "200ms", "broker_gone": "200ms",
         "account_stopped": "200ms", "token_missing": "200ms", "not_ready": "200ms", "refusing": "200ms", "retry": "100ms",
         "mail_from": "mega@example.com", "mail_to": "ann@example.com, bob@example.com", "mail_tls": "none"}


class WholeSet(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mega-alarms-")
        self.mailbox, self.hook, self.program = Mailbox(), Hook(), Program(self.folder)
        alarm = dict(QUICK, mail_server=self.mailbox.url, webhook=self.hook.url, command=self.program.path, not_ready="0", failed_calls="0")
        self.ring = Ring(senders=2, conf={"alarm": alarm, "console": {"listen": "127.0.0.1:0"},
                                          "broker": {"probe": "200ms", "probe_max": "200ms"}})
        self.ring.__enter__()
        self.console = self.ring.add("console", "mega-console").start()
        self.addCleanup(self.ring.__exit__, None, None, None)
        for peer in (self.mailbox, self.hook):
            self.addCleanup(peer.close)
        self.addCleanup(shutil.rmtree, self.folder)

    def wait_event(self, event, alarm, subject=""):
        """By all three ways."""
        word = {"raised": "ALARM", "recovered": "OK"}[event]
        line = "%s %s%s\n" % (word, alarm, ":" + subject if subject else "")
        told = self.hook.wait_event(event, alarm, subject)
        mail = self.mailbox.wait(lambda item: line in item["text"])
        self.program.wait_event(event, alarm, subject)
        self.assertIn(told["text"], mail["text"])
        return told

    def wait_known(self, *names):
        """Until the console has seen them and keeps that."""
        path = os.path.join(self.ring.folder, "store", "alarms.state")

        def known():
            if not os.path.exists(path):
                return False
            with open(path, "rb") as f:
                state = f.read()
            return all(re.search(name.encode(), state, re.DOTALL) for name in names)
        until(lambda: known() or pause(), "the console knows %s" % (names, ))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_raised_and_recovered(self):
        self.wait_known("sender-1", "sender-2", "templater-1", "gateway-1", "token")
        # A sender, the gateway and the token keeper are killed, and the account's quota is used up.
        gone = ("sender-2", "gateway-1", "token")
        for name in gone:
            self.ring[name].kill()
        self.ring.sim.post("/sim/quota?daily=1")
        client = self.ring.client()
        self.assertEqual({r["code"] for r in client.ask(*[{"op": "push", "openid": "o%d" % i, "key": "test", "vars": {"n": "1"}}
                                                          for i in range(3)])}, {200})
        for name in gone:
            self.wait_event("raised", "stage-gone", name)
        told = self.wait_event("raised", "account-stopped", "default")
        self.assertIn("errcode 45009", told["text"])
        self.assertEqual(told["severity"], "critical")
        # The console is killed and started while all that holds: nothing of it is told as new.
        self.wait_known("subject.default", *("subject." + name for name in gone))
        before = len(self.hook.events())
        self.console.kill()
        self.console.start()
        until(lambda: self.console.log().count("event=ready") == 2 or pause(), "the console is back")
        # All is well again.
        self.ring.sim.post("/sim/quota?daily=0")
        for name in gone:
            self.ring[name].start()
        for name in gone:
            self.wait_event("recovered", "stage-gone", name)
        self.wait_event("recovered", "account-stopped", "default")
        self.assertEqual([e for e in self.hook.events()[before:] if e["event"] != "recovered"], [])
        # What somebody ends is nobody's alarm.
        for name in gone:
            self.assertEqual(self.ring[name].term(), 0)
        self.ring["sender-1"].kill()
        self.wait_event("raised", "stage-gone", "sender-1")
        self.assertEqual({e["subject"] for e in self.hook.events() if e["event"] == "raised"}, {"default", "sender-1", *gone})
        mail = self.mailbox.all()[0]
        self.assertEqual((mail["from"], mail["to"]), ("mega@example.com", ["ann@example.com", "bob@example.com"]))
        self.assertTrue(mail["subject"].startswith("[mega-wechat testhost] "), mail["subject"])
        self.assertNotIn("WEBHOOKKEY", self.console.log())


class Callbacks(unittest.TestCase):
    """Of mega-listener: it is gone, it cannot write down what comes, or what it has for the broker waits."""

    def setUp(self):
        self.hook = Hook()
        self.addCleanup(self.hook.close)
        alarm = dict(QUICK, webhook=self.hook.url, oldest="300ms", window="3s", callbacks_refused="2", mail_to="", not_ready="0")
        self.ring = Ring(senders=1, conf=dict(Listener.conf(), alarm=alarm, console={"listen": "127.0.0.1:0"}))
        self.ring.__enter__()
        self.addCleanup(lambda: self.ring.__exit__(None, None, None))
        self.console = self.ring.add("console", "mega-console").start()
        self.listener = Listener(self.ring)
        WholeSet.wait_known(self, "listener")

    def test_callbacks(self):
        # Somebody holds the file. The console has to have seen the figure of before.
        until(lambda: re.search("answers party=listener", self.console.log()) or pause(), "the listener is heard")
        with sqlite3.connect(self.listener.db_path, isolation_level=None) as db:
            db.execute("BEGIN IMMEDIATE")
            for i in range(2):
                self.assertEqual(self.listener.post(event("o1", "subscribe"))[0], 503)
            told = self.hook.wait_event("raised", "callbacks-refused")
            self.assertEqual(told["severity"], "critical")
            self.assertIn("2 callbacks", told["text"])
            db.execute("ROLLBACK")
        db.close()
        self.assertEqual(self.listener.post(event("o1", "subscribe"))[0], 200)
        self.hook.wait_event("recovered", "callbacks-refused")
        # The broker is away.
        until(self.listener.drained, "the outbox is empty")
        self.ring["broker"].kill()
        self.assertEqual(self.listener.post(event("o2", "subscribe"))[0], 200)
        self.assertEqual(self.hook.wait_event("raised", "callbacks-waiting")["severity"], "warning")
        self.ring["broker"].start()
        self.hook.wait_event("recovered", "callbacks-waiting")
        # It is killed; then somebody ends it.
        self.listener.process.kill()
        self.hook.wait_event("raised", "stage-gone", "listener")
        self.listener.start()
        self.hook.wait_event("recovered", "stage-gone", "listener")
        self.assertEqual(self.listener.process.term(), 0)
        self.ring["sender-1"].kill()
        self.hook.wait_event("raised", "stage-gone", "sender-1")
        gone = [e["subject"] for e in self.hook.events() if (e["event"], e["alarm"]) == ("raised", "stage-gone")]
        self.assertEqual(gone, ["listener", "sender-1"])


TOKEN = "CONSOLETOKEN0123456789"


class Alone(unittest.TestCase):
    """mega-console without the set: that the broker does not answer is an alarm as well."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mega-alarms-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(os.path.join(self.folder, "run"))
        self.console = None

    def begin(self, **keys):
        path = os.path.join(self.folder, "mega.conf")
        with open(path, "w") as f:
            f.write("[server]\nqueue_file_path = store\n[run]\ndir = run\n[console]\nlisten = 127.0.0.1:0\ntoken = %s\n[alarm]\n" % TOKEN)
            f.writelines("%s = %s\n" % pair for pair in dict(QUICK, **keys).items())
        self.conf = path
        self.console = Process(self.folder, "console", "mega-console", ["-c", path])
        self.addCleanup(self.console.kill)
        self.console.start()

    def mega_alarm(self, *arguments):
        """Returns exit status, standard output, standard error."""
        until(lambda: "event=ready" in self.console.log() or pause(), "the console is ready")
        address = re.search(r"event=ready address=(\S+)", self.console.log()).group(1)
        done = subprocess.run([os.path.join(BIN, "mega"), "alarm", *arguments, "-c", self.conf, "--console", address],
                              capture_output=True, text=True, timeout=LIMIT_S)
        return done.returncode, done.stdout, done.stderr

    def keep(self, peer):
        self.addCleanup(peer.close)
        return peer

    def tearDown(self):
        self.assertTrue(self.console.alive(), self.console.log())
        self.assertEqual(self.console.term(), 0, self.console.log())
        self.assertNotIn("ERROR: AddressSanitizer", self.console.log())
        self.assertNotIn("runtime error:", self.console.log())

    def test_starttls_and_login(self):
        """And a robot of DingTalk; the mail's recipient whom the server does not know keeps it from nobody else."""
        make_certificates(self.folder)
        mailbox = self.keep(Mailbox(os.path.join(self.folder, "good"), ("mega", "MAILPASSWORD"), unknown=["bob@example.com"]))
        hook = self.keep(Hook('{"errcode":0,"errmsg":"ok"}'))
        hook.answers = [(500, "x"), (200, '{"errcode":310000,"errmsg":"sign not match"}')]
        self.begin(mail_server=mailbox.url, mail_tls="starttls", mail_user="mega",
                   mail_password="MAILPASSWORD", ca_file="ca.pem", webhook=hook.url, webhook_type="dingtalk", webhook_secret="SECsecret",
                   name="主机")
        mail = mailbox.wait(lambda item: True)
        self.assertEqual((mail["secure"], mail["login"], mail["subject"]), (True, "mega", "[mega-wechat 主机] ALARM broker-gone"))
        self.assertEqual(mail["raw"].count(b"=?UTF-8?B?"), 1)
        self.assertNotIn("AUTH", mailbox.commands)
        hook.wait(lambda item: len(hook.items) == 3)  # tried again until a robot says that it took it
        item = hook.all()[-1]
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(item["path"]).query)
        signed = hmac.new(b"SECsecret", (query["timestamp"][0] + "\nSECsecret").encode(), hashlib.sha256).digest()
        self.assertEqual(query["sign"], [base64.b64encode(signed).decode()])
        self.assertLess(abs(time.time() * 1000 - int(query["timestamp"][0])), 60000)
        self.assertEqual(item["body"]["msgtype"], "markdown")
        self.assertIn("broker-gone", item["body"]["markdown"]["text"])
        until(lambda: "by=webhook notice=" in self.console.log() and "sign not match" in self.console.log() or pause(), "it is logged")
        for secret in ("MAILPASSWORD", "SECsecret", "WEBHOOKKEY"):
            self.assertNotIn(secret, self.console.log())

    def test_plain_server_is_refused(self):
        """No STARTTLS offered: neither the password nor the mail goes out. The other ways are told all the same, and a program that
        hangs is killed."""
        mailbox, hook = self.keep(Mailbox(account=("mega", "MAILPASSWORD"))), self.keep(Hook())
        program = Program(self.folder, "sleep 600")
        self.begin(mail_server=mailbox.url, mail_tls="starttls", mail_user="mega", mail_password="MAILPASSWORD", tries="2",
                   webhook=hook.url, webhook_type="json", command=program.path, command_timeout="500ms")
        hook.wait_event("raised", "broker-gone")
        until(lambda: self.console.log().count("alarm notice lost") == 2 or pause(), "both are given up")
        self.assertEqual(set(mailbox.commands) - {"EHLO", "QUIT"}, set())
        self.assertIn("command_timeout", self.console.log())

    def test_operator(self):
        """mega alarm: a test by every way, and why one was not taken; what is raised; silences."""
        mailbox, hook = self.keep(Mailbox(unknown=["ann@example.com", "bob@example.com"])), self.keep(Hook())
        self.begin(mail_server=mailbox.url, webhook=hook.url, command="/bin/true", tries="1")
        status, out, err = self.mega_alarm("test")
        self.assertEqual((status, err), (1, ""))
        self.assertRegex(out, r"(?m)^command to /bin/true: taken$")
        self.assertRegex(out, r"(?m)^webhook to 127\.0\.0\.1:\d+: taken$")
        self.assertRegex(out, r"(?m)^mail to ann@example.com, bob@example.com by smtp://\S+: failed: the server answered 550: ")
        self.assertEqual(hook.wait_event("test", "test")["severity"], "none")
        hook.wait_event("raised", "broker-gone")
        status, out, _ = self.mega_alarm("list")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"(?m)^broker-gone +critical +20\S+ +\S+ +the broker does not answer$")
        self.assertEqual(self.mega_alarm("silence", "nonsense", "--for", "1h")[0], 1)
        status, out, _ = self.mega_alarm("silence", "broker-gone", "--for", "1h")
        self.assertRegex(out, r"^broker-gone is silenced until 20\S+\n$")
        self.assertIn("broker-gone is silenced until", self.mega_alarm("list")[1])
        broker = self.keep(StatusBroker("ipc://%s/run/control.ipc" % self.folder))
        until(lambda: self.mega_alarm("list")[1].startswith("nothing is raised") or pause(), "it has recovered")
        self.assertEqual(self.mega_alarm("silence", "broker-gone", "--for", "0")[0], 0)
        broker.status = broker.well(ready=False, unready="no sender is connected")
        hook.wait_event("raised", "not-ready")
        self.assertEqual([e["event"] for e in hook.events() if e["alarm"] == "broker-gone"], ["raised"])  # it recovered without a word
        with open(self.conf) as f:
            text = f.read().replace(TOKEN, "WRONGTOKEN0123456789")
        with open(self.conf, "w") as f:
            f.write(text)
        status, out, err = self.mega_alarm("list")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("token", err)
        self.assertNotIn("WRONGTOKEN", err)

    def test_killed_before_anybody_was_told(self):
        """Another console tells it."""
        hook = self.keep(Hook())
        hook.hangs.set()
        self.begin(webhook=hook.url, mail_server="", mail_to="")
        hook.wait_event("raised", "broker-gone")
        self.console.kill()
        hook.hangs.clear()
        self.console.start()
        until(lambda: [e["event"] for e in hook.events()] == ["raised", "raised"] or pause(), "it is told again")

    def test_dead_ways_and_flood(self):
        """A webhook that hangs and a program that fails hold up no mail; of hundreds of alarms that come and go the mails are few, and
        none is left out."""
        broker = StatusBroker("ipc://%s/run/control.ipc" % self.folder)
        self.addCleanup(broker.close)
        mailbox, hook = self.keep(Mailbox()), self.keep(Hook())
        hook.hangs.set()
        self.begin(mail_server=mailbox.url, webhook=hook.url, command="/bin/false", notices="2", notices_window="1s",
                   account_stopped="1ms", fine_for="1ms")
        stopped = [{"name": "a%d" % i, "stopped": "quota", "errcode": 45009} for i in range(100)]
        broker.status = broker.well(accounts=stopped)
        self.wait_told(mailbox, 100)
        broker.status = broker.well()
        self.wait_told(mailbox, 200)
        self.assertLessEqual(len(mailbox.all()), 6)
        self.assertTrue(any("and 80 more" in item["text"] for item in mailbox.all()))
        self.assertEqual(len(hook.all()), 1)  # it still waits for an answer

    def wait_told(self, mailbox, count):
        def told():
            events = 0
            for item in mailbox.all():
                lines = item["text"].split("\n")
                events += sum(line.startswith(("ALARM ", "OK ")) for line in lines)
                events += sum(int(line.split()[1]) for line in lines if line.startswith("and "))
            return events >= count
        until(lambda: told() or pause(), "%d events are told" % count)


if __name__ == "__main__":
    unittest.main()
