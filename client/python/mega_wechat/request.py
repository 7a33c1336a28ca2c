"""Requests: checked against the limits of proto/MESSAGES.md and made into the map that is packed. Pure; raises InvalidRequest.

The broker checks everything again. Here it is checked so that a mistake is told where it is made, and nothing is sent.
"""
import math
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Mapping, Optional, Union

import msgpack

from .errors import InvalidRequest

Value = Union[str, int, float, bool, None]
Variables = Mapping[str, Value]

ACCOUNT_BYTES_MAX = 32
ID_BYTES_MAX = 64
TASK_BYTES_MAX = 64
OPENID_BYTES_MAX = 128
KEY_CHARACTERS_MAX = 32
VARIABLES_MAX = 1024
VARIABLE_NAME_BYTES_MAX = 256
NUMBER_DIGITS_MAX = 256  # of an integer that does not fit into 64 bits, its sign included
AHEAD_MS_MAX = 400 * 86400 * 1000
REQUEST_BYTES_MAX = 65 * 1024 * 1024 - 1024  # a frame over 65 MiB ends the connection, for all that wait on it

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MS = timedelta(milliseconds=1)
_EXT_NUMBER = 1


@dataclass(frozen=True)
class Request:
    """`members` without `ref`; `waits`: answered when something has ended, which may take long."""

    members: Dict[str, Any]
    waits: bool = False

    @property
    def id(self) -> Optional[str]:
        id: Optional[str] = self.members.get("id")
        return id

    def pack(self, ref: int) -> bytes:
        packed: bytes = msgpack.packb(dict(self.members, ref=ref))
        if len(packed) > REQUEST_BYTES_MAX:
            raise InvalidRequest("vars", "the request has %d bytes; at most %d" % (len(packed), REQUEST_BYTES_MAX))
        return packed


def message(op: str, openid: str, key: str, *, id: Optional[str] = None, app: Optional[str] = None,
            at: Union[datetime, int, None] = None, in_: Union[timedelta, int, None] = None,
            ttl: Union[timedelta, int, None] = None, lane: Optional[str] = None, task: Optional[str] = None,
            vars: Optional[Variables] = None) -> Request:
    """A push, send or check. What is kept gets an id of its own when none is given, so that it can be asked again."""
    at_ms, in_ms = _time("at", at), _time("in_", in_)
    if at_ms and in_ms:
        raise InvalidRequest("at", "given together with in_; give one of them")
    if lane not in (None, "express", "bulk"):
        raise InvalidRequest("lane", "%r; give 'express' or 'bulk'" % (lane,))
    if id is not None:
        _name("id", id, ID_BYTES_MAX)
    elif op != "check":
        id = make_id()
    return _request(op, waits=op == "send", id=id, app=_account(app), openid=_openid(openid), key=_key(key), at=at_ms,
                    lane=lane, ttl=_time("ttl", ttl), vars=_variables(vars),
                    task=None if task is None else _name("task", task, TASK_BYTES_MAX), **{"in": in_ms})


def status(id: str, wait: bool = False, app: Optional[str] = None) -> Request:
    return _request("status", waits=wait, id=_name("id", id, ID_BYTES_MAX), app=_account(app), wait=wait)


def cancel(id: Optional[str] = None, *, openid: Optional[str] = None, key: Optional[str] = None, task: Optional[str] = None,
           app: Optional[str] = None) -> Request:
    if id is None and openid is None and task is None:
        raise InvalidRequest("id", "missing; give an id, or an openid or a task to cancel all that wait of it")
    if id is not None and (openid is not None or task is not None or key is not None):
        raise InvalidRequest("id", "given together with openid, key or task; give one id, or what is to be found")
    return _request("cancel", waits=id is None, id=None if id is None else _name("id", id, ID_BYTES_MAX),
                    openid=None if openid is None else _openid(openid), key=None if key is None else _key(key),
                    task=None if task is None else _name("task", task, TASK_BYTES_MAX), app=_account(app))


def tset(key: str) -> Request:
    return _request("tset", waits=True, key=_key(key))


def ping() -> Request:
    return _request("ping")


