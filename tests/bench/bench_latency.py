"""How long a Push waits for its durable acknowledgement: 50 connections with one unanswered each, and one connection alone.

Beside it the bare loop under the same load, and what the disk takes for one synced write of 4 KiB.
"""
import statistics
import tempfile

from bench_set import bench_set, load, pause_sending
from figures import Figure, percentile, sync_times_us
from yardsticks import bare

NAME = "latency"
WHAT = "latency of a Push acknowledgement, TCP, sending paused"
SECONDS = 3


def within(name):
    """An aim: at most 1.5 times what the bare loop takes."""
    return lambda m: m["ours_" + name] <= 1.5 * m["bare_" + name]


FIGURES = [figure for load_name, words in (("50", "50 connections"), ("1", "one connection"))
           for p in ("p50", "p99")
           for figure in (Figure("ours_%s_%s" % (load_name, p), "%s: this set, %s" % (words, p), "µs", "1.5 × the bare loop",
                                 within("%s_%s" % (load_name, p))),
                          Figure("bare_%s_%s" % (load_name, p), "%s: bare loop, %s" % (words, p), "µs"))]
FIGURES += [Figure("sync_p50", "one fdatasync of 4 KiB, p50", "µs"), Figure("sync_p99", "one fdatasync of 4 KiB, p99", "µs")]


def both(port, who):
    found = {}
    for connections in (50, 1):
        result = load(port, connections=connections, window=1, seconds=SECONDS, warm=0.5)
        for p in ("p50", "p99"):
            found["%s_%d_%s" % (who, connections, p)] = result[p + "_us"]
    return found


def measure():
    with bench_set() as ring:
        pause_sending(ring)
        found = both(ring.port(), "ours")
    with bare() as port:
        found.update(both(port, "bare"))
    times_us = sync_times_us(tempfile.gettempdir())
    found.update(sync_p50=statistics.median(times_us), sync_p99=percentile(times_us, 99))
    return found
