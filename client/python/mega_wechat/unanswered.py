"""The requests that wait for their answers: what is to be sent when, and whom an answer is for. The core of both clients.

Pure: it takes the time (seconds of time.monotonic()) and bytes, and gives bytes; it knows no socket, no thread and no event
loop. Whoever uses it from several threads holds a lock.

- A request is asked again, as the same bytes, until it is answered or dropped: after AGAIN_S, or after AGAIN_WAITING_S when its
  answer may take long.
- Nothing heard for PING_S while something waits: a ping, whose answer tells whether the broker was started anew.
- A new connection, or another epoch: it is not known there any more who waits, so everything is asked again at once.
"""
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Deque, Dict, List, Optional, Protocol, Sequence, Tuple

import msgpack

from .errors import NoAnswer
from .request import Request, ping
from .result import Result, read_result

AGAIN_S = 3.0
AGAIN_WAITING_S = 20.0
PING_S = 2.0
FRAMES_MAX = 256            # of a message; the broker reads 4,096
MESSAGE_BYTES_MAX = 1 << 20  # of a message, but for a single request that is larger; the broker reads 16 MiB
CLOSED = "the client was closed before the answer came"
_PING_REF = 0               # of our own pings, for which nobody waits


class Slot(Protocol):
    """Where an answer is put: what the futures of threads and those of asyncio have in common."""

    def done(self) -> bool: ...

    def set_result(self, __result: Result) -> None: ...

    def set_exception(self, __exception: Exception) -> None: ...


@dataclass
class Entry:
    """One request that waits. It stands in one queue: of those to send now, or of those to ask again later."""

    ref: int
    request: Request
    packed: bytes
    slot: Slot


class Unanswered:
    def __init__(self) -> None:
        self._entries: Dict[int, Entry] = {}
        self._now: "OrderedDict[int, Entry]" = OrderedDict()
        # Each in the order in which they fall due, since all of one queue wait equally long. Answered ones are left out when
        # their turn comes.
        self._later: Dict[bool, Deque[Tuple[float, Entry]]] = {False: deque(), True: deque()}
        self._connected = False
        self._epoch: Optional[int] = None
        self._next_ref = _PING_REF + 1
        self._ping_due = 0.0
        self._ping = ping().pack(_PING_REF)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, request: Request, slot: Slot, now: float) -> Entry:
        """Keeps a request until it is answered or dropped; raises InvalidRequest when it is too large."""
        entry = Entry(self._next_ref, request, request.pack(self._next_ref), slot)
        self._next_ref += 1
        if not self._entries:
            self._ping_due = now + PING_S
        self._entries[entry.ref] = self._now[entry.ref] = entry
        return entry

    def drop(self, entry: Entry) -> None:
        """Nobody waits for it any more. It may be answered or dropped already."""
        self._entries.pop(entry.ref, None)
        self._now.pop(entry.ref, None)

    def connected(self) -> None:
        """There is a connection, a new one: who waited on the one before is not known there."""
        self._connected = True
        self._ask_all_again()

    def disconnected(self) -> None:
        """Until there is a connection again nothing is to be sent, lest the broker gets later what nobody waits for."""
        self._connected = False

    def wait_s(self, now: float) -> Optional[float]:
        """How long there is nothing to send: 0 when there is something now, None until something happens."""
        if not self._connected or not self._entries:
            return None
        if self._now:
            return 0.0
        self._skip_answered()
        due = min([self._ping_due] + [queue[0][0] for queue in self._later.values() if queue])
        return max(0.0, due - now)

    def batch(self, now: float) -> List[bytes]:
        """The frames of the next message to send; empty when there is nothing to send now."""
        if not self._connected:
            return []
        self._move_due(now)
        frames: List[bytes] = []
        bytes_used = 0
        while self._now and len(frames) < FRAMES_MAX:
            entry = next(iter(self._now.values()))
            bytes_used += len(entry.packed)
            if frames and bytes_used > MESSAGE_BYTES_MAX:
                break
            del self._now[entry.ref]
            frames.append(entry.packed)
            waits = entry.request.waits
            self._later[waits].append((now + (AGAIN_WAITING_S if waits else AGAIN_S), entry))
        if not frames and self._entries and self._ping_due <= now:
            self._ping_due = now + PING_S
            return [self._ping]
        return frames

    def take(self, frames: Sequence[bytes], now: float) -> None:
        """Reads a message of answers. What is not understood, or for nobody, is passed over: it is asked again."""
        self._ping_due = now + PING_S
        for frame in frames:
            unpacker = msgpack.Unpacker(strict_map_key=False, unicode_errors="replace", max_buffer_size=0)
            unpacker.feed(frame)
            try:
                for answer in unpacker:
                    if isinstance(answer, dict):
                        self._answer(answer)
            except (ValueError, TypeError, msgpack.UnpackException):
                continue

    def fail(self, text: str) -> None:
        """Ends all waiting with NoAnswer."""
        for entry in self._entries.values():
            if not entry.slot.done():
                entry.slot.set_exception(no_answer(entry, text))
        self._entries.clear()
        self._now.clear()

    def _answer(self, answer: Dict[object, object]) -> None:
        epoch, ref = answer.get("epoch"), answer.get("ref")
        if isinstance(epoch, int) and epoch != self._epoch:
            if self._epoch is not None:
                self._ask_all_again()
            self._epoch = epoch
        entry = self._entries.get(ref) if isinstance(ref, int) else None
        if entry is not None:
            self.drop(entry)
            if not entry.slot.done():
                entry.slot.set_result(read_result(answer, entry.request.id))

    def _ask_all_again(self) -> None:
        for queue in self._later.values():
            queue.clear()
        self._now = OrderedDict(self._entries)

    def _move_due(self, now: float) -> None:
        self._skip_answered()
        for queue in self._later.values():
            while queue and queue[0][0] <= now:
                entry = queue.popleft()[1]
                if entry.ref in self._entries:
                    self._now[entry.ref] = entry

    def _skip_answered(self) -> None:
        """Afterwards the first of each queue still waits."""
        for queue in self._later.values():
            while queue and queue[0][1].ref not in self._entries:
                queue.popleft()


def no_answer(entry: Entry, text: str) -> NoAnswer:
    """The error for one who waited for this request."""
    request = entry.request
    what = request.members["op"] + (" of " + request.id if request.id else "")
    hint = "; it may have been accepted all the same: ask with status()" if request.members["op"] in ("push", "send") else ""
    return NoAnswer("%s: %s%s" % (what, text, hint), request.id)
