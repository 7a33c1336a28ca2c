"""A broker with very many scheduled messages: its memory, its restart, and a million that fall due in one second.

    scale.py COUNT [--burst N] [--processes N] [--unconfined] [--folder DIR]

The broker, a templater, senders and the simulator, which answers at once. Most of the messages are spread over 300 days.
With them in its store the broker is killed and started again; then, with an empty file cache and where the machine allows
it confined to 256 MiB of memory in all, it accepts the burst, which is due in one second, and sends it, while pushes are
timed.

The last line: scheduled=… anon_mb=… store_mb=… restart_ms=… burst_per_s=…
Exit status 1 when memory that is not file cache reached 64 MiB, a push took longer than a second during the burst, the
restart took longer than a second, or a message was lost or doubled.
"""
import argparse
import os
import shutil
import sys
import tempfile
import threading
import time

import zmq

import confine
from ring import BIN, Ring, Zmq, pause, until
from scale_load import load

DAY_MS = 86400 * 1000
ANON_BYTES_MAX = 64 << 20
MEMORY_BYTES = 256 << 20
DISK_BYTES_EACH = 1000  # some 450 are used; a burst that is loaded twice needs more
STALL_MS = 250          # a push that takes longer is told of
STALL_MS_MAX = 1000     # and one that takes longer is a failure
RESTART_MS_MAX = 1000
MARGIN_S = 20           # between the end of loading and the second in which the burst is due
WAIT_S = 3600
TEMPLATE = ('{"touser":"${OPENID}","template_id":"T1","data":{"first":{"value":"${first}"},'
            '"keyword1":{"value":"${keyword1}"},"keyword2":{"value":"${keyword2}"},"remark":{"value":"${remark}"}}}')


def say(text):
    print(text, flush=True)


def anon_bytes(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("RssAnon"))


def is_sanitized(pid):
    """A sanitizer's own memory is anonymous too, and more than the program's."""
    with open("/proc/%d/maps" % pid) as f:
        return "libasan" in f.read()


class Memory(threading.Thread):
    """Looks at the broker's anonymous memory ten times a second, across its restarts."""

    def __init__(self, broker):
        super().__init__(daemon=True)
        self.broker, self.stopped, self.now_bytes, self.peak_bytes = broker, threading.Event(), 0, 0

    def run(self):
        while not self.stopped.wait(0.1):
            try:
                self.now_bytes = anon_bytes(self.broker.process.pid)
            except (OSError, StopIteration):
                continue  # it is between two lives
            self.peak_bytes = max(self.peak_bytes, self.now_bytes)


