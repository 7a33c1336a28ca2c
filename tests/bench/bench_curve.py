"""Durable acknowledgements of Pushes a second through a frontend on tcp, with CURVE and without: what encryption costs.

The load comes over the TCP protocol; the gateway is the one client of the frontend, so everything goes through one encrypted connection.
"""
import os

from bench_set import bench_set, load, pause_sending
from curve_ring import free_ports, mega, read_key, with_key
from figures import Figure

NAME = "curve"
WHAT = "durable Push acknowledgements a second through a frontend on tcp, 50 connections × 32 unanswered, with and without CURVE"
SECONDS = 3

FIGURES = [
    Figure("plain", "frontend on tcp", "/s"),
    Figure("curve", "the same under CURVE", "/s"),
    Figure("share", "under CURVE, of that without", "%"),
    Figure("plain_p99_ms", "without: 99 of 100 answered within", "ms"),
    Figure("curve_p99_ms", "with: 99 of 100 answered within", "ms"),
]


def over_tcp(curve):
    ring = bench_set()
    ring.frontend = "tcp://127.0.0.1:%d" % free_ports(1)[0]
    if curve:
        mega("keygen", "own", "--role", "stage", "--dir", ring.folder)
        path = os.path.join(ring.folder, "own.key")
        ring.conf["curve"] = {"key": path, "clients": "nobody"}
        ring.curve = with_key(path, read_key(path)["public-key"])
    return ring


def measure_one(curve):
    with over_tcp(curve) as ring:
        pause_sending(ring)
        return load(ring.port(), connections=50, window=32, seconds=SECONDS)


def measure():
    plain, curve = measure_one(False), measure_one(True)
    return {"plain": plain["per_s"], "curve": curve["per_s"], "share": 100 * curve["per_s"] / plain["per_s"],
            "plain_p99_ms": plain["p99_us"] / 1000, "curve_p99_ms": curve["p99_us"] / 1000}
