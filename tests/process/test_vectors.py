"""Every recorded exchange of the original service against the real set: its ini, its table, a real MariaDB.

tests/data/vectors.json says what each vector expects; ini and table are used as the original's users have them, ports and paths
aside.
"""
import json
import math
import os
import re
import socket
import struct
import unittest

from mariadb import MariaDB
from original import OriginalRing, load_vectors, original_table, templates
from ring import frame

OPENID = "oABCD1234567890abcdefghijkl"
PACKAGE_MAX = 2465792


def php_equal(ours, original):
    """Equal as JSON; the original's numbers have the 14 digits that PHP wrote."""
    if isinstance(ours, dict) and isinstance(original, dict):
        return ours.keys() == original.keys() and all(php_equal(ours[k], original[k]) for k in ours)
    if isinstance(ours, (int, float)) and isinstance(original, (int, float)):
        return math.isclose(ours, original, rel_tol=1e-13)
    return ours == original


def escape(text):
    """The inside of a JSON string: what JSON needs and no more."""
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return "".join(short.get(c) or ("\\u%04x" % ord(c) if ord(c) < 32 else c) for c in text)


def shortest(text):
    """A JSON number as it is to be rendered: integers as written, others as ECMAScript writes them."""
    if not re.search("[.eE]", text):
        return text
    digits, exponent = repr(float(text)), 0
    if "e" in digits:
        digits, exponent = digits.split("e")[0], int(digits.split("e")[1])
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    whole, _, fraction = digits.partition(".")
    point = len(whole) + exponent
    figures = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len((whole + fraction).lstrip("0"))
    figures = figures.rstrip("0") or "0"
    if len(figures) <= point <= 21:
        return sign + figures + "0" * (point - len(figures))
    if 0 < point <= 21:
        return sign + figures[:point] + "." + figures[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + figures
    mantissa = figures[0] + ("." + figures[1:] if len(figures) > 1 else "")
    return "%s%se%s%d" % (sign, mantissa, "+" if point > 0 else "-", abs(point - 1))


def rendered(template, openid, body):
    """The message as protocol.md describes it, made without any of our code."""
    values = json.loads(body, parse_float=lambda t: ("n", t), parse_int=lambda t: ("n", t)) if body.strip() else None
    if isinstance(values, list):
        values = {str(i): v for i, v in enumerate(values)}

    def value_of(match):
        name = match.group(1)
        if name == "OPENID":
            return escape(openid)
        if not values or name not in values:
            return match.group(0)
        value = values[name]
        if isinstance(value, tuple):
            return shortest(value[1])
        return {True: "1", False: "", None: ""}[value] if not isinstance(value, str) else escape(value)
    return re.sub(r"\$\{([^}]+)\}", value_of, template)


class Vectors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vectors = load_vectors()
        cls.templates = templates(cls.vectors)
        cls.mariadb = MariaDB().__enter__()
        cls.addClassCleanup(cls.mariadb.__exit__, None, None, None)
        original_table(cls.mariadb, cls.templates)
        cls.ring = OriginalRing(cls.mariadb, sim=["--faults-as-recorded"])
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)

    def exchange(self, vector):
        """Sends the vector as it was recorded; returns (bytes that came, closed or not, socket)."""
        sock = socket.create_connection(("127.0.0.1", self.ring.port()), timeout=30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for segment in vector.get("segments_hex", [vector["request_hex"]]):
            sock.sendall(bytes.fromhex(segment))
        wanted = vector["original"].get("response_hex") or ""
        ours = vector.get("ours")
        answers = 1 if ours else len(self.packets(bytes.fromhex(wanted)))
        closes = ours["closes"] if ours else vector["original"]["closes"]
        data, closed = b"", False
        # An answer or an end is waited for; that nothing comes can only be seen by waiting a moment.
        sock.settimeout(20 if answers or closes else 0.3)
        try:
            while len(self.packets(data)) < answers or closes:
                part = sock.recv(65536)
                if not part:
                    closed = True
                    break
                data += part
            if not answers and not closes:
                closed = sock.recv(1) == b""
        except socket.timeout:
            pass
        if answers and not closed:
            self.still_open(sock)
        sock.close()
        return data, closed

    def still_open(self, sock):
        """A connection that stays open answers a further request."""
        sock.settimeout(20)
        sock.sendall(frame("tset nosuchkey", 4711))
        data = b""
        while b"template key not exists" not in data:
            part = sock.recv(65536)
            self.assertTrue(part, "closed, and should not be")
            data += part

    @staticmethod
    def packets(data):
        found = []
        while len(data) >= 4 and len(data) >= 4 + struct.unpack_from(">I", data)[0]:
            size = struct.unpack_from(">I", data)[0]
            found.append(data[4:4 + size])
            data = data[4 + size:]
        return found

    @staticmethod
    def parse(packet):
        length, = struct.unpack_from(">I", packet)
        opaque, size = struct.unpack_from(">II", packet, 4 + length)
        return int(packet[4:4 + length].split()[1]), opaque, packet[12 + length:12 + length + size]

    def check_response(self, vector, data, closed):
        original = bytes.fromhex(vector["original"].get("response_hex") or "")
        if vector["expect"] == "ours":
            ours = vector["ours"]
            code, _, message = self.parse(self.packets(data)[0])
            self.assertEqual(code, ours["code"], message)
            self.assertIn(ours["message_contains"].encode(), message)
            self.assertEqual(closed, ours["closes"])
            return
        self.assertEqual(closed, vector["original"]["closes"])
        if vector["expect"] == "exact" and vector.get("any_order"):
            self.assertEqual(sorted(self.packets(data)), sorted(self.packets(original)))
        elif vector["expect"] == "exact":
            self.assertEqual(data, original)
        else:
            ours, theirs = self.parse(self.packets(data)[0]), self.parse(self.packets(original)[0])
            self.assertEqual(ours[:2], theirs[:2])
            self.assertTrue(php_equal(json.loads(ours[2]), json.loads(theirs[2])), ours[2])

    def check_bodies(self, vector, before):
        recorded = vector["original"].get("wechat_bodies", [])
        self.ring.sim.wait(calls=before + len(recorded))
        bodies = [re.sub(r',"client_msg_id":"[0-9a-f]{32}"', "", e["body"])
                  for e in self.ring.sim.journal()[before:before + len(recorded)]]
        if vector["render"] == "exact":
            self.assertEqual(bodies, recorded)
            return
        request = bytes.fromhex(vector["request_hex"])
        length, = struct.unpack_from(">I", request, 4)
        _, openid, key = request[8:8 + length].decode().split(" ")[:3]
        size, = struct.unpack_from(">I", request, 12 + length)
        body = request[16 + length:16 + length + size].decode()
        self.assertEqual(bodies, [rendered(self.templates[key], openid, body)])

    def test_vectors(self):
        for vector in self.vectors["vectors"]:
            with self.subTest(vector["name"]):
                before = self.ring.sim.get("/sim/stats")["calls"]
                data, closed = self.exchange(vector)
                self.check_response(vector, data, closed)
                if vector["name"] == "push_http500":
                    self.ring.sim.wait(calls=before + 3)  # max_attempts: its retries must not fall among the next ones
                if vector.get("render") in ("exact", "ours"):
                    self.check_bodies(vector, before)
                client = self.ring.client()  # nothing of a vector may be left for the next one
                while client.ask_one(op="ping")["state"] != "ready":
                    pass

    def ask(self, *arguments):
        """Asks, and waits for the call that an accepted push leads to."""
        before = self.ring.sim.get("/sim/stats")["calls"]
        answer = self.ring.tcp().ask(*arguments)
        if answer[0] == 200 and arguments[0].startswith("push"):
            self.ring.sim.wait(calls=before + 1)
        return answer

    def test_largest_package(self):
        header = "push %s test" % OPENID
        overhead = 4 + 4 + len(header) + 4 + 4
        body = '{"q":"%s"}' % ("x" * (PACKAGE_MAX - overhead - 8))
        self.assertEqual(len(frame(header, 1, body)), PACKAGE_MAX)
        self.assertEqual(self.ask(header, 1, body), (200, 1, b""))
        client = self.ring.tcp()
        client.send(frame(header, 1, body + " ")[:8])
        self.assertEqual(client.read(), (500, 0, b"Package too big"))
        self.assertIsNone(client.read())

    def test_sizes(self):
        code, opaque, message = self.ask("push %s test" % ("o" * 5000), 3, "null")
        self.assertEqual((code, opaque), (400, 3))
        self.assertIn(b"openid", message)
        self.assertEqual(self.ask("push %s test %s" % (OPENID, "x" * (300 - 11 - len(OPENID))), 4, "null"), (200, 4, b""))
        code, opaque, message = self.ask("push %s test" % OPENID, 5, '{"a":' * 600 + "1" + "}" * 600)
        self.assertEqual((code, opaque), (400, 5))

    def test_table_name_is_said_once(self):
        with open(os.path.join(self.ring.folder, "mega.log"), encoding="utf-8") as f:
            log = f.read()
        self.assertEqual(log.count("table=mega_wechat_template"), 1, log)

    def test_tset_finds_by_collation(self):
        self.assertEqual(self.ask("tset TEST", 6), (200, 6, b""))
        self.assertEqual(self.ask("push o1 TEST", 7, "null"), (400, 7, b"template key not exists"))


if __name__ == "__main__":
    unittest.main()
