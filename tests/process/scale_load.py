"""Loads scheduled messages into a broker as fast as it takes them: several processes, several hundred unanswered each.

Used by scale.py. A request is built by putting digits and a time between bytes that were packed once.
"""
import multiprocessing
import random
import struct

import msgpack
import zmq

REQUESTS_A_MESSAGE = 100
UNANSWERED_MAX = 500
SILENCE_MS = 120000
ACCEPTED = b"\xa4code\xcc\xc8"  # a result's code is 200
DIGITS = b"@" * 10
AT = 1 << 63  # packed as 8 bytes, which are the last ones

VARS = {"first": "Your parcel is on its way", "keyword1": "2026-11-22 18:46", "keyword2": "Box 12, collect with your code",
        "n": "4711", "remark": "Thank you for shopping with us."}


def pieces(prefix):
    """What stands before, between and behind the digits of the id and of the recipient."""
    packed = msgpack.packb({"op": "push", "id": prefix + DIGITS.decode(), "openid": "oScaleTest" + prefix + DIGITS.decode(),
                            "key": "test", "vars": VARS, "at": AT})
    assert packed.endswith(struct.pack(">BQ", 0xcf, AT))
    return packed[:-8].split(DIGITS)


class Loader(multiprocessing.get_context("spawn").Process):
    """Messages `first` to `first + count - 1`; each is due at `due` = (earliest, latest) ms, at random in between."""

    def __init__(self, endpoint, prefix, first, count, due):
        super().__init__(daemon=True)
        self.endpoint, self.prefix, self.first, self.count, self.due = endpoint, prefix, first, count, due
        self.accepted = multiprocessing.get_context("spawn").Value("Q", 0)

    def run(self):
        socket = zmq.Context().socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(self.endpoint)
        requests, sent = self.requests(), 0
        while self.accepted.value < self.count:
            while sent < self.count and sent - self.accepted.value < UNANSWERED_MAX:
                batch = [next(requests) for _ in range(min(REQUESTS_A_MESSAGE, self.count - sent))]
                socket.send_multipart(batch)
                sent += len(batch)
            if not socket.poll(SILENCE_MS):
                raise SystemExit("no answer within %d s" % (SILENCE_MS // 1000))
            self.read(socket)

    def requests(self):
        before, between, behind = pieces(self.prefix)
        dice, pack_time = random.Random(self.first), struct.Struct(">Q").pack
        earliest, latest = self.due
        for i in range(self.first, self.first + self.count):
            at = earliest + int(dice.random() * (latest - earliest))
            digits = b"%010d" % i
            yield b"".join((before, digits, between, digits, behind, pack_time(at)))

    def read(self, socket):
        results = socket.recv_multipart()
        for result in results:
            if ACCEPTED not in result:
                raise SystemExit("not accepted: %s" % msgpack.unpackb(result))
        self.accepted.value += len(results)


def load(endpoint, prefix, count, due, processes, watch):
    """Calls watch(accepted) now and then. Ends when all are accepted."""
    share = -(-count // processes)
    loaders = [Loader(endpoint, prefix, first, min(share, count - first), due) for first in range(0, count, share)]
    for loader in loaders:
        loader.start()
    try:
        for loader in loaders:
            while loader.exitcode is None:
                loader.join(0.2)
                watch(sum(each.accepted.value for each in loaders))
            assert loader.exitcode == 0, "loading failed, see above"
    finally:
        for loader in loaders:
            loader.terminate()
            loader.join()
