#!/usr/bin/python3
"""One command of the Mega-Wechat TCP protocol, and its answer.

    scripts/tcp_client.py 127.0.0.1:9501 push OPENID KEY '{"item":"tea"}' [in=60000 id=... ...]
    scripts/tcp_client.py 127.0.0.1:9501 send OPENID KEY '{"item":"tea"}'
    scripts/tcp_client.py 127.0.0.1:9501 tset KEY

Needs nothing but Python. Used by scripts/quickstart, and to be read: it is the whole protocol.
Exit status: 0 for 200, 1 for 400, 4 for 500, 2 for wrong usage, 5 when there is no answer.
"""
import socket
import struct
import sys
import time

LIMIT_S = 90  # a Send may wait for WeChat


def pack(header, opaque, body=None):
    """packLength, headerLength, header, opaque, bodyLength, body; a tset ends behind opaque."""
    package = struct.pack(">I", len(header)) + header + struct.pack(">I", opaque)
    if body is not None:
        package += struct.pack(">I", len(body)) + body
    return struct.pack(">I", len(package)) + package


def read_exactly(stream, count):
    data = stream.read(count)
    if len(data) < count:
        raise ConnectionError("the gateway closed the connection")
    return data


def read_answer(stream):
    """Returns (code, opaque, message)."""
    package = read_exactly(stream, struct.unpack(">I", read_exactly(stream, 4))[0])
    header_bytes, = struct.unpack_from(">I", package)
    word, code = package[4:4 + header_bytes].decode().split(" ")
    assert word == "result"
    opaque, body_bytes = struct.unpack_from(">II", package, 4 + header_bytes)
    return int(code), opaque, package[12 + header_bytes:12 + header_bytes + body_bytes].decode()


def ask(address, header, opaque, body):
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=LIMIT_S) as connection:
        connection.sendall(pack(header.encode(), opaque, None if body is None else body.encode()))
        with connection.makefile("rb") as stream:
            return read_answer(stream)


def main(arguments):
    if len(arguments) < 3 or (arguments[1] != "tset" and len(arguments) < 4):
        print(__doc__, file=sys.stderr)
        return 2
    address, command, words = arguments[0], arguments[1], arguments[2:]
    header, body = " ".join([command] + words), None
    if command != "tset":
        body = words[2] if len(words) > 2 else ""
        header = " ".join([command] + words[:2] + words[3:])  # parameters stand behind KEY, the body is apart
    print("-> %s   opaque 1   %s" % (header, "" if body is None else "body " + (body or "(empty)")))
    began = time.monotonic()
    try:
        code, opaque, message = ask(address, header, 1, body)
    except OSError as error:
        print("no answer from %s: %s" % (address, error), file=sys.stderr)
        return 5
    took_ms = (time.monotonic() - began) * 1000
    print("<- result %d   opaque %d   %safter %.1f ms" % (code, opaque, "body %s   " % message if message else "", took_ms))
    return {200: 0, 400: 1}.get(code, 4)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
