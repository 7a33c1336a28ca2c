"""What both clients are made of: the methods of a caller, and the limits of time. They differ in how they wait."""
import math
import os
import struct
import time
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, Generic, Mapping, Optional, Sequence, TypeVar, Union

import zmq

from . import request as requests
from .curve import Curve
from .errors import InvalidRequest, MegaError
from .request import Request, Variables
from .unanswered import Entry, Slot, Unanswered

FRONTEND = "tcp://127.0.0.1:9502"
TIMEOUT_S = 30.0
WAIT_TIMEOUT_S = 120.0
WINDOW = 1000  # requests of push_many that are unanswered at a time

Answer = TypeVar("Answer")  # Result, or a coroutine that gives one


class Methods(ABC, Generic[Answer]):
    """`timeout` of every method: seconds, math.inf for no limit; None: that of the client, `wait_timeout` for send, wait and
    status(wait=True), `timeout` for all else. Each raises InvalidRequest when nothing was sent, NoAnswer when time is up,
    MegaError when the client cannot be used. What the broker answers is returned, whatever its code."""

    def __init__(self, frontend: str = FRONTEND, *, timeout: float = TIMEOUT_S, wait_timeout: float = WAIT_TIMEOUT_S,
                 curve: Optional[Curve] = None) -> None:
        """Connects when it is first needed: `frontend` is the broker's address, as in its configuration; `curve` the keys where it is
        under CURVE."""
        self._frontend, self._curve = frontend, curve
        self._timeout_s, self._wait_timeout_s = timeout, wait_timeout
        self._unanswered = Unanswered()
        self._closed = False
        self._pid = os.getpid()

    def push(self, openid: str, key: str, *, id: Optional[str] = None, app: Optional[str] = None,
             at: Union[datetime, int, None] = None, in_: Union[timedelta, int, None] = None,
             ttl: Union[timedelta, int, None] = None, lane: Optional[str] = None, task: Optional[str] = None,
             vars: Optional[Variables] = None, timeout: Optional[float] = None) -> Answer:
        """Hands a message over: answered when it is durable. Its id, made when none is given, stands in the result."""
        return self._ask(requests.message("push", openid, key, id=id, app=app, at=at, in_=in_, ttl=ttl, lane=lane, task=task,
                                          vars=vars), timeout)

    def send(self, openid: str, key: str, *, id: Optional[str] = None, app: Optional[str] = None,
             at: Union[datetime, int, None] = None, in_: Union[timedelta, int, None] = None,
             ttl: Union[timedelta, int, None] = None, lane: Optional[str] = None, task: Optional[str] = None,
             vars: Optional[Variables] = None, timeout: Optional[float] = None) -> Answer:
        """The same, answered when WeChat has taken or refused it, or it has ended otherwise."""
        return self._ask(requests.message("send", openid, key, id=id, app=app, at=at, in_=in_, ttl=ttl, lane=lane, task=task,
                                          vars=vars), timeout)

    def check(self, openid: str, key: str, *, id: Optional[str] = None, app: Optional[str] = None,
              at: Union[datetime, int, None] = None, in_: Union[timedelta, int, None] = None,
              ttl: Union[timedelta, int, None] = None, lane: Optional[str] = None, task: Optional[str] = None,
              vars: Optional[Variables] = None, timeout: Optional[float] = None) -> Answer:
        """Would this push be accepted now? 200, or its refusal. Nothing is kept or sent."""
        return self._ask(requests.message("check", openid, key, id=id, app=app, at=at, in_=in_, ttl=ttl, lane=lane, task=task,
                                          vars=vars), timeout)

    def status(self, id: str, wait: bool = False, *, app: Optional[str] = None, timeout: Optional[float] = None) -> Answer:
        """What became of a message: 100 while it is not settled; with `wait` answered when it is. 404: unknown id."""
        return self._ask(requests.status(id, wait, app), timeout)

    def wait(self, id: str, *, app: Optional[str] = None, timeout: Optional[float] = None) -> Answer:
        """status(id, wait=True)."""
        return self.status(id, True, app=app, timeout=timeout)

    def cancel(self, id: Optional[str] = None, *, openid: Optional[str] = None, key: Optional[str] = None,
               task: Optional[str] = None, app: Optional[str] = None, timeout: Optional[float] = None) -> Answer:
        """Takes back one message by its id, or all that wait for a recipient, of a task or both, `key`: of this template only."""
        return self._ask(requests.cancel(id, openid=openid, key=key, task=task, app=app), timeout)

    def tset(self, key: str, *, timeout: Optional[float] = None) -> Answer:
        """Has every templater read a template again from its source."""
        return self._ask(requests.tset(key), timeout)

    def ping(self, *, timeout: Optional[float] = None) -> Answer:
        """`state` of the result: "ready", or "unready" with the reason in `message`."""
        return self._ask(requests.ping(), timeout)

    @abstractmethod
    def _ask(self, request: Request, timeout: Optional[float]) -> Answer:
        """Sends a request, and waits until it is answered or its time is up."""

    def _is_foreign(self) -> bool:
        """In a process that was forked: neither the thread nor the socket came along."""
        return os.getpid() != self._pid

    def _check_usable(self) -> None:
        if self._is_foreign():
            raise MegaError("this client was made in another process; make one after fork")
        if self._closed:
            raise MegaError("this client is closed")

    def _add(self, request: Request, slot: Slot) -> Entry:
        return self._unanswered.add(request, slot, time.monotonic())

    def _until(self, request: Request, timeout: Optional[float]) -> float:
        """When its time is up, in seconds of time.monotonic()."""
        waits = request.members["op"] == "send" or request.members.get("wait")
        default = self._wait_timeout_s if waits else self._timeout_s
        return time.monotonic() + (default if timeout is None else timeout)


