"""The same load as accept's, while two senders send as fast as the instant simulator answers: neither may starve the other.

The load does not end by itself, so the backlog grows; sending goes on with the oldest. What sending makes alone, with a backlog and
nobody who pushes, is measured right behind, and is what "not starved" is told by: set, load and simulator share the processors.
"""
import time

from bench_set import bench_set, load
from figures import Figure

NAME = "busy"
WHAT = "accepting while senders work against the instant simulator, TCP, 50 connections × 32 unanswered"
SECONDS = 5

FIGURES = [
    Figure("accepted", "accepted", "/s", "100,000/s", lambda m: m["accepted"] >= 100000),
    Figure("sent", "sent meanwhile", "/s"),
    Figure("sent_alone", "sent with nobody pushing", "/s"),
    Figure("of_alone", "sent meanwhile, of that", "%", "not starved: 20 %", lambda m: m["of_alone"] >= 20),
    Figure("p99_ms", "99 of 100 acknowledged within", "ms"),
]


def delivered(ring):
    return ring.sim.get("/sim/stats")["delivered"]


def deliveries_per_s(ring, seconds):
    """Of what waits already. The simulator is asked to tell when so many more were delivered, or the time is over."""
    before, began = delivered(ring), time.monotonic()
    ring.sim.get("/sim/wait?delivered=%d&timeout_ms=%d" % (before + 10**9, seconds * 1000))
    return (delivered(ring) - before) / (time.monotonic() - began)


def measure():
    with bench_set() as ring:
        load(ring.port(), connections=50, window=32, seconds=0.5, warm=0.5)
        before, began = delivered(ring), time.monotonic()
        result = load(ring.port(), connections=50, window=32, seconds=SECONDS, warm=0)
        sent = (delivered(ring) - before) / (time.monotonic() - began)
        alone = deliveries_per_s(ring, SECONDS)
    return {"accepted": result["per_s"], "sent": sent, "sent_alone": alone, "of_alone": 100 * sent / alone,
            "p99_ms": result["p99_us"] / 1000}
