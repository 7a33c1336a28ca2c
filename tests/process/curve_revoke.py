"""Revokes keys under load, again and again: `curve_revoke.py [TIMES]`. What scripts/revoke runs.

Somebody comes in with a key of his own and is revoked; all connections are cut each time, at any moment of others' handshakes and
messages. Every message that was accepted is sent once, and no caller waits for much longer than it takes him to ask again.
"""
import sys
import time

import msgpack
import zmq

from curve_ring import CurveRing, Watched
from ring import LIMIT_S

AGAIN_S = 0.5  # until the caller asks again


def push(client, number):
    ids = ["m-%d-%d" % (number, i) for i in range(20)]
    began = time.monotonic()
    results = client.collect(client.submit([{"op": "push", "id": one, "openid": one, "key": "test", "vars": {"n": "1"}} for one in ids]),
                             again_s=AGAIN_S)
    assert all(result["code"] == 200 for result in results.values()), results
    return time.monotonic() - began


def main(times):
    with CurveRing() as ring:
        ring.pair("guest", "client")
        client, pushes, slowest_s = ring.client(), 0, 0
        for number in range(times):
            ring.let_in("guest")
            guest = Watched(zmq.DEALER, ring.frontend, ring.as_key("guest"))
            guest.socket.send(msgpack.packb({"op": "ping"}))
            assert guest.socket.poll(LIMIT_S * 1000), "the guest comes in"
            ring.revoke("guest")
            end = time.monotonic() + 0.7 + 0.013 * number  # until he is cut, and beyond, by another time each time
            while time.monotonic() < end:
                slowest_s = max(slowest_s, push(client, pushes))
                pushes += 1
            guest.wait([zmq.EVENT_DISCONNECTED], "the guest is cut")
            guest.close()
        ring.sim.wait(delivered=20 * pushes)
        calls = [call["openid"] for call in ring.sim.delivered()]
        assert len(calls) == len(set(calls)) == 20 * pushes, "%d calls for %d messages" % (len(calls), 20 * pushes)
        print("%d keys revoked, %d messages accepted and each sent once, slowest answer %.2f s" % (times, 20 * pushes, slowest_s))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
