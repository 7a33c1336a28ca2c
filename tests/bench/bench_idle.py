"""What very many idle connections cost the gateway: memory, and what busy ones get done beside them.

Each idle connection has done one push; then it stays open. Runs with them and without them alternate, and each is compared with
the one beside it, for the store grows and the machine is busy for a while. Where the system allows fewer open files there are
fewer connections.
"""
import os
import resource
import socket
import statistics
import struct

from bench_set import bench_set, cpu_s, load, memory_kb, pause_sending
from figures import Figure
from instructions import BODY
from ring import Tcp, frame, pause, until

NAME = "idle"

FILES_SPARE = 1000  # descriptors that are not idle connections, of either side
FILES_OWN_MAX = 64  # that the gateway opens for itself
COUNT = min(10000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - FILES_SPARE)
WHAT = "%s idle connections, and 50 × 32 unanswered pushes beside them" % format(COUNT, ",")
SECONDS = 2
TURNS = ("with", "without", "without", "with") * 2
IDLE = "with %s idle connections" % format(COUNT, ",")
FIGURES = (Figure("anon_none_mb", "gateway, anonymous memory, without connections", "MB"),
           Figure("anon_new_mb", "with %s that have sent nothing yet" % format(COUNT, ","), "MB"),
           Figure("anon_idle_mb", IDLE, "MB"),
           Figure("all_none_mb", "gateway, memory in all, without connections", "MB"),
           Figure("all_idle_mb", IDLE, "MB", "under 40 MB", lambda m: m["all_idle_mb"] < 40),
           Figure("all_busy_mb", IDLE + " and the 50 busy ones", "MB"),
           Figure("without", "accepted, without idle connections", "/s"),
           Figure("with", "accepted, " + IDLE, "/s"),
           Figure("kept", "of the rate without, median of %d pairs of runs" % (len(TURNS) // 2), "%", "at least 95 %",
                  lambda m: m["kept"] >= 95),
           Figure("noise", "these pairs differ by", "%"),
           Figure("without_us", "gateway, processor time of a message, without idle connections", "µs"),
           Figure("with_us", "gateway, processor time of a message, " + IDLE, "µs"))


class Crowd:
    """Idle connections, opened and closed together."""

    def __init__(self, ring):
        self.port, self.gateway, self.clients = ring.port(), ring["gateway-1"].process.pid, []

    def open(self):
        self.clients = [Tcp(self.port) for _ in range(COUNT)]
        until(lambda: self.files() > COUNT or pause(), "the gateway has accepted all")

    def files(self):
        return len(os.listdir("/proc/%d/fd" % self.gateway))

    def be(self, is_there):
        if is_there and not self.clients:
            self.open()
            self.push()
        elif not is_there and self.clients:
            self.close()

    def push(self):
        """Once on each."""
        for i, client in enumerate(self.clients):
            client.send(frame("push oIdle%023d test" % i, i, BODY))
        for client in self.clients:
            code, _, message = client.read()
            assert code == 200, message

    def close(self):
        for client in self.clients:  # by a reset, or their ports would be taken for a minute
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        self.clients = []
        until(lambda: self.files() < FILES_OWN_MAX or pause(), "the gateway has closed all")


def measure():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with bench_set() as ring:
            pause_sending(ring)
            return compare(ring)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def compare(ring):
    def memory_mb(what):
        return memory_kb(ring["gateway-1"].process.pid, what) / 1024
    values = {"anon_none_mb": memory_mb("RssAnon"), "all_none_mb": memory_mb("VmRSS")}
    crowd = Crowd(ring)
    crowd.open()
    values["anon_new_mb"] = memory_mb("RssAnon")
    crowd.push()
    values.update(anon_idle_mb=memory_mb("RssAnon"), all_idle_mb=memory_mb("VmRSS"))
    runs = {"with": [], "without": []}
    for turn in TURNS:
        crowd.be(turn == "with")
        runs[turn].append(busy(ring))
        values.setdefault("all_busy_mb", memory_mb("VmRSS"))  # in the first turn, which is with them
    crowd.be(False)
    for turn, found in runs.items():
        values[turn] = statistics.median(per_s for per_s, _ in found)
        values[turn + "_us"] = statistics.median(each_us for _, each_us in found)
    kept = [100 * beside / without for (beside, _), (without, _) in zip(runs["with"], runs["without"])]
    return {**values, "kept": statistics.median(kept), "noise": max(kept) - min(kept)}


def busy(ring):
    """Returns (pushes a second, processor time in µs that the gateway needed for each)."""
    before_s = cpu_s(ring["gateway-1"].process.pid)
    result = load(ring.port(), seconds=SECONDS, warm=0)
    used_s = cpu_s(ring["gateway-1"].process.pid) - before_s
    return result["per_s"], used_s * 1e6 / result["answers"]
