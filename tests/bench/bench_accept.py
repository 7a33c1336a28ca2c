"""Durable acknowledgements of Pushes a second over TCP: 50 connections, 32 unanswered on each, sending paused.

All get the same load from bench-load, one after the other, each with a store of its own. beanstalkd and Redis are synced with each
job, as ours is, and get the same bytes of content in their own protocols.
"""
from bench_set import bench_set, load, pause_sending
from figures import Figure
from yardsticks import bare, beanstalkd, redis

NAME = "accept"
WHAT = "durable Push acknowledgements a second, TCP, 50 connections × 32 unanswered, sending paused"
SECONDS = 4

FIGURES = [
    Figure("ours", "this set", "/s", "250,000/s", lambda m: m["ours"] >= 250000),
    Figure("bare", "bare loop", "/s"),
    Figure("of_bare", "this set, of the bare loop", "%", "50 %", lambda m: m["of_bare"] >= 50),
    Figure("beanstalkd", "beanstalkd -f 0", "/s"),
    Figure("times_beanstalkd", "this set, times beanstalkd", "×", "50 ×", lambda m: m["times_beanstalkd"] >= 50),
    Figure("redis", "Redis, appendfsync always", "/s"),
    Figure("p99_ms", "this set: 99 of 100 answered within", "ms"),
]


def rate(port, **options):
    return load(port, connections=50, window=32, seconds=SECONDS, **options)


def measure():
    found = {}
    with bench_set() as ring:
        pause_sending(ring)
        ours = rate(ring.port())
    found["ours"], found["p99_ms"] = ours["per_s"], ours["p99_us"] / 1000
    with bare() as port:
        found["bare"] = rate(port)["per_s"]
    found["of_bare"] = 100 * found["ours"] / found["bare"]
    for name, make in (("beanstalkd", beanstalkd), ("redis", redis)):
        server = make()
        if server is not None:
            with server as port:
                found[name] = rate(port, protocol=name)["per_s"]
    if "beanstalkd" in found:
        found["times_beanstalkd"] = found["ours"] / found["beanstalkd"]
    return found
