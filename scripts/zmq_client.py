#!/usr/bin/python3
"""One request to the broker's ZeroMQ frontend, and its result.

    scripts/zmq_client.py tcp://127.0.0.1:9502 push OPENID KEY [NAME=VALUE...]
    scripts/zmq_client.py tcp://127.0.0.1:9502 send OPENID KEY [NAME=VALUE...]
    scripts/zmq_client.py tcp://127.0.0.1:9502 status ID

Needs python3-zmq and python3-msgpack. Used by scripts/quickstart, and to be read: every request has an id of its own, so it
can be asked again until it is answered and is still one message. proto/MESSAGES.md lists all members.
Exit status: 0 for 200 and 100 (status: still waiting), 1 for any other code, 2 for wrong usage, 5 when there is no answer.
"""
import sys
import time
import uuid

import msgpack
import zmq

AGAIN_MS = 2000  # until an unanswered request is asked again
LIMIT_S = 90     # a send may wait for WeChat


def ask(endpoint, request):
    """The result, or None when there is none within LIMIT_S."""
    end = time.monotonic() + LIMIT_S
    with zmq.Context() as context, context.socket(zmq.DEALER) as client:
        client.linger = 0
        client.connect(endpoint)
        while time.monotonic() < end:
            client.send(msgpack.packb(request))
            while client.poll(AGAIN_MS):
                for frame in client.recv_multipart():  # several results may come in one message
                    result = msgpack.unpackb(frame)
                    if result["ref"] == request["ref"]:
                        return result
    return None


def main(arguments):
    if len(arguments) < 3 or (arguments[1] != "status" and len(arguments) < 4):
        print(__doc__, file=sys.stderr)
        return 2
    endpoint, op, words = arguments[0], arguments[1], arguments[2:]
    request = {"op": op, "ref": 1}
    if op == "status":
        request.update(id=words[0])
    else:
        variables = dict(word.split("=", 1) for word in words[2:])
        request.update(id=str(uuid.uuid4()), openid=words[0], key=words[1], vars=variables)
    print("-> %s" % request)
    result = ask(endpoint, request)
    if result is None:
        print("no answer from %s within %d s" % (endpoint, LIMIT_S), file=sys.stderr)
        return 5
    print("<- %s" % result)
    return 0 if result["code"] in (100, 200) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
