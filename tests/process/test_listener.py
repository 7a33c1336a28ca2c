"""mega-listener with the real set: an event that was answered has been applied, once, whatever is killed; what comes in wrongly is refused,
told in the log without its content, and harms nobody."""
import http.client
import json
import os
import signal
import subprocess
import threading
import time
import unittest

from callback_server import seal, sign
from listener import AES_KEY, TOKEN, Listener, event, receipt, text, xml
from ring import APP_ID, BIN, SIMPLE, Operator, Ring, pause, until

SAFE_ID = "wxsafe0000000000"
REPEAT_S = 5  # WeChat's patience


def accounts(ring, sections):
    """The account `safe` takes encrypted calls; `mute` has no token."""
    base = dict(sections["wechat"])
    return dict(sections, **{"wechat:safe": dict(base, app_id=SAFE_ID, token=TOKEN, encoding_aes_key=AES_KEY), "wechat:mute": base})


class ListenerCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ring = Ring(templates={"test": SIMPLE}, senders=1, gateways=0, conf=Listener.conf(), ini=accounts)
        cls.ring.__enter__()
        cls.addClassCleanup(cls.ring.__exit__, None, None, None)
        cls.listener = Listener(cls.ring)
        cls.operator = Operator("ipc://%s/run/listener.ipc" % cls.ring.folder)
        cls.addClassCleanup(cls.operator.close)

    def status(self):
        return self.operator.status()

    def good(self, answer):
        self.assertEqual(answer, (200, b"success"))


