"""The Python client against a broker that the test plays, and its core over simulated time: what is asked again and when, what
is passed over, what is refused before anything is sent, and who is woken by what."""
import asyncio
import datetime
import math
import os
import shutil
import tempfile
import unittest

import msgpack
import zmq

from python_client import Background, Both
from mega_wechat import AsyncClient, Client, InvalidRequest, MegaError, NoAnswer, Result
from mega_wechat import request as requests
from mega_wechat.unanswered import AGAIN_S, AGAIN_WAITING_S, FRAMES_MAX, MESSAGE_BYTES_MAX, PING_S, Unanswered
from ring import LIMIT_S, pause, until

KINDS = (Client, AsyncClient)
NOWHERE = "tcp://127.0.0.1:1"


class Future:
    """A slot of the core."""

    def __init__(self):
        self.result, self.error = None, None

    def done(self):
        return self.result is not None or self.error is not None

    def set_result(self, result):
        assert not self.done()
        self.result = result

    def set_exception(self, error):
        assert not self.done()
        self.error = error


class Core(unittest.TestCase):
    def setUp(self):
        self.core = Unanswered()
        self.core.connected()

    def add(self, now, op="push", id="m"):
        future = Future()
        request = requests.status(id, wait=True) if op == "wait" else requests.message(op, "o", "k", id=id)
        return self.core.add(request, future, now), future

    def sent(self, now):
        """The ids, or the ops of what has none, of all messages that are to be sent now."""
        frames, sent = self.core.batch(now), []
        while frames:
            sent += [request.get("id", request["op"]) for request in map(msgpack.unpackb, frames)]
            frames = self.core.batch(now)
        return sent

    def answer(self, now, **answer):
        self.core.take([msgpack.packb(answer)], now)

    def test_asked_again(self):
        """A push every AGAIN_S, a send and a wait every AGAIN_WAITING_S; a ping after PING_S in which nothing was heard."""
        self.assertIsNone(self.core.wait_s(100))
        self.add(100, id="p"), self.add(100, "send", "s"), self.add(100, "wait", "w")
        self.assertEqual(self.core.wait_s(100), 0)
        self.assertEqual(self.sent(100), ["p", "s", "w"])
        self.assertEqual(self.core.wait_s(100), PING_S)
        self.assertEqual(self.sent(100 + PING_S), ["ping"])
        self.assertEqual(self.core.wait_s(100 + PING_S), AGAIN_S - PING_S)
        self.assertEqual(self.sent(100 + AGAIN_S), ["p"])
        self.answer(100 + AGAIN_S, ref=1, code=200, epoch=1)
        self.assertEqual(self.core.wait_s(100 + AGAIN_S), PING_S)
        times = [t for t in range(104, 160) if set(self.sent(t)) & {"s", "w", "p"}]
        self.assertEqual(times, [100 + AGAIN_WAITING_S, 100 + 2 * AGAIN_WAITING_S])

    def test_another_epoch(self):
        self.add(0, "send", "s"), self.add(0, "wait", "w"), self.add(0, id="p")
        self.sent(0)
        self.answer(1, ref=3, code=200, epoch=7)
        self.assertEqual(self.core.wait_s(1), PING_S)
        self.assertEqual(self.sent(1 + PING_S), ["ping"])
        self.answer(3, ref=0, code=200, epoch=8)
        self.assertEqual(self.sent(3), ["s", "w"])
        self.answer(4, ref=0, code=200, epoch=8)
        self.assertEqual(self.sent(4), [])

    def test_same_bytes(self):
        self.add(0)
        first = self.core.batch(0)
        self.assertEqual(self.core.batch(AGAIN_S), first)
        self.core.connected()
        self.assertEqual(self.core.batch(AGAIN_S), first)

    def test_without_a_connection(self):
        """Nothing is sent and nothing is due; all of it is when there is one again, but for what was dropped."""
        entry, _ = self.add(0, id="dropped")
        self.add(0, id="kept")
        self.sent(0)
        self.core.disconnected()
        self.add(1, id="new")
        self.assertIsNone(self.core.wait_s(99))
        self.assertEqual(self.core.batch(99), [])
        self.core.drop(entry)
        self.core.connected()
        self.assertEqual(self.sent(99)[:2], ["kept", "new"])

    def test_results(self):
        """Several in a message and in a frame, in any order, twice, for nobody, of wrong types, and bytes that are no msgpack."""
        futures = [self.add(0, id="m%d" % i)[1] for i in range(4)]
        self.sent(0)
        pack = msgpack.packb
        self.core.take([b"\xc1", b"", pack(5), pack([1]), pack({"ref": 99, "code": 200, "epoch": 1}), pack({"ref": [1]}),
                        pack({"ref": 2, "code": 200, "epoch": 1}) + pack({"ref": 1, "code": 503, "message": "full"}) + b"\xc1",
                        pack({"ref": 2, "code": 500}), b"\x81\xa3ref", pack({"ref": 4, "code": "200", "id": 7, "count": 2}),
                        b"\x81\x91\x01\x01", pack({"ref": 3, "code": 400, "id": "m2", "errcode": 40003, "msgid": 2**62})], 1)
        self.assertEqual([future.result for future in futures], [
            Result(503, "m0", message="full"), Result(200, "m1"), Result(400, "m2", errcode=40003, msgid=2**62),
            Result(500, "m3", count=2)])
        self.assertIsNone(self.core.wait_s(1))

    def test_messages_are_bounded(self):
        for i in range(FRAMES_MAX + 1):
            self.add(0, id="m%d" % i)
        self.assertEqual([len(self.core.batch(0)) for _ in range(3)], [FRAMES_MAX, 1, 0])
        for _ in range(3):
            self.core.add(requests.message("push", "o", "k", vars={"n": "x" * (MESSAGE_BYTES_MAX // 2)}), Future(), 0)
        self.assertEqual([len(self.core.batch(0)) for _ in range(4)], [1, 1, 1, 0])

    def test_nothing_stays(self):
        """What is answered or dropped leaves nothing behind, with a connection or without."""
        for i in range(1000):
            entry, _ = self.add(i, id="m")
            self.sent(i)
            self.answer(i, ref=entry.ref, code=200, epoch=1)
        self.core.disconnected()
        for i in range(1000):
            self.core.drop(self.add(1000 + i)[0])
        self.assertEqual(len(self.core), 0)
        self.assertEqual(len(self.core._now), 0)
        self.core.connected()
        self.assertEqual(sum(map(len, self.core._later.values())), 0)


INVALID = (  # method, arguments, field, part of the text
    ("push", dict(openid=""), "openid", "1 to 128"),
    ("push", dict(openid="o" * 129), "openid", "129 bytes; give 1 to 128"),
    ("push", dict(openid=7), "openid", "int; give a str"),
    ("push", dict(openid="\ud800"), "openid", "UTF-8"),
    ("send", dict(key=""), "key", "1 to 32"),
    ("check", dict(key="键" * 33), "key", "33 characters"),
    ("push", dict(id=""), "id", "1 to 64"),
    ("push", dict(id="茶" * 22), "id", "66 bytes"),
    ("push", dict(id="a b"), "id", "space"),
    ("push", dict(id="a\x7f"), "id", "control"),
    ("push", dict(app="a" * 33), "app", "1 to 32"),
    ("push", dict(task="\n"), "task", "control"),
    ("push", dict(lane="fast"), "lane", "'express' or 'bulk'"),
    ("push", dict(at=datetime.datetime(2030, 1, 1)), "at", "time zone"),
    ("push", dict(at=1.5), "at", "float; give a datetime or an int of milliseconds"),
    ("push", dict(at=-1), "at", "give 0 to"),
    ("push", dict(at=datetime.timedelta(1)), "at", "give a datetime"),
    ("push", dict(in_=datetime.timedelta(days=400, milliseconds=1)), "in_", "34560000001 ms; give 0 to 34560000000"),
    ("push", dict(in_=True), "in_", "bool"),
    ("push", dict(in_=1, at=1), "at", "together with in_"),
    ("push", dict(ttl=-1), "ttl", "give 0 to"),
    ("push", dict(vars=[1]), "vars", "list; give a dict"),
    ("push", dict(vars={str(i): i for i in range(1025)}), "vars", "1025 variables; at most 1024"),
    ("push", dict(vars={"n" * 257: 1}), "vars", "257 bytes; at most 256"),
    ("push", dict(vars={1: 1}), "vars", "int; give a str"),
    ("push", dict(vars={"n": [1]}), "vars['n']", "list; give a str, int, float, bool or None"),
    ("push", dict(vars={"n": b"x"}), "vars['n']", "bytes"),
    ("push", dict(vars={"n": math.nan}), "vars['n']", "finite"),
    ("push", dict(vars={"n": 10**256}), "vars['n']", "256 digits"),
    ("push", dict(vars={"n": -10**255}), "vars['n']", "256 digits"),
    ("push", dict(vars={"n": 10**10000}), "vars['n']", "256 digits"),
    ("push", dict(vars={"n": "\udfff"}), "vars['n']", "UTF-8"),
    ("push", dict(vars={"n": "x" * (65 << 20)}), "vars", "bytes; at most"),
    ("status", dict(id="a b"), "id", "space"),
    ("wait", dict(id=""), "id", "1 to 64"),
    ("cancel", dict(), "id", "missing"),
    ("cancel", dict(key="k"), "id", "missing"),
    ("cancel", dict(id="a", task="t"), "id", "together"),
    ("cancel", dict(id="a", key="k"), "id", "together"),
    ("cancel", dict(openid=""), "openid", "1 to 128"),
    ("tset", dict(key="k" * 33), "key", "33 characters"),
)


class Refused(unittest.TestCase):
    def test_invalid_requests(self):
        for kind in KINDS:
            mega = Both(kind, NOWHERE)
            for method, arguments, field, text in INVALID:
                if method in ("push", "send", "check"):
                    arguments = dict(dict(openid="o", key="k"), **arguments)
                with self.subTest(kind=kind.__name__, method=method, field=field, text=text):
                    with self.assertRaises(InvalidRequest) as caught:
                        asyncio.run(getattr(mega, method)(timeout=0, **arguments))
                    self.assertIsInstance(caught.exception, ValueError)
                    self.assertEqual(caught.exception.field, field)
                    self.assertIn(text, str(caught.exception))
            self.assertEqual(len(mega.client._unanswered), 0)
            if kind is Client:
                mega.client.close()

    def test_limits_themselves(self):
        packed = requests.message("push", "o" * 128, "键" * 32, id="i" * 64, app="a" * 32, task="t" * 64, in_=34560000000, ttl=0,
                                  vars={"n" * 256: 10**255, "m": -10**254, "a": 2**64 - 1, "b": 2**64, "": ""}).pack(1)
        members = msgpack.unpackb(packed)
        self.assertEqual(members["vars"]["b"], msgpack.ExtType(1, b"18446744073709551616"))
        self.assertNotIn("ttl", members)
        at = datetime.datetime(2030, 1, 1, 8, 0, 0, 1000, datetime.timezone(datetime.timedelta(hours=8)))
        self.assertEqual(requests.message("push", "o", "k", at=at).members["at"], 1893456000001)
        made = {requests.make_id() for _ in range(1000)}
        self.assertEqual({len(id) for id in made}, {32})
        self.assertEqual(len(made), 1000)

    def test_address(self):
        with self.assertRaises(InvalidRequest) as caught:
            Client("localhost")
        self.assertEqual(caught.exception.field, "frontend")
        with self.assertRaises(InvalidRequest):
            asyncio.run(AsyncClient("localhost").ping())


class Played(unittest.TestCase):
    """The broker is the test."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mega-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.frontend = "ipc://%s/frontend.ipc" % self.folder
        self.listen()
        self.addCleanup(lambda: self.socket.close())

    def listen(self):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(self.frontend)

    def read(self):
        """The next message: who sent it, and its frames, but for the client's own pings, which come when the machine is slow."""
        frames = []
        while not frames:
            self.assertTrue(self.socket.poll(LIMIT_S * 1000), "no request")
            peer, *frames = self.socket.recv_multipart()
            frames = [frame for frame in frames if msgpack.unpackb(frame)["ref"] != 0]
        return peer, frames

    def answer(self, peer, frames, **answer):
        self.socket.send_multipart([peer] + [msgpack.packb(dict(answer, code=200, epoch=1, ref=msgpack.unpackb(frame)["ref"]))
                                             for frame in frames])

    def start(self, kind, scenario):
        async def run():
            mega = Both(kind, self.frontend)
            try:
                return await scenario(mega)
            finally:
                await mega.close()
        return Background(lambda: asyncio.run(run()))

    def test_new_connection(self):
        """Asked again at once, as the same bytes, when the connection was lost; a send too, long before it is due."""
        for kind in KINDS:
            thread = self.start(kind, lambda mega: mega.send("o", "k", id="m", vars={"n": 1}))
            _, first = self.read()
            self.socket.close()
            self.listen()
            peer, again = self.read()
            self.assertEqual(again, first)
            self.answer(peer, again, state="sent")
            self.assertEqual(thread.result(AGAIN_WAITING_S / 2), Result(200, "m", "sent"))

    def test_window(self):
        """push_many leaves no more unanswered than it may, and goes on while the first of them are answered."""
        for kind in KINDS:
            many = [dict(openid="o", key="k", id="m%d" % i) for i in range(20)]
            thread, got = self.start(kind, lambda mega: mega.push_many(many, window=7)), []
            while len(got) < 20:
                before = len(got)
                while len(got) < min(20, before + 7) or self.socket.poll(50):  # that long nothing comes: the window is full
                    peer, frames = self.read()
                    got += [frame for frame in frames if frame not in got]
                self.assertEqual(len(got), min(20, before + 7))
                self.answer(peer, got[before:])
            self.assertEqual([r.id for r in thread.result()], [m["id"] for m in many])

    def test_many_with_an_invalid_one(self):
        """The results of those before it come first; those behind it are not sent."""
        for kind in KINDS:
            results = []

            async def scenario(mega):
                many = [dict(openid="o", key="k"), dict(openid="o", key="k"), dict(openid="o", kye="k"), dict(openid="o", key="k")]
                stream = mega.client.push_many(many)
                if kind is AsyncClient:
                    async for result in stream:
                        results.append(result)
                else:
                    for result in stream:
                        results.append(result)
            thread, got = self.start(kind, scenario), []
            while len(got) < 2:
                peer, frames = self.read()
                got += frames
                self.answer(peer, frames)
            with self.assertRaises(InvalidRequest) as caught:
                thread.result()
            self.assertEqual(caught.exception.field, "messages")
            self.assertEqual([result.code for result in results], [200, 200])

    def test_close_wakes(self):
        mega = Client(self.frontend)
        threads = [Background(lambda: mega.push("o", "k", id="m", timeout=math.inf)), Background(lambda: mega.wait("m"))]
        until(lambda: pause() or len(mega._unanswered) == 2, "asked")
        mega.close()
        mega.close()
        for thread in threads:
            with self.assertRaises(NoAnswer) as caught:
                thread.result()
            self.assertIsInstance(caught.exception, TimeoutError)
            self.assertEqual(caught.exception.id, "m")
            self.assertIn("closed", str(caught.exception))
        with self.assertRaises(MegaError) as caught:
            mega.ping()
        self.assertNotIsInstance(caught.exception, NoAnswer)

    def test_close_wakes_tasks(self):
        async def run():
            mega = AsyncClient(self.frontend)
            task = asyncio.create_task(mega.push("o", "k", id="m", timeout=math.inf))
            await asyncio.to_thread(self.read)  # it has asked
            await mega.close()
            await mega.close()
            with self.assertRaises(NoAnswer) as caught:
                await task
            self.assertEqual(caught.exception.id, "m")
            with self.assertRaises(MegaError):
                await mega.ping()
        asyncio.run(run())

    def test_cancelled_task(self):
        """A cancelled task waits for nothing any more."""
        async def run():
            async with AsyncClient(self.frontend) as mega:
                task = asyncio.create_task(mega.send("o", "k"))
                await asyncio.to_thread(self.read)  # it has asked
                self.assertEqual(len(mega._unanswered), 1)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                self.assertEqual(len(mega._unanswered), 0)
        asyncio.run(run())

    def test_time_is_up(self):
        """The error names the id; nobody waits for it any more. An answer that comes later is passed over."""
        for kind in KINDS:
            async def scenario(mega):
                with self.assertRaises(NoAnswer) as caught:
                    await mega.push("o", "k", timeout=0.1)
                self.assertEqual(len(mega.client._unanswered), 0)
                return caught.exception.id, await mega.status(caught.exception.id)
            thread = self.start(kind, scenario)
            peer, frames = self.read()
            id = msgpack.unpackb(frames[0])["id"]
            late = self.read()[1]
            self.answer(peer, frames, state="waiting")
            self.answer(peer, late, state="sent")
            self.assertEqual(thread.result(), (id, Result(200, id, "sent")))

    def test_abandoned_stream(self):
        """Whoever leaves push_many half read waits for the rest no more."""
        for kind in KINDS:
            async def scenario(mega):
                stream = mega.client.push_many(dict(openid="o", key="k") for _ in range(10))
                if kind is Client:
                    next(stream)
                    stream.close()
                else:
                    await stream.__anext__()
                    await stream.aclose()
                return len(mega.client._unanswered)
            thread = self.start(kind, scenario)
            peer, frames = self.read()
            self.answer(peer, frames[:1])
            self.assertEqual(thread.result(), 0)
            self.socket.close()  # with what else of the ten has come
            self.listen()

    def test_forked_process(self):
        """Of no use there, said at once; and the parent's goes on."""
        mega = Client(self.frontend)
        child = os.fork()
        if child == 0:
            try:
                mega.ping(timeout=1)
            except NoAnswer:
                os._exit(1)
            except MegaError as error:
                mega.close()
                os._exit(0 if "fork" in str(error) else 2)
            os._exit(3)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        thread = Background(mega.ping)
        self.answer(*self.read(), state="ready")
        self.assertEqual(thread.result().state, "ready")
        mega.close()

    def test_another_event_loop(self):
        mega = AsyncClient(self.frontend)
        first = asyncio.new_event_loop()
        try:
            first.run_until_complete(mega.__aenter__())
            with self.assertRaises(MegaError) as caught:
                asyncio.run(mega.ping())
            self.assertIn("event loop", str(caught.exception))
        finally:
            first.run_until_complete(mega.close())
            first.close()


if __name__ == "__main__":
    unittest.main()
