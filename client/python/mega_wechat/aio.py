"""The client for asyncio. One task reads and writes the socket; callers await futures."""
import asyncio
import time
from collections import deque
from types import TracebackType
from typing import Any, AsyncIterable, AsyncIterator, Coroutine, Deque, Iterable, Mapping, Optional, Tuple, Type, Union

import zmq
import zmq.asyncio

from .curve import Curve
from .errors import InvalidRequest, MegaError
from .methods import FRONTEND, TIMEOUT_S, WAIT_TIMEOUT_S, WINDOW, Link, Methods, left_s, pushed, tell
from .request import Request
from .result import Result
from .unanswered import CLOSED, Entry, no_answer

Waiting = Tuple[Entry, "asyncio.Future[Result]", float]  # and until when
Messages = Union[Iterable[Mapping[str, Any]], AsyncIterable[Mapping[str, Any]]]


class AsyncClient(Methods[Coroutine[Any, Any, Result]]):
    """May be used by any number of tasks of one event loop: that in which it is first used. Close it, or use it in an
    `async with`. A task that is cancelled waits no more; the message that it handed over is not cancelled by that."""

    def __init__(self, frontend: str = FRONTEND, *, timeout: float = TIMEOUT_S, wait_timeout: float = WAIT_TIMEOUT_S,
                 curve: Optional[Curve] = None) -> None:
        super().__init__(frontend, timeout=timeout, wait_timeout=wait_timeout, curve=curve)
        self._loop: Optional[asyncio.AbstractEventLoop] = None  # None: not connected yet

    async def __aenter__(self) -> "AsyncClient":
        self._start()
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.close()

    async def close(self) -> None:
        """Whoever still waits gets NoAnswer. May be called twice; does nothing in a forked process."""
        if self._is_foreign():
            return
        self._closed = True
        if self._loop is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def push_many(self, messages: Messages, *, window: int = WINDOW,
                        timeout: Optional[float] = None) -> AsyncIterator[Result]:
        """Pushes each of `messages`, dicts of push's arguments, at most `window` unanswered at a time. Yields their results in
        the same order. The first that is invalid or not answered ends it, after the results of those before it."""
        waiting: Deque[Waiting] = deque()
        items, error = _each(messages), None
        try:
            while error is None or waiting:
                if error is None and len(waiting) < max(1, window) and not (waiting and waiting[0][1].done()):
                    try:
                        waiting.append(self._submit(pushed(await items.__anext__()), timeout))
                    except (StopAsyncIteration, InvalidRequest) as end:
                        error = end
                else:
                    yield await self._wait(waiting.popleft())
        finally:
            for entry, _, _ in waiting:
                self._unanswered.drop(entry)
        if isinstance(error, InvalidRequest):
            raise error

    async def _ask(self, request: Request, timeout: Optional[float]) -> Result:
        return await self._wait(self._submit(request, timeout))

    def _submit(self, request: Request, timeout: Optional[float]) -> Waiting:
        future: "asyncio.Future[Result]" = self._start().create_future()
        entry = self._add(request, future)
        self._wake.set()
        return entry, future, self._until(request, timeout)

    async def _wait(self, waiting: Waiting) -> Result:
        entry, future, until = waiting
        try:
            await asyncio.wait({future}, timeout=left_s(until))
            if not future.done():
                raise no_answer(entry, "no answer from %s in time" % self._frontend)
            return future.result()
        finally:
            self._unanswered.drop(entry)

    # --- the task --------------------------------------------------------------------------------------------------------

    def _start(self) -> asyncio.AbstractEventLoop:
        """The event loop; connects at the first call."""
        self._check_usable()
        loop = asyncio.get_running_loop()
        if self._loop is not None:
            if loop is not self._loop:
                raise MegaError("this client is used in another event loop; make one for each")
            return loop
        self._link = Link(zmq.asyncio.Context(), self._frontend, self._curve)
        self._wake = asyncio.Event()
        self._loop, self._task = loop, loop.create_task(self._run())
        self._task.add_done_callback(self._end)  # also of a task that is cancelled before it began
        return loop

    async def _run(self) -> None:
        await asyncio.gather(self._read(), self._write(), self._watch())

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._closed = True
        self._unanswered.fail(CLOSED)
        self._link.close()

    async def _read(self) -> None:
        while not self._closed:
            self._unanswered.take(await self._link.socket.recv_multipart(), time.monotonic())
            self._wake.set()

    async def _watch(self) -> None:
        while not self._closed:
            tell(self._unanswered, await self._link.monitor.recv_multipart())
            self._wake.set()

    async def _write(self) -> None:
        while not self._closed:
            self._wake.clear()
            wait_s = self._unanswered.wait_s(time.monotonic())
            if wait_s != 0:
                await self._sleep(wait_s)
                continue
            # What is sent is chosen when the broker can be written to, however long that takes.
            await self._link.socket.poll(None, zmq.POLLOUT)
            frames = self._unanswered.batch(time.monotonic())
            if frames:
                await self._link.socket.send_multipart(frames)

    async def _sleep(self, wait_s: Optional[float]) -> None:
        """Until there is a new request, or for so long."""
        try:
            await asyncio.wait_for(self._wake.wait(), wait_s)
        except asyncio.TimeoutError:
            return


async def _each(messages: Messages) -> AsyncIterator[Mapping[str, Any]]:
    if isinstance(messages, AsyncIterable):
        async for item in messages:
            yield item
    else:
        for item in messages:
            yield item