class Calls(ListenerCase):
    def test_echo(self):
        query = self.listener.query
        self.assertEqual(self.listener.request("GET", "/callback?" + query(echostr="6177<b>")), (200, b"6177<b>"))
        self.assertEqual(self.listener.request("GET", "/callback/safe?" + query(echostr="1")), (200, b"1"))
        self.assertEqual(self.listener.request("GET", "/callback?" + query(token="other", echostr="1"))[0], 403)
        self.assertEqual(self.listener.request("GET", "/callback?" + query())[0], 400)

    def test_events(self):
        before = self.status()
        now = int(time.time())
        self.good(self.listener.post(event("e1", "subscribe", now)))
        self.good(self.listener.post(event("e1", "CLICK", now, EventKey="menu1")))
        self.good(self.listener.post(text("e1", "hello", 900001, now)))
        self.good(self.listener.post(event("e1", "unsubscribe", now)))
        self.good(self.listener.post(event("e1", "LOCATION", now, Latitude="1.2")))
        body = json.dumps(dict(ToUserName="gh_1", FromUserName="e1", CreateTime=now, MsgType="event", Event="SCAN", EventKey="7"))
        self.good(self.listener.post(body))
        self.good(self.listener.post_sealed(event("e1", "subscribe", now), "/safe", app_id=SAFE_ID))
        self.good(self.listener.post_sealed(text("e1", "hello", 900001, now), "/safe", app_id=SAFE_ID))
        after = self.status()
        grown = {kind: after["events"][kind] - before["events"][kind] for kind in after["events"]}
        self.assertEqual(grown, dict(follow=2, click=1, message=2, unfollow=1, other=1, scan=1, receipt=0, receipts=0))
        self.assertEqual(after["repeats"], before["repeats"])

    def test_repeats(self):
        before = self.status()
        now = int(time.time())
        bodies = [event("r1", "subscribe", now), text("r1", "hello", 900002, now), receipt("r1", 801, created=now), receipt("r1", 802, created=now)]
        for body in bodies * 3:
            self.good(self.listener.post(body))
        for _ in range(3):
            self.good(self.listener.post_sealed(bodies[0], "/safe", app_id=SAFE_ID))
        after = self.status()
        self.assertEqual(sum(after["events"].values()) - sum(before["events"].values()), 5)
        self.assertEqual(after["repeats"] - before["repeats"], 10)

    def test_many_on_one_connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.listener.port, timeout=60)
        for i in range(200):
            connection.request("POST", "/callback?" + self.listener.query(), text("m1", "x", 910000 + i).encode())
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read()), (200, b"success"))
        connection.close()

    def test_second_copy(self):
        second = subprocess.run([os.path.join(BIN, "mega-listener"), "-c", self.ring.conf_path, "-n", "other"], capture_output=True, timeout=60)
        self.assertEqual(second.returncode, 1)

    # --- wrong calls

    def refused(self, expected, answer):
        self.assertEqual(answer[0], expected, answer)
        self.assertNotIn(b"secret", answer[1])

    def test_signatures(self):
        body, now = event("s1", "subscribe", Content="secretword"), int(time.time())
        listener = self.listener
        self.refused(403, listener.post(body, token="guessed"))
        self.refused(403, listener.request("POST", "/callback", body.encode()))
        self.refused(403, listener.request("POST", "/callback?signature=&timestamp=&nonce=", body.encode()))
        self.refused(403, listener.post(body, timestamp=now - 700))  # out of an old log
        self.refused(403, listener.post(body, timestamp=now + 700))
        self.refused(403, listener.post(body, timestamp="99999999999999999999999"))
        self.refused(403, listener.post(body, timestamp="-1"))
        self.refused(403, listener.post(body, nonce="n" * 1000))
        self.refused(404, listener.post(body, "/nix"))
        self.refused(404, listener.post(body, "/mute"))
        self.refused(404, listener.request("POST", "/callbacks?" + listener.query(), body.encode()))
        self.refused(405, listener.request("PUT", "/callback?" + listener.query(), body.encode()))
        self.still_works()

    def test_envelopes(self):
        listener, body = self.listener, event("s2", "subscribe", Content="secretword")
        self.refused(403, listener.post(body, "/safe"))  # plain, where encrypted calls are wanted
        self.refused(403, listener.post_sealed(body))   # and the other way round
        self.refused(403, listener.post_sealed(body, "/safe", app_id=APP_ID))
        self.refused(403, listener.post_sealed(body, "/safe", app_id=SAFE_ID, aes_key=AES_KEY[::-1]))
        self.refused(403, listener.post_sealed(body, "/safe", app_id=SAFE_ID, token="guessed"))
        sealed = seal(AES_KEY, SAFE_ID, body)
        for wrong in (sealed[:-4], sealed[4:], "A" * 64, "!", sealed + "=", "A" * 60000):
            query = listener.query(sealed=wrong)
            self.refused(403, listener.request("POST", "/callback/safe?" + query, xml(Encrypt=wrong).encode()))
        self.refused(403, listener.request("POST", "/callback/safe?" + listener.query(sealed="other"), xml(Encrypt=sealed).encode()))
        self.refused(400, listener.request("POST", "/callback/safe?" + listener.query(sealed=sealed), body.encode()))
        now = str(int(time.time()))  # as some senders do: without the URL's own signature
        query = "encrypt_type=aes&timestamp=%s&nonce=n&msg_signature=%s" % (now, sign(TOKEN, now, "n", sealed))
        self.good(listener.request("POST", "/callback/safe?" + query, xml(Encrypt=sealed).encode()))
        self.refused(403, listener.request("POST", "/callback/safe?" + query.replace("nonce=n", "nonce=m"), xml(Encrypt=sealed).encode()))
        self.still_works()

    def test_bodies(self):
        laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><xml><FromUserName>&b;</FromUserName></xml>'
        outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><FromUserName>&a;</FromUserName></xml>'
        wrong = ["", "x", "{", "[]", "<xml>", "<xml></xml>", laughs, outside, "<a>" * 5000, '{"a":' * 5000, "\0" * 100, "<xml>\xff</xml>",
                 xml(FromUserName="o", CreateTime="secretword", MsgType="event", Event="subscribe"),
                 xml(FromUserName="o" * 200, CreateTime=1, MsgType="event", Event="subscribe"),
                 event("o", "subscribe", int(time.time()) + 200000), event("o", "TEMPLATESENDJOBFINISH", MsgID="secretword", Status="success")]
        for body in wrong:
            with self.subTest(body=body[:60]):
                self.refused(400, self.listener.post(body))
        self.refused(413, self.listener.post("<xml>" + "secret" * 20000 + "</xml>"))
        self.still_works()

    def still_works(self):
        self.good(self.listener.post(event("w1", "subscribe")))
        log = self.listener.process.log()
        self.assertIn("callback is refused", log)
        for secret in (TOKEN, AES_KEY, "guessed", "secretword", "etc/passwd", "SYSTEM"):
            self.assertNotIn(secret, log)
        self.assertGreater(sum(self.status()["refused"].values()), 0)


