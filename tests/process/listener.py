"""mega-listener for the tests: the process, and WeChat's calls of it."""
import http.client
import os
import re
import sqlite3
import time
import urllib.parse

import msgpack
import zmq

from callback_server import seal, sign
from ring import APP_ID, LIMIT_S, pause, until

TOKEN = "callbacktoken"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def xml(**fields):
    """A body as WeChat writes it."""
    inner = "".join("<%s>%s</%s>" % (name, value if isinstance(value, int) else "<![CDATA[%s]]>" % value, name)
                    for name, value in fields.items())
    return "<xml>%s</xml>" % inner


def event(openid, name, created=None, **fields):
    return xml(ToUserName="gh_1", FromUserName=openid, CreateTime=int(created or time.time()), MsgType="event", Event=name, **fields)


def text(openid, content, msgid, created=None):
    return xml(ToUserName="gh_1", FromUserName=openid, CreateTime=int(created or time.time()), MsgType="text", Content=content, MsgId=msgid)


def receipt(openid, msgid, status="success", created=None):
    return event(openid, "TEMPLATESENDJOBFINISH", created, MsgID=msgid, Status=status)


class Listener:
    """Started in a ring, whose configuration has what conf() gives."""

    def __init__(self, ring, name="listener", start=True):
        self.ring, self.port = ring, None
        self.process = ring.add(name, "mega-listener")
        self.db_path = os.path.join(ring.folder, "store", "listener", "listener.db")
        if start:
            self.start()

    @staticmethod
    def conf(aes=False, **keys):
        wechat = {"token": TOKEN}
        if aes:
            wechat["encoding_aes_key"] = AES_KEY
        return {"wechat": wechat, "listener": dict({"listen": "127.0.0.1:0"}, **keys)}

    def start(self):
        self.port = None
        self.process.start()
        until(self.listens, "mega-listener listens")

    def listens(self):
        assert self.process.alive(), self.process.log()
        with open(self.process.log_path) as f:
            f.seek(self.process.log_began)
            found = re.findall(r"event=ready address=127\.0\.0\.1:(\d+)", f.read())
        if found:
            self.port = int(found[-1])
        return self.port or pause()

    def request(self, method, path, body=None, headers=None, timeout=LIMIT_S):
        """(status, bytes)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    @staticmethod
    def query(token=TOKEN, timestamp=None, nonce="n1", sealed=None, **more):
        """The query of a URL, signed."""
        timestamp = str(int(time.time()) if timestamp is None else timestamp)
        members = dict(signature=sign(token, timestamp, nonce), timestamp=timestamp, nonce=nonce)
        if sealed is not None:
            members.update(encrypt_type="aes", msg_signature=sign(token, timestamp, nonce, sealed))
        return urllib.parse.urlencode(dict(members, **more))

    def post(self, body, account="", **query):
        """Plain."""
        return self.request("POST", "/callback%s?%s" % (account, self.query(**query)), body.encode() if isinstance(body, str) else body)

    def post_sealed(self, body, account="", aes_key=AES_KEY, app_id=APP_ID, **query):
        sealed = seal(aes_key, app_id, body)
        return self.request("POST", "/callback%s?%s" % (account, self.query(sealed=sealed, **query)),
                            xml(ToUserName="gh_1", Encrypt=sealed).encode())

    def rows(self, sql, *arguments):
        """Of its file."""
        with sqlite3.connect("file:%s?mode=ro" % self.db_path, uri=True, timeout=10) as db:
            return db.execute(sql, arguments).fetchall()

    def ask(self, **members):
        """What it answers on its own socket."""
        with zmq.Context.instance().socket(zmq.DEALER) as socket:
            socket.linger = 0
            socket.connect("ipc://%s/run/listener.ipc" % self.ring.folder)
            socket.send(msgpack.packb(dict(members, t="ask", ref=1)))
            assert socket.poll(LIMIT_S * 1000), "mega-listener does not answer"
            return msgpack.unpackb(socket.recv())

    def drained(self):
        """Nothing waits for the broker."""
        return self.rows("SELECT count(*) FROM outbox")[0][0] == 0 or pause()
