"""Events passed on to the account's owner: signed as WeChat signs, his reply handed back in time, and nothing lost when he does not take it."""
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from callback_server import CallbackServer, read_xml, seal_reply, write_reply
from listener import AES_KEY, TOKEN, Listener, event, text
from ring import APP_ID, LIMIT_S, SECRET, Ring, pause, until


class Owner(CallbackServer):
    """His system, as strict as WeChat's documentation lets one be."""

    def __init__(self, aes=False, answer=None):
        super().__init__(TOKEN, AES_KEY if aes else None, None, APP_ID, answer)

    def events(self):
        with self.lock:
            return [call.fields["Event"] + " " + call.fields["FromUserName"] for call in self.calls]


class Case(unittest.TestCase):
    def world(self, owner, aes=False, senders=1, more=None, start=True, **keys):
        conf = Listener.conf(aes, **dict({"forward_timeout": "3s", "forward_retry": "50ms"}, **keys))
        conf["wechat"]["forward"] = owner.url + "?from=mega"
        ring = Ring(senders=senders, conf=conf, ini=lambda ring, sections: dict(sections, **(more or {})))
        ring.__enter__()
        self.addCleanup(ring.__exit__, None, None, None)
        self.addCleanup(owner.close)
        return Listener(ring, start=start)

    @staticmethod
    def passed_on(listener):
        return listener.rows("SELECT count(*) FROM forwards")[0][0] == 0 or pause()