def make_id() -> str:
    """32 hexadecimal digits: ms since 1970, which keep the store's index of ids in order, and 80 random bits."""
    return "%012x%s" % (time.time_ns() // 1_000_000, os.urandom(10).hex())


def _request(op: str, waits: bool = False, **members: Any) -> Request:
    """What is None, 0, False or empty is left out: the protocol takes it for not given."""
    return Request(dict({name: value for name, value in members.items() if value}, op=op), waits)


def _bytes(field: str, text: str) -> bytes:
    if not isinstance(text, str):
        raise InvalidRequest(field, "%s; give a str" % type(text).__name__)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(field, "cannot be written as UTF-8; give text without lone surrogates") from None


def _name(field: str, text: str, bytes_max: int) -> str:
    data = _bytes(field, text)
    if not 1 <= len(data) <= bytes_max:
        raise InvalidRequest(field, "%d bytes; give 1 to %d" % (len(data), bytes_max))
    if any(byte <= 0x20 or byte == 0x7f for byte in data):
        raise InvalidRequest(field, "holds a space or control character; leave it out")
    return text


def _account(app: Optional[str]) -> Optional[str]:
    return None if app is None else _name("app", app, ACCOUNT_BYTES_MAX)


def _openid(openid: str) -> str:
    data = _bytes("openid", openid)
    if not 1 <= len(data) <= OPENID_BYTES_MAX:
        raise InvalidRequest("openid", "%d bytes; give 1 to %d" % (len(data), OPENID_BYTES_MAX))
    return openid


def _key(key: str) -> str:
    _bytes("key", key)
    if not 1 <= len(key) <= KEY_CHARACTERS_MAX:
        raise InvalidRequest("key", "%d characters; give 1 to %d" % (len(key), KEY_CHARACTERS_MAX))
    return key


def _time(field: str, value: Union[datetime, timedelta, int, None]) -> int:
    """In ms, 0 when not given: since 1970 of `at`, which the broker holds against its own clock; else how long."""
    if value is None:
        return 0
    if field == "at" and isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidRequest(field, "a datetime without time zone; give one with tzinfo, or ms since 1970")
        value = (value - _EPOCH) // _MS
    elif field != "at" and isinstance(value, timedelta):
        value = value // _MS
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidRequest(field, "%s; give a %s or an int of milliseconds" % (
            type(value).__name__, "datetime" if field == "at" else "timedelta"))
    most = 2**63 - 1 if field == "at" else AHEAD_MS_MAX
    if not 0 <= value <= most:
        raise InvalidRequest(field, "%d ms; give 0 to %d" % (value, most))
    return value


def _variables(variables: Optional[Variables]) -> Dict[str, Any]:
    if variables is None:
        return {}
    if not isinstance(variables, Mapping):
        raise InvalidRequest("vars", "%s; give a dict" % type(variables).__name__)
    if len(variables) > VARIABLES_MAX:
        raise InvalidRequest("vars", "%d variables; at most %d" % (len(variables), VARIABLES_MAX))
    return {_variable_name(name): _variable(name, value) for name, value in variables.items()}


def _variable_name(name: str) -> str:
    bytes_used = len(_bytes("vars", name))
    if bytes_used > VARIABLE_NAME_BYTES_MAX:
        raise InvalidRequest("vars", "a name of %d bytes; at most %d" % (bytes_used, VARIABLE_NAME_BYTES_MAX))
    return name


def _variable(name: str, value: Value) -> Any:
    field = "vars[%r]" % name
    if isinstance(value, str):
        _bytes(field, value)
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidRequest(field, "%r; a number is finite" % value)
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -2**63 <= value < 2**64 else _long_number(field, value)
    raise InvalidRequest(field, "%s; give a str, int, float, bool or None" % type(value).__name__)


def _long_number(field: str, value: int) -> Any:
    # Its length is looked at first: Python writes out no integer of thousands of digits.
    if abs(value) >= 10 ** (NUMBER_DIGITS_MAX - (value < 0)):
        raise InvalidRequest(field, "an integer of more than %d digits, its sign included" % NUMBER_DIGITS_MAX)
    return msgpack.ExtType(_EXT_NUMBER, str(value).encode())