def left_s(until: float) -> Optional[float]:
    """None: no limit."""
    return None if until == math.inf else max(0.0, until - time.monotonic())


def pushed(arguments: Mapping[str, Any]) -> Request:
    """The push that an item of push_many stands for."""
    if not isinstance(arguments, Mapping):
        raise InvalidRequest("messages", "an item is a %s; give a dict of push's arguments" % type(arguments).__name__)
    try:
        return requests.message("push", **arguments)
    except TypeError as error:  # an argument that there is not, or one that is missing
        raise InvalidRequest("messages", str(error)) from None


class Link:
    """The two sockets of a connection: a DEALER, and the monitor that tells of its connecting and disconnecting."""

    def __init__(self, context: Any, frontend: str, curve: Optional[Curve] = None) -> None:
        """Owns the context, whose class says whether the sockets are those of asyncio. Raises InvalidRequest when the address
        is none."""
        self._context = context
        self.socket, self.monitor = context.socket(zmq.DEALER), context.socket(zmq.PAIR)
        self.socket.linger = self.monitor.linger = 0
        self.socket.reconnect_ivl, self.socket.reconnect_ivl_max = 100, 1000
        # A connection whose other end vanished without a word is given up and made anew.
        self.socket.heartbeat_ivl, self.socket.heartbeat_timeout = 5000, 15000
        self.socket.monitor("inproc://monitor", zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self.monitor.connect("inproc://monitor")
        try:
            if curve is not None:
                curve.make_ready(self.socket)
            self.socket.connect(frontend)
        except InvalidRequest:
            self.close()
            raise
        except (zmq.ZMQError, TypeError) as error:
            self.close()
            raise InvalidRequest("frontend", "%r: %s; give an address such as %s" % (frontend, error, FRONTEND)) from None

    def close(self) -> None:
        self.socket.close()
        self.monitor.close()
        self._context.term()


def tell(unanswered: Unanswered, event: Sequence[bytes]) -> None:
    """Passes on a message of the monitor: a number of 16 bits in front."""
    number, = struct.unpack_from("=H", event[0])
    if number == zmq.EVENT_HANDSHAKE_SUCCEEDED:
        unanswered.connected()
    elif number == zmq.EVENT_DISCONNECTED:
        unanswered.disconnected()
