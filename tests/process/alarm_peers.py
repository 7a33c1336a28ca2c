"""Those who get notices of alarms, played by the test: an SMTP server with STARTTLS and AUTH, a webhook's server, and a program; and a
broker of which only the status is needed."""
import base64
import email
import email.policy
import http.server
import json
import os
import socketserver
import ssl
import threading

import msgpack
import zmq

from ring import LIMIT_S, deadline, pause, until


class Received:
    """What came, in its order; whoever waits for something looks through all of it."""

    def __init__(self):
        self.items, self.changed = [], threading.Condition()

    def add(self, item):
        with self.changed:
            self.items.append(item)
            self.changed.notify_all()

    def wait(self, match, seconds=LIMIT_S):
        """The first item that matches."""
        with self.changed:
            assert self.changed.wait_for(lambda: any(map(match, self.items)), seconds), "not among %s" % self.items
            return next(filter(match, self.items))

    def all(self):
        with self.changed:
            return list(self.items)


class SmtpSession(socketserver.StreamRequestHandler):
    timeout = LIMIT_S

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.box, self.login, self.secure, self.sender, self.recipients = self.server.box, None, False, None, []
        self.say("220 mailbox ESMTP")
        while True:
            line = self.rfile.readline()  # of the connection as it is now, under TLS or not
            if not line:
                return
            command = line.decode().strip()
            self.box.commands.append(command.split(" ")[0].upper() + (" (TLS)" if self.secure else ""))
            if not self.take(command):
                return

    def take(self, command):
        verb = command.upper()
        if verb.startswith("EHLO"):
            self.say("250-mailbox")
            if self.box.certificate and not self.secure:
                self.say("250-STARTTLS")
            if self.box.account:
                self.say("250-AUTH PLAIN")
            self.say("250 8BITMIME")
        elif verb == "STARTTLS":
            self.start_tls()
        elif verb.startswith("AUTH PLAIN"):
            self.authenticate(command)
        elif verb.startswith("MAIL FROM:"):
            self.sender, self.recipients = command[10:].split(">")[0].strip("< "), []
            self.say("250 ok" if not self.box.account or self.login else "530 who are you?")
        elif verb.startswith("RCPT TO:"):
            self.recipients.append(command[8:].strip("<> "))
            self.say("550 no such user" if self.recipients[-1] in self.box.unknown else "250 ok")
        elif verb == "DATA":
            self.read_mail()
        elif verb == "QUIT":
            self.say("221 bye")
            return False
        else:
            self.say("500 what?")
        return True

    def start_tls(self):
        self.say("220 go on")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.box.certificate + ".pem", self.box.certificate + ".key")
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.secure = True

    def finish(self):
        super().finish()
        self.connection.close()

    def authenticate(self, command):
        words = command.split(" ")
        if len(words) < 3:
            self.say("334 ")
            words.append(self.rfile.readline().decode().strip())
        _, user, password = base64.b64decode(words[2]).decode().split("\0")
        self.login = user if self.box.account == (user, password) else None
        self.say("235 welcome" if self.login else "535 wrong")

    def read_mail(self):
        self.say("354 go on")
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b"..") else line)
        mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        self.box.add({"from": self.sender, "to": self.recipients, "login": self.login, "secure": self.secure, "mail": mail,
                      "subject": mail["Subject"], "text": mail.get_content().replace("\r\n", "\n"), "raw": b"".join(lines)})
        self.say("250 taken")


class SmtpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that is gone


class Mailbox(Received):
    """An SMTP server. `certificate`: path without .pem and .key, it offers STARTTLS then; `account`: (user, password) that must log
    in; `unknown`: addresses that it refuses."""

    def __init__(self, certificate=None, account=None, unknown=()):
        super().__init__()
        self.certificate, self.account, self.unknown, self.commands = certificate, account, unknown, []
        self.server = SmtpServer(("127.0.0.1", 0), SmtpSession)
        self.server.box = self
        self.url = "smtp://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class HookSession(http.server.BaseHTTPRequestHandler):
    timeout = LIMIT_S

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        hook = self.server.hook
        hook.add({"path": self.path, "type": self.headers["Content-Type"], "body": json.loads(body), "at": deadline(0)})
        if hook.hangs.is_set():
            hook.closing.wait(LIMIT_S)
            return
        status, answer = hook.answers.pop(0) if hook.answers else (200, hook.answer)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass


class Hook(Received):
    """A webhook's server. `answers`: (status, body), used up one by one; then 200 and `answer`. `hangs`: set, it never answers."""

    def __init__(self, answer="{}"):
        super().__init__()
        self.answer, self.answers, self.hangs, self.closing = answer, [], threading.Event(), threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), HookSession)
        self.server.daemon_threads, self.server.hook = True, self
        self.url = "http://127.0.0.1:%d/hook?key=WEBHOOKKEY" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def events(self):
        """All events of all notices of the plain JSON type, in their order."""
        return [event for item in self.all() for event in item["body"].get("events", [])]

    def wait_event(self, event, alarm, subject="", seconds=LIMIT_S):
        """The notice that tells of it, and the event."""
        def is_it(e):
            return (e["event"], e["alarm"], e["subject"]) == (event, alarm, subject)
        item = self.wait(lambda item: any(map(is_it, item["body"].get("events", []))), seconds)
        return next(filter(is_it, item["body"]["events"]))


class Program:
    """A script that keeps what it is given for each notice; `path` is the command."""

    def __init__(self, folder, more=""):
        self.path, self.kept = os.path.join(folder, "tell.sh"), os.path.join(folder, "told.jsonl")
        with open(self.path, "w") as f:
            f.write("#!/bin/sh\n%s\n(cat; echo) >> %s\necho \"told: $1\"\n" % (more, self.kept))
        os.chmod(self.path, 0o700)

    def events(self):
        if not os.path.exists(self.kept):
            return []
        with open(self.kept) as f:
            return [event for line in f if line.endswith("}\n") for event in json.loads(line)["events"]]

    def wait_event(self, event, alarm, subject=""):
        until(lambda: any((e["event"], e["alarm"], e["subject"]) == (event, alarm, subject) for e in self.events()) or pause(),
              "the program is told: %s %s" % (event, alarm))


class StatusBroker(threading.Thread):
    """Answers every ask with the status that it has now, as the broker does."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.status = self.well()
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(endpoint)
        self.stopping = False
        self.start()

    @staticmethod
    def well(**members):
        return dict({"accepting": True, "ready": True, "stages": [], "left": [], "accounts": [],
                     "store": {"disk_free": 1 << 40, "disk_min": 0, "bytes": 0, "bytes_max": 1 << 40}}, **members)

    def run(self):
        while not self.stopping:
            if self.socket.poll(50):
                asker, ask = self.socket.recv_multipart()
                answer = {"t": "answer", "ref": msgpack.unpackb(ask)["ref"], "code": 200, "data": self.status}
                self.socket.send_multipart([asker, msgpack.packb(answer)])
        self.socket.close()

    def close(self):
        self.stopping = True
        self.join(LIMIT_S)
