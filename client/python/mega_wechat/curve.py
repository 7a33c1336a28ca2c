"""Keys for a frontend under CURVE, read from the files that `mega keygen` makes."""
import os
import re
from typing import Any, NamedTuple, Union

from zmq.utils import z85

from .errors import InvalidRequest

KEY_CHARS = 40
FILE_BYTES_MAX = 16384
Path = Union[str, "os.PathLike[str]"]


class Curve(NamedTuple):
    """`key`: the file NAME.key of mega keygen. `server_key`: the broker's public key, its 40 characters or a file NAME.pub."""

    key: Path
    server_key: Path

    def make_ready(self, socket: Any) -> None:
        """Before the socket connects. Raises InvalidRequest when a file cannot be read or holds no such key."""
        server = os.fspath(self.server_key)
        socket.curve_publickey = _read(self.key, "public-key", "curve.key")
        socket.curve_secretkey = _read(self.key, "secret-key", "curve.key")
        socket.curve_serverkey = server.encode() if _is_key(server) else _read(server, "public-key", "curve.server_key")


def _is_key(text: str) -> bool:
    decode: Any = z85.decode  # without types in pyzmq 24
    try:
        return len(text) == KEY_CHARS and len(decode(text.encode())) == 32
    except (KeyError, ValueError):
        return False


def _read(path: Path, name: str, field: str) -> bytes:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(FILE_BYTES_MAX)
    except (OSError, ValueError) as error:
        raise InvalidRequest(field, "%s; give a file of mega keygen%s" % (
            error, "" if field == "curve.key" else ", or the key's 40 characters")) from None
    found = re.search(r"""^\s+%s\s*=\s*["']?([^\s"']+)""" % name, text, re.M)
    if found is None or not _is_key(found.group(1)):
        raise InvalidRequest(field, "%s holds no %s; give a file of mega keygen" % (os.fspath(path), name))
    return found.group(1).encode()
