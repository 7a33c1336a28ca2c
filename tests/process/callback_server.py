"""A callback address that the test plays: as strict with WeChat's callbacks as WeChat's documentation lets one be.

What is wrong with a call stands in `problems`. Cryptography by libcrypto, which the programs need anyway.
"""
import base64
import collections
import ctypes
import ctypes.util
import hashlib
import http.server
import json
import os
import re
import socketserver
import struct
import threading
import time
import urllib.parse

CALL = collections.namedtuple("CALL", "path query body text fields nonce at")


def sign(*parts):
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def aes_cbc(key, data, encrypt):
    """AES-256-CBC without padding, the IV being the key's first half."""
    lib = ctypes.CDLL(ctypes.util.find_library("crypto"))
    lib.EVP_CIPHER_CTX_new.restype = lib.EVP_aes_256_cbc.restype = ctypes.c_void_p
    cipher = ctypes.c_void_p(lib.EVP_CIPHER_CTX_new())
    out, used = ctypes.create_string_buffer(len(data) + 32), ctypes.c_int(0)
    try:
        assert lib.EVP_CipherInit_ex(cipher, ctypes.c_void_p(lib.EVP_aes_256_cbc()), None, key, key[:16], int(encrypt)) == 1
        assert lib.EVP_CIPHER_CTX_set_padding(cipher, 0) == 1
        assert lib.EVP_CipherUpdate(cipher, out, ctypes.byref(used), data, len(data)) == 1
    finally:
        lib.EVP_CIPHER_CTX_free(cipher)
    assert used.value == len(data)
    return out.raw[:used.value]


def seal(aes_key, appid, text):
    data = os.urandom(16) + struct.pack(">I", len(text.encode())) + text.encode() + appid.encode()
    padding = 32 - len(data) % 32
    return base64.b64encode(aes_cbc(base64.b64decode(aes_key + "="), data + bytes([padding]) * padding, True)).decode()


def unseal(aes_key, sealed):
    """The text and the appid."""
    data = aes_cbc(base64.b64decode(aes_key + "="), base64.b64decode(sealed, validate=True), False)
    padding = data[-1]
    assert len(data) % 32 == 0 and 1 <= padding <= 32 and data.endswith(bytes([padding]) * padding), "padding"
    length = struct.unpack(">I", data[16:20])[0]
    rest = data[20:-padding]
    assert length <= len(rest), "length"
    return rest[:length].decode(), rest[length:].decode()


def read_xml(text):
    """The members of flat XML, and those of lists within."""
    return {name: cdata if cdata or not plain else plain for name, cdata, plain in
            re.findall(r"<(\w+)>(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))</\1>", text, re.S)}


def read_members(text):
    return json.loads(text) if text.startswith("{") else read_xml(text)


def write_reply(call, text="hello"):
    """A passive reply to what `call` told."""
    return ("<xml><ToUserName><![CDATA[%s]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime>"
            "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[%s]]></Content></xml>"
            % (call.fields["FromUserName"], call.fields["ToUserName"], time.time(), text))


def seal_reply(token, aes_key, appid, reply):
    sealed, timestamp, nonce = seal(aes_key, appid, reply), str(int(time.time())), "4711"
    return ("<xml><Encrypt><![CDATA[%s]]></Encrypt><MsgSignature><![CDATA[%s]]></MsgSignature><TimeStamp>%s</TimeStamp>"
            "<Nonce><![CDATA[%s]]></Nonce></xml>" % (sealed, sign(token, timestamp, nonce, sealed), timestamp, nonce))


class CallbackServer:
    """`answer`, if given, is called with each CALL and gives the status and the body, or None: no answer until the end."""

    def __init__(self, token, aes_key=None, mode=None, appid=None, answer=None):
        self.token, self.aes_key, self.appid, self.answer = token, aes_key, appid, answer
        self.mode = mode or ("encrypted" if aes_key else "plain")
        self.calls, self.problems, self.nonces = [], [], set()
        self.lock, self.ending = threading.Lock(), threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, wbufsize = "HTTP/1.1", -1  # an answer is one packet: the client does not wait for the second

            def do_GET(self):
                owner.serve(self, b"")

            def do_POST(self):
                owner.serve(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *arguments):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads, request_queue_size = True, 1024

            def handle_error(self, *arguments):  # clients that are cut off
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/callback" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def problem(self, what):
        with self.lock:
            self.problems.append(what)

    def serve(self, handler, body):
        try:
            call = self.check(handler.path, body, handler.command, handler.headers)
        except Exception as error:  # whatever is wrong is told by the test, not lost in a thread
            self.problem("%s %s: %r" % (handler.path, body[:2000], error))
            self.say(handler, 403, b"")
            return
        with self.lock:
            self.calls.append(call)
        if handler.command == "GET":
            self.say(handler, 200, call.query["echostr"].encode())
            return
        answer = self.answer(call) if self.answer else (200, "success")
        if answer is None:
            self.ending.wait()
            handler.close_connection = True
        else:
            self.say(handler, answer[0], answer[1].encode())

    @staticmethod
    def say(handler, status, body):
        handler.send_response(status)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def check(self, target, body, method, headers):
        path, _, query = target.partition("?")
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=True)
        query = dict(pairs)
        assert len(query) == len(pairs), "a member twice"
        stamp = query["timestamp"], query["nonce"]
        assert query["signature"] == sign(self.token, *stamp), "signature"
        assert abs(time.time() - int(query["timestamp"])) < 10, "timestamp"
        with self.lock:
            assert stamp not in self.nonces, "nonce used before"
            self.nonces.add(stamp)
        if method == "GET":
            return CALL(path, query, "", "", {}, stamp, time.monotonic())
        text, outer = body.decode(), read_members(body.decode())
        assert headers["Content-Type"] == ("application/json" if text.startswith("{") else "text/xml"), headers["Content-Type"]
        assert ("Encrypt" in outer) == (self.mode != "plain") == (query.get("encrypt_type") == "aes"), "mode"
        assert self.mode == "plain" or (len(outer) > 2) == (self.mode == "compatible"), "plain members"
        if self.mode != "plain":
            assert query["msg_signature"] == sign(self.token, *stamp, outer["Encrypt"]), "msg_signature"
            text, appid = unseal(self.aes_key, outer["Encrypt"])
            assert appid == self.appid, "appid"
        fields = read_members(text)
        if fields:
            assert fields["FromUserName"] == query["openid"], "openid"
            assert fields["ToUserName"] == outer["ToUserName"], "ToUserName"
        return CALL(path, query, body.decode(), text, fields, stamp, time.monotonic())
