"""The client for threads. A thread of its own owns the socket; callers wait for futures."""
import socket as sockets
import threading
import time
from collections import deque
from concurrent.futures import Future, TimeoutError as FutureTimeout
from types import TracebackType
from typing import Any, Deque, Iterable, Iterator, Mapping, Optional, Tuple, Type

import zmq

from .curve import Curve
from .errors import InvalidRequest
from .methods import FRONTEND, TIMEOUT_S, WAIT_TIMEOUT_S, WINDOW, Link, Methods, left_s, pushed, tell
from .request import Request
from .result import Result
from .unanswered import CLOSED, Entry, no_answer

MESSAGES_MAX = 100  # read before it is looked at everything else again
Waiting = Tuple[Entry, "Future[Result]", float]  # and until when


class Client(Methods[Result]):
    """May be used by any number of threads at once. Close it, or use it in a `with`: until then its thread runs."""

    def __init__(self, frontend: str = FRONTEND, *, timeout: float = TIMEOUT_S, wait_timeout: float = WAIT_TIMEOUT_S,
                 curve: Optional[Curve] = None) -> None:
        super().__init__(frontend, timeout=timeout, wait_timeout=wait_timeout, curve=curve)
        self._lock = threading.Lock()  # over _unanswered, _closed and _woken
        self._link = Link(zmq.Context(), frontend, curve)
        self._wake_from, self._wake_to = sockets.socketpair()
        self._woken = False
        self._thread = threading.Thread(target=self._run, name="mega-wechat", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def close(self) -> None:
        """Whoever still waits gets NoAnswer. May be called twice; does nothing in a forked process."""
        if self._is_foreign():
            return
        with self._lock:
            if not self._closed:
                self._closed = True
                self._wake()
        self._thread.join()

    def push_many(self, messages: Iterable[Mapping[str, Any]], *, window: int = WINDOW,
                  timeout: Optional[float] = None) -> Iterator[Result]:
        """Pushes each of `messages`, dicts of push's arguments, at most `window` unanswered at a time. Yields their results in
        the same order. The first that is invalid or not answered ends it, after the results of those before it."""
        waiting: Deque[Waiting] = deque()
        items, error = iter(messages), None
        try:
            while error is None or waiting:
                if error is None and len(waiting) < max(1, window) and not (waiting and waiting[0][1].done()):
                    try:
                        waiting.append(self._submit(pushed(next(items)), timeout))
                    except (StopIteration, InvalidRequest) as end:
                        error = end
                else:
                    yield self._wait(waiting.popleft())
        finally:
            self._drop(*(entry for entry, _, _ in waiting))
        if isinstance(error, InvalidRequest):
            raise error

    def _ask(self, request: Request, timeout: Optional[float]) -> Result:
        return self._wait(self._submit(request, timeout))

    def _submit(self, request: Request, timeout: Optional[float]) -> Waiting:
        self._check_usable()
        future: "Future[Result]" = Future()
        with self._lock:
            self._check_usable()
            entry = self._add(request, future)
            self._wake()
        return entry, future, self._until(request, timeout)

    def _wait(self, waiting: Waiting) -> Result:
        entry, future, until = waiting
        try:
            return future.result(left_s(until))
        except FutureTimeout as error:
            if future.done():  # answered, or failed with NoAnswer, in the last moment
                return future.result()
            raise no_answer(entry, "no answer from %s in time" % self._frontend) from error
        finally:
            self._drop(entry)

    def _drop(self, *entries: Entry) -> None:
        with self._lock:
            for entry in entries:
                self._unanswered.drop(entry)

    def _wake(self) -> None:
        """Lets the thread look again. With the lock held."""
        if not self._woken:
            self._woken = True
            self._wake_to.send(b"w")

    # --- the thread ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._wake_from.fileno(), zmq.POLLIN)
        poller.register(self._link.monitor, zmq.POLLIN)
        try:
            while self._turn(poller):
                pass
        finally:
            with self._lock:
                self._closed = True
                self._unanswered.fail(CLOSED)
            self._link.close()
            self._wake_from.close()
            self._wake_to.close()

    def _turn(self, poller: zmq.Poller) -> bool:
        with self._lock:
            if self._closed:
                return False
            wait_s = self._unanswered.wait_s(time.monotonic())
        poller.register(self._link.socket, zmq.POLLIN | (zmq.POLLOUT if wait_s == 0 else 0))
        ready = dict(poller.poll(None if not wait_s else 1 + int(wait_s * 1000)))
        if self._wake_from.fileno() in ready:
            with self._lock:
                self._wake_from.recv(16)
                self._woken = False
        if self._link.monitor in ready:
            with self._lock:
                tell(self._unanswered, self._link.monitor.recv_multipart())
        if ready.get(self._link.socket, 0) & zmq.POLLIN:
            self._receive()
        if ready.get(self._link.socket, 0) & zmq.POLLOUT:
            self._send()
        return True

    def _receive(self) -> None:
        try:
            for _ in range(MESSAGES_MAX):
                frames = self._link.socket.recv_multipart(zmq.DONTWAIT)
                with self._lock:
                    self._unanswered.take(frames, time.monotonic())
        except zmq.Again:
            return

    def _send(self) -> None:
        """One message, then it is looked again whether another can be written."""
        with self._lock:
            frames = self._unanswered.batch(time.monotonic())
        if not frames:
            return
        try:
            self._link.socket.send_multipart(frames, zmq.DONTWAIT)
        except zmq.Again:  # against what poll said: they are asked again like what was lost on the way
            return