class Probe(threading.Thread):
    """Pushes one message after the other, due next year, and notes how long each took to be accepted."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client, self.stopped, self.took_ms, self.error = client, threading.Event(), [], None

    def run(self):
        try:
            while not self.stopped.wait(0.005):
                began = time.monotonic()
                result = self.client.ask_one(op="push", openid="oProbe%d" % len(self.took_ms), key="test",
                                             **{"in": 366 * DAY_MS})
                assert result["code"] == 200, result
                self.took_ms.append((time.monotonic() - began) * 1000)
        except BaseException as error:  # told by finish()
            self.error = error

    def finish(self):
        self.stopped.set()
        self.join()
        if self.error:
            raise self.error
        return sorted(self.took_ms)


class Scale:
    def __init__(self, ring, processes, margin_s):
        self.ring, self.processes, self.margin_s, self.accepted = ring, processes, margin_s, 0
        self.operator = ring.operator()
        self.data_path = os.path.join(ring.folder, "store", "data.mdb")
        self.memory = Memory(ring["broker"])
        self.memory.start()

    def store_bytes(self):
        return os.stat(self.data_path).st_blocks * 512

    # --- loading ---

    def load(self, prefix, count, due):
        """Returns messages a second."""
        began, told = time.monotonic(), [time.monotonic(), 0]

        def watch(accepted):
            now = time.monotonic()
            if now - told[0] >= 10:
                say("  %11s of %s accepted, %s a second, %d MB anonymous memory, store %d MB"
                    % (format(accepted, ","), format(count, ","), format(int((accepted - told[1]) / (now - told[0])), ","),
                       self.memory.now_bytes >> 20, self.store_bytes() >> 20))
                told[:] = now, accepted
        load(self.ring.frontend, prefix, count, due, self.processes, watch)
        self.accepted += count
        rate = count / (time.monotonic() - began)
        say("  %s accepted in %.1f s, %s a second"
            % (format(count, ","), time.monotonic() - began, format(int(rate), ",")))
        return rate

    # --- restarting ---

    def restart(self, group=None, cold=False):
        """Kills the broker and starts it; returns the ms from there until a push was accepted."""
        broker = self.ring["broker"]
        broker.kill()
        if cold:
            self.forget_cache()
        if group:
            broker.program, *broker.arguments = group.command([os.path.join(BIN, broker.program)] + broker.arguments)
        client = Zmq(self.ring.frontend)
        client.socket.setsockopt(zmq.RECONNECT_IVL, 1)
        client.socket.disconnect(self.ring.frontend)
        began = time.monotonic()
        broker.start()
        client.socket.connect(self.ring.frontend)
        result = client.ask_one(op="push", id="restart-%d" % self.accepted, openid="oRestart", key="test",
                                **{"in": 366 * DAY_MS})
        took_ms = (time.monotonic() - began) * 1000
        client.close()
        assert result["code"] == 200, result
        self.accepted += 1
        self.ring.wait_ready()
        return took_ms

    def forget_cache(self):
        """What is on disk of the store is not in memory any more; only of this file, and without being root."""
        with open(self.data_path, "rb") as f:
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    # --- the burst ---

    def load_burst(self, count, rate):
        """Loads what is due in one second, before it comes; returns that second (ms). Once more, with more time, when loading
        took too long."""
        took_s = count / rate
        for attempt in range(3):
            due_ms = (int(time.time() + 2 * took_s) + self.margin_s) * 1000
            began = time.monotonic()
            self.load("b%d-" % attempt, count, (due_ms, due_ms))
            if time.time() * 1000 < due_ms:
                return due_ms
            say("  loading took longer than was expected; once more, with more time")
            until(lambda: self.settled() >= (attempt + 1) * count or pause(100), "these are gone", WAIT_S)
            took_s = (time.monotonic() - began) * 2
        raise AssertionError("the burst could not be loaded before its time")

    def settled(self):
        return self.operator.status()["depth"]["settled"]

    def delivered(self):
        return self.ring.sim.get("/sim/stats")["delivered"]

    def burst(self, count, rate):
        """Returns (messages a second, sorted ms of the pushes meanwhile)."""
        due_ms = self.load_burst(count, rate)
        before = self.delivered()
        assert self.ring.sim.get("/sim/stats")["in_flight"] == 0
        probe = Probe(self.ring.client())
        until(lambda: time.time() * 1000 >= due_ms or pause(10), "the second has come", WAIT_S)
        say("  the index of recipients is %s messages behind"
            % format(self.operator.status()["store"]["index_left"], ","))
        probe.start()
        began = told = time.monotonic()
        done = 0
        while done < count:
            done = self.ring.sim.get("/sim/wait?delivered=%d&timeout_ms=1000" % (before + count))["delivered"] - before
            assert time.monotonic() - began < WAIT_S, "%d of %d delivered" % (done, count)
            if time.monotonic() - told >= 10:
                told = time.monotonic()
                say("  %11s of %s delivered, %s a second, %d MB anonymous memory"
                    % (format(done, ","), format(count, ","), format(int(done / (told - began)), ","),
                       self.memory.now_bytes >> 20))
        took_s = time.monotonic() - began
        took_ms = probe.finish()
        self.accepted += len(took_ms)
        return count / took_s, took_ms

    def wrong_counts(self):
        """What does not add up at the end, as text; empty when everything is as it should be."""
        depth = {}

        def settled():
            depth.update(self.operator.status()["depth"])
            return not depth["out"] and not depth["ready"] or pause()
        until(settled, "everything that was due is settled")
        stats = self.ring.sim.get("/sim/stats")
        kept = depth["scheduled"] + depth["settled"]
        wrong = []
        if kept != self.accepted:
            wrong.append("%d accepted, %d known" % (self.accepted, kept))
        if depth["settled"] != stats["delivered"] or depth["dead"] or depth["damaged"]:
            wrong.append("%s, but %d delivered" % (depth, stats["delivered"]))
        if stats["duplicates"] or stats["calls"] != stats["delivered"]:
            wrong.append("%d calls for %d deliveries, %d of them repeated" % (stats["calls"], stats["delivered"],
                                                                              stats["duplicates"]))
        return "; ".join(wrong)


def percentile(values, percent):
    return values[min(len(values) - 1, len(values) * percent // 100)]


def check_disk(folder, count):
    needed, free = count * DISK_BYTES_EACH + (1 << 30), shutil.disk_usage(folder).free
    say("disk: %d MB needed at most in %s, %d MB free" % (needed >> 20, folder, free >> 20))
    if free < needed:
        raise SystemExit("scale: not enough free disk; give another folder with --folder, or a smaller COUNT")


def make_ring(journal):
    ring = Ring(templates={"test": TEMPLATE}, senders=2, gateways=0, sim=["--latency", "0"],
                conf={"sender": {"slots": "128", "timeout": "30s", "connect_timeout": "10s"},
                      "broker": {"lease": "5s", "min_free_space": "256M"}, "log": {"log_level": "warn"}})
    if not journal:
        at = ring.sim.arguments.index("--journal")
        del ring.sim.arguments[at:at + 2]
    return ring


def measure(ring, count, burst, processes, group=None, margin_s=MARGIN_S):
    """Prints what it finds; returns (figures, what is wrong, sorted ms of the pushes during the burst)."""
    scale, wrong = Scale(ring, processes, margin_s), []
    now_ms = int(time.time() * 1000)
    say("loading %s messages, due at random within 300 days" % format(count - burst, ","))
    rate = scale.load("s-", count - burst, (now_ms + DAY_MS, now_ms + 300 * DAY_MS))
    restart_ms = scale.restart()
    say("killed; from its start to the first accepted push: %.0f ms" % restart_ms)
    cold_ms = scale.restart(group, cold=True)
    say("the same with an empty file cache%s: %.0f ms"
        % (", from here on confined to %d MB in all" % (MEMORY_BYTES >> 20) if group else "", cold_ms))
    say("loading %s messages, due in one second" % format(burst, ","))
    burst_per_s, took_ms = scale.burst(burst, rate / 2)
    slow = sum(ms > STALL_MS for ms in took_ms)
    say("burst: %s messages a second" % format(int(burst_per_s), ","))
    say("%d pushes meanwhile: median %.1f ms, 99 of 100 below %.1f ms, longest %.0f ms, %d over %d ms"
        % (len(took_ms), percentile(took_ms, 50), percentile(took_ms, 99), took_ms[-1], slow, STALL_MS))
    if group:
        say("memory of the broker in all, file cache included: %d MB at most" % (group.peak_bytes() >> 20))
    counts = scale.wrong_counts()
    sanitized = is_sanitized(ring["broker"].process.pid)
    scale.memory.stopped.set()
    if counts:
        wrong.append(counts)
    if not sanitized and scale.memory.peak_bytes >= ANON_BYTES_MAX:
        wrong.append("memory that is not file cache: over %d MB" % (ANON_BYTES_MAX >> 20))
    figures = {"scheduled": scale.accepted, "anon_mb": -(-scale.memory.peak_bytes >> 20),
               "store_mb": scale.store_bytes() >> 20, "restart_ms": round(max(restart_ms, cold_ms)),
               "burst_per_s": int(burst_per_s)}
    return figures, wrong, took_ms


def run(count, burst=None, processes=2, confined=True, journal=False):
    burst = min(count // 10, 1000000) if burst is None else burst
    group = confine.make(MEMORY_BYTES) if confined else None
    say("memory control group of %d MB: %s"
        % (MEMORY_BYTES >> 20, "yes" if group else "no, this machine does not allow it" if confined else "not wanted"))
    try:
        with make_ring(journal) as ring:
            figures, wrong, took_ms = measure(ring, count, burst, processes, group)
    finally:
        if group:
            group.remove()
    if figures["restart_ms"] > RESTART_MS_MAX:
        wrong.append("the restart took longer than %d ms" % RESTART_MS_MAX)
    if took_ms[-1] > STALL_MS_MAX:
        wrong.append("a push took %d ms during the burst" % took_ms[-1])
    for text in wrong:
        say("wrong: " + text)
    say(" ".join("%s=%d" % pair for pair in figures.items()))
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("count", type=int, nargs="?", default=10000000)
    parser.add_argument("--burst", type=int, help="messages due in one second (a tenth, at most a million)")
    parser.add_argument("--processes", type=int, default=2, help="that load (2)")
    parser.add_argument("--unconfined", action="store_true", help="no memory control group")
    parser.add_argument("--folder", help="for the store; default is the folder for temporary files")
    options = parser.parse_args()
    if options.folder:
        tempfile.tempdir = os.path.abspath(options.folder)
    check_disk(tempfile.gettempdir(), options.count)
    return run(options.count, options.burst, options.processes, not options.unconfined)


if __name__ == "__main__":
    sys.exit(main())