class Passing(Case):
    def test_reply(self):
        """What the owner answers is what WeChat gets; an empty answer is `success`; a repeat is not passed on again."""
        owner = Owner(answer=lambda call: (200, write_reply(call, "hello you") if call.fields.get("Content") == "hi" else ""))
        listener = self.world(owner)
        body = text("oA", "hi", 11)
        status, answer = listener.post(body, openid="oA")
        self.assertEqual((status, read_xml(read_xml(answer.decode())["xml"] if b"<Content>" not in answer else answer.decode())["Content"]),
                         (200, "hello you"))
        self.assertEqual(listener.post(body, openid="oA"), (200, b"success"))
        self.assertEqual(listener.post(event("oB", "subscribe"), openid="oB"), (200, b"success"))
        self.assertEqual((len(owner.calls), owner.problems), (2, []))
        self.assertEqual(owner.calls[0].query["from"], "mega")
        until(lambda: self.passed_on(listener), "rows are removed")

    def test_url_of_signatures_alone(self):
        """A call of whose query nothing is left to be passed on beside the signatures."""
        owner = Owner()
        listener = self.world(owner)
        self.assertEqual(listener.post(event("oA", "subscribe")), (200, b"success"))
        until(lambda: any("openid" in problem for problem in owner.problems) or pause(), "it was passed on")

    def test_encrypted(self):
        """The body goes on as it came, under a msg_signature of its own; an encrypted reply comes back untouched."""
        owner = Owner(True, lambda call: (200, seal_reply(TOKEN, AES_KEY, APP_ID, write_reply(call))))
        listener = self.world(owner, True)
        status, answer = listener.post_sealed(text("oA", "hi", 12), openid="oA")
        self.assertEqual(status, 200)
        self.assertIn(b"<MsgSignature>", answer)
        self.assertEqual((len(owner.calls), owner.problems), (1, []))

    def test_refused_at_first(self):
        """WeChat is told that the event is here, and the owner gets it until he takes it, signed anew each time."""
        tries = []
        owner = Owner(answer=lambda call: (tries.append(1), (500, "") if len(tries) < 4 else (200, "too late"))[1])
        listener = self.world(owner)
        self.assertEqual(listener.post(event("oA", "subscribe"), openid="oA"), (200, b"success"))
        until(lambda: self.passed_on(listener), "he has taken it")
        self.assertEqual((owner.events(), owner.problems), (["subscribe oA"] * 4, []))

    def test_stopping(self):
        """A call that waits for its owner is answered before the end; one that comes meanwhile is 503, which is nobody's alarm."""
        may_answer = threading.Event()
        self.addCleanup(may_answer.set)
        owner = Owner(answer=lambda call: (may_answer.wait(LIMIT_S), (200, ""))[1])
        listener = self.world(owner, forward_timeout="4500ms")
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(listener.post(event("oA", "subscribe"), openid="oA")))
        waiting.start()
        until(lambda: owner.calls or pause(), "the owner is asked")
        listener.process.signal(signal.SIGTERM)
        listener.ask(op="status")  # the turn in which it may not have seen the signal yet is over
        self.assertEqual(listener.post(event("oB", "subscribe"))[0], 503)
        refused = listener.ask(op="status")["data"]["refused"]
        self.assertEqual((refused["stopping"], refused["busy"]), (1, 0))
        may_answer.set()
        waiting.join(LIMIT_S)
        self.assertEqual(answers, [(200, b"success")])
        self.assertEqual(listener.process.process.wait(LIMIT_S), 0)

    def test_silent(self):
        """One who does not answer holds WeChat up for forward_timeout and no longer; after eight in a row for no time at all."""
        is_away = threading.Event()
        is_away.set()
        owner = Owner(answer=lambda call: None if is_away.is_set() else (200, ""))
        listener = self.world(owner, forward_timeout="300ms", forward_retry="100ms")
        began = time.monotonic()
        self.assertEqual(listener.post(event("oA", "subscribe"), openid="oA"), (200, b"success"))
        self.assertLess(time.monotonic() - began, 4)
        for i in range(8):
            listener.post(event("oB%d" % i, "subscribe"), openid="oB%d" % i)
        calls = len(owner.calls)
        listener.post(event("oC", "subscribe"), openid="oC")
        self.assertLessEqual(len(owner.calls) - calls, 1)  # of a later try
        is_away.clear()
        until(lambda: self.passed_on(listener), "all that waited is passed on", 60)
        self.assertEqual(len(set(owner.events())), 10)
        self.assertEqual(owner.problems, [])

    def test_many_fail_at_once(self):
        """An owner who goes down with many calls under way is asked again as soon as after eight."""
        count = 40
        all_here, is_away = threading.Barrier(count), threading.Event()
        is_away.set()

        def answer(call):
            if not is_away.is_set():
                return 200, ""
            all_here.wait(60)
            is_away.clear()
            return 503, ""

        owner = Owner(answer=answer)
        listener = self.world(owner, forward_timeout="4500ms")
        people = ["oM%d" % i for i in range(count)]
        threads = [threading.Thread(target=listener.post, args=(event(who, "subscribe"),), kwargs={"openid": who}) for who in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        until(lambda: self.passed_on(listener), "all are passed on", 60)
        self.assertEqual((sorted(owner.events()), owner.problems), (sorted(["subscribe " + who for who in people] * 2), []))

    def test_catches_up(self):
        """What waited while the owner was away goes as fast as he takes it."""
        is_away, taken = threading.Event(), []
        is_away.set()
        owner = Owner(answer=lambda call: (503, "") if is_away.is_set() else (taken.append(time.monotonic()), (200, ""))[1])
        listener = self.world(owner, forward_timeout="300ms", forward_retry="1s")
        people = ["oW%d" % i for i in range(240)]
        for who in people:
            self.assertEqual(listener.post(event(who, "subscribe"), openid=who)[0], 200)
        is_away.clear()
        until(lambda: self.passed_on(listener), "all are passed on", 120)
        self.assertEqual((len(taken), owner.problems), (len(people), []))
        self.assertLess(taken[-1] - taken[0], 15)  # with eight a second it would take 30

    def test_slow_owner_beside_another(self):
        """The replies of one account do not wait for the slow owner of another."""
        count, lets_go = 300, threading.Event()
        slow = Owner(answer=lambda call: (lets_go.wait(60), (200, ""))[1])
        quick = Owner(answer=lambda call: (200, write_reply(call, "at once")))
        self.addCleanup(quick.close)
        other = {"app_id": APP_ID, "app_secret": SECRET, "token": TOKEN, "forward": quick.url}
        listener = self.world(slow, more={"wechat:other": other}, forward_timeout="4500ms")
        threads = [threading.Thread(target=listener.post, args=(event("oS%d" % i, "subscribe"),), kwargs={"openid": "oS%d" % i})
                   for i in range(count)]
        for thread in threads:
            thread.start()
        until(lambda: len(slow.calls) >= 160 or pause(), "his system has all that it gets at once")
        until(lambda: listener.rows("SELECT count(*) FROM seen")[0][0] == count or pause(), "all are taken")
        status, answer = listener.post(text("oQ", "hi", 21), "/other", openid="oQ")
        lets_go.set()
        self.assertEqual(status, 200)
        self.assertIn(b"at once", answer)
        for thread in threads:
            thread.join(60)
        until(lambda: self.passed_on(listener), "all are passed on", 60)

    def test_silent_name_server(self):
        """An owner whose name nobody resolves holds up his own callbacks for forward_timeout, and no others."""
        library = os.path.join(tempfile.mkdtemp(prefix="mega-test-"), "silent_dns.so")
        self.addCleanup(shutil.rmtree, os.path.dirname(library), ignore_errors=True)
        subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", library,
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "silent_dns.c"), "-ldl"], check=True)
        owner = Owner()
        owner.url = "http://silent.test/callback"
        other = {"app_id": APP_ID, "app_secret": SECRET, "token": TOKEN}
        listener = self.world(owner, more={"wechat:other": other}, start=False, forward_timeout="500ms")
        listener.process.env.update(LD_PRELOAD=library, ASAN_OPTIONS="verify_asan_link_order=0")
        listener.start()
        for i in range(3):
            for account in ("", "/other"):
                began = time.monotonic()
                self.assertEqual(listener.post(event("oN%d" % i, "subscribe"), account, openid="oN%d" % i), (200, b"success"))
                self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(listener.process.term(), 0)

    def test_killed(self):
        """An event that was answered is passed on, however often the listener is killed meanwhile."""
        is_away = threading.Event()
        is_away.set()
        owner = Owner(answer=lambda call: (503, "") if is_away.is_set() else (200, ""))
        listener = self.world(owner, forward_timeout="500ms")
        people = ["oK%d" % i for i in range(6)]
        for who in people:
            self.assertEqual(listener.post(event(who, "subscribe"), openid=who)[0], 200)
            listener.process.kill()
            listener.start()
        is_away.clear()
        until(lambda: self.passed_on(listener), "all are passed on", 60)
        with owner.lock:
            taken = {call.fields["FromUserName"] for call in owner.calls}
        self.assertEqual((taken, owner.problems), (set(people), []))


if __name__ == "__main__":
    unittest.main()
