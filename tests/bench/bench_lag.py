"""How late scheduled messages are called: the time of arrival at the simulator less the time at which the message was due.

All are accepted before the first one is due, two for each millisecond. Both times are whole milliseconds of one clock. On a machine
that does other work most of it is waiting for a processor and for the disk, so that is told too: how long the broker had no
processor, and what small writes beside it took to be on the disk.
"""
import os
import threading
import time

from bench_set import bench_set
from figures import Figure, percentile
from instructions import VARIABLES
from ring import pause, until

NAME = "lag"
WHAT = "how late 2,000 scheduled messages a second are called"

PER_S = 2000
SECONDS = 10
AHEAD_MS = 5000  # for handing them over
FIGURES = (Figure("p50_ms", "called after it was due, half of them within", "ms"),
           Figure("p99_ms", "99 of 100 within", "ms", "under 20 ms", lambda m: m["p99_ms"] < 20),
           Figure("max_ms", "all within", "ms"),
           Figure("broker_waited", "of that time the broker could have run and had no processor", "%"),
           Figure("sync_p99_ms", "fdatasync of 4 KiB by somebody else meanwhile, 99 of 100 within", "ms"),
           Figure("sync_max_ms", "all within", "ms"))


def requests(from_ms):
    """Yields (openid, when it is due)."""
    for i in range(PER_S * SECONDS):
        yield "oBench%022d" % i, from_ms + i * 1000 // PER_S


def waited_s(pid):
    """Seconds that the first thread of a process could have run and did not, of its whole life. None: this kernel does not tell."""
    try:
        with open("/proc/%d/schedstat" % pid) as f:
            return int(f.read().split()[1]) / 1e9
    except OSError:
        return None


class Syncs(threading.Thread):
    """Writes to a file now and then until it is told to finish, and notes how many ms each write took to be on the disk."""

    PAUSE_MS = 10

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.path, self.stopped, self.took_ms = os.path.join(folder, "syncs"), False, []

    def run(self):
        with open(self.path, "wb", buffering=0) as f:
            while not self.stopped:
                began = time.monotonic()
                os.pwrite(f.fileno(), os.urandom(4096), 0)
                os.fdatasync(f.fileno())
                self.took_ms.append((time.monotonic() - began) * 1000)
                pause(self.PAUSE_MS)

    def finish(self):
        self.stopped = True
        self.join()
        return sorted(self.took_ms)


def measure():
    ring = bench_set()
    ring.sim.arguments += ["--journal", ring.sim.journal_path]
    with ring:
        broker = ring["broker"].process.pid
        from_ms = int(time.time() * 1000) + AHEAD_MS
        due = dict(requests(from_ms))
        results = ring.client().ask(*[dict(op="push", openid=openid, key="test", vars=VARIABLES, at=at)
                                      for openid, at in due.items()])
        assert all(one["code"] == 200 for one in results) and time.time() * 1000 < from_ms, "not all accepted in time"
        until(lambda: time.time() * 1000 >= from_ms or pause(), "the first one is due")
        before_s, syncs = waited_s(broker), Syncs(ring.folder)
        syncs.start()
        ring.sim.wait(delivered=len(due))
        after_s, took_ms = waited_s(broker), syncs.finish()
        lags = sorted(call["t"] - due[call["openid"]] for call in ring.sim.delivered())
        assert len(lags) == len(due), "%d calls of %d messages" % (len(lags), len(due))
        values = {"p50_ms": percentile(lags, 50), "p99_ms": percentile(lags, 99), "max_ms": lags[-1],
                  "sync_p99_ms": percentile(took_ms, 99), "sync_max_ms": took_ms[-1]}
        if before_s is not None:
            values["broker_waited"] = 100 * (after_s - before_s) / SECONDS
        return values