class Kills(unittest.TestCase):
    def repeat(self, listener, body, wait=pause):
        """As WeChat does, but without an end: until it is answered."""
        while True:
            try:
                status, answer = listener.post(body)
                if (status, answer) == (200, b"success"):
                    return
            except (OSError, http.client.HTTPException, TypeError):
                pass
            wait()

    def test_each_once(self):
        """Whoever sends them repeats what was not answered, and the listener is killed again and again."""
        count, senders = 400, 8
        with Ring(senders=1, gateways=0, conf=Listener.conf()) as ring:
            listener = Listener(ring)
            done = threading.Semaphore(0)

            def send(first):
                for i in range(first, count, senders):
                    self.repeat(listener, event("k%d" % i, "subscribe", 1700000000 + i))
                    done.release()

            threads = [threading.Thread(target=send, args=(i,), daemon=True) for i in range(senders)]
            for thread in threads:
                thread.start()
            for _ in range(6):
                for _ in range(count // 10):
                    done.acquire(timeout=60)
                listener.process.kill()
                listener.start()
            for thread in threads:
                thread.join(60)
                self.assertFalse(thread.is_alive())
            until(listener.drained, "the outbox is empty")
            self.assertEqual(listener.rows("SELECT count(*) FROM seen"), [(count,)])
            # As many requests as events were ever written down: none was applied twice.
            self.assertEqual(listener.rows("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'"), [(count,)])
            self.assertEqual(listener.process.term(), 0)

    def test_broker_away(self):
        with Ring(senders=1, gateways=0, conf=Listener.conf()) as ring:
            listener = Listener(ring)
            ring["broker"].kill()
            for i in range(100):
                self.assertEqual(listener.post(event("b%d" % i, "subscribe")), (200, b"success"))
            self.assertEqual(listener.rows("SELECT count(*) FROM outbox"), [(100,)])
            listener.process.kill()
            listener.start()
            self.assertEqual(listener.post(event("b0", "unsubscribe")), (200, b"success"))
            ring["broker"].start()
            until(listener.drained, "the outbox is empty")

    def test_no_room(self):
        """Less disk than min_free_space: 503, so that WeChat repeats; and then again as before."""
        with Ring(senders=1, gateways=0, conf=Listener.conf()) as ring:
            listener = Listener(ring)
            body = event("n1", "subscribe")
            ring.conf["broker"] = {"min_free_space": "1000000G"}
            ring.write_conf()
            listener.process.signal(signal.SIGHUP)
            until(lambda: listener.post(event("n0", "subscribe", 1700000000))[0] == 503 or pause(), "503")
            self.assertEqual(listener.post(body)[0], 503)
            ring.conf["broker"] = {"min_free_space": "1M"}
            ring.write_conf()
            listener.process.signal(signal.SIGHUP)
            self.repeat(listener, body)
            self.assertEqual(listener.rows("SELECT count(*) FROM seen"), [(1,)])

    def test_locked_file(self):
        """Whoever holds the file for a while makes WeChat repeat."""
        import sqlite3
        with Ring(senders=1, gateways=0, conf=Listener.conf()) as ring:
            listener = Listener(ring)
            with sqlite3.connect(listener.db_path, isolation_level=None) as other:
                other.execute("BEGIN IMMEDIATE")
                self.assertEqual(listener.post(event("f1", "subscribe"))[0], 503)
                began, seen = time.monotonic(), []
                threads = [threading.Thread(target=lambda i: seen.append(listener.post(event("g%d" % i, "subscribe"))[0]), args=(i,))
                           for i in range(40)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(60)
                self.assertEqual(seen, [503] * 40)
                self.assertLess(time.monotonic() - began, 5)  # each of them: nobody waits for the others
                other.execute("ROLLBACK")
            self.assertEqual(listener.post(event("f1", "subscribe")), (200, b"success"))

    def test_damaged_file(self):
        with Ring(senders=1, gateways=0, conf=Listener.conf()) as ring:
            listener = Listener(ring)
            self.assertEqual(listener.process.term(), 0)
            with open(listener.db_path, "r+b") as f:
                f.write(b"x" * 4096)
            self.assertEqual(listener.process.start().process.wait(60), 1)
            self.assertIn("move it away or put a copy back", listener.process.log())
            os.unlink(listener.db_path)
            listener.start()
            self.assertEqual(listener.post(event("d1", "subscribe")), (200, b"success"))


class Receipts(unittest.TestCase):
    def test_join(self):
        """What the callback tells stands in the ledger, also when it comes before the message is known."""
        with Ring(senders=1, gateways=0, conf=Listener.conf()) as ring:
            listener, client = Listener(ring), ring.client()
            outcomes = [("success", "delivered", 200), ("failed:user block", "blocked", 400), ("failed: system failed", "failed", 500),
                        ("failed: " + "很长" * 400, "failed", 500)]  # longer than the broker takes
            for i, (told, state, code) in enumerate(outcomes):
                openid, name = "j%d" % i, "id%d" % i
                client.ask_one(op="send", id=name, openid=openid, key="test", vars={"n": "1"})
                sent = client.ask_one(op="status", id=name)
                self.assertEqual(listener.post(receipt(openid, sent["msgid"], told)), (200, b"success"))
                until(lambda: client.ask_one(op="status", id=name)["state"] == state or pause(), state)
                self.assertEqual(client.ask_one(op="status", id=name)["code"], code)
            self.assertEqual(listener.post(receipt("nobody", 4711)), (200, b"success"))
            until(lambda: listener.rows("SELECT due_ms > 0 FROM outbox") == [(1,)] or pause(), "set aside")


if __name__ == "__main__":
    unittest.main()
