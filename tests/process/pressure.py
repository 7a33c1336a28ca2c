"""Proofs under pressure, with the whole set and the simulator: scripts/upgrade, scripts/overload and scripts/hostile run them, and
test_pressure.py runs short ones.

Callers here know the protocol as a caller should: one request after the other, and what was not answered when a connection ends in
order is sent again, without an id, since it was not accepted. So a message that goes out twice, or is lost, shows.
"""
import argparse
import collections
import itertools
import os
import random
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

import msgpack
import zmq

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from floods import KINDS, flood, sink  # noqa: E402
from ring import LIMIT_S, Ring, Tcp, Zmq, frame, pause, until  # noqa: E402

PAUSE_MAX_S = 2.0  # no caller may wait longer while a stage is started anew
KEPT = 0.8         # of the good ones' throughput, at least
ROUND_KEPT = 0.5   # in a single round beside a flood: callers and flood have to share the machine, too
LARGE_KEPT = 0.1   # beside a flood of large requests: reading them from the network costs the broker more than serving others
FLOOD_TURNS = 4    # of a round, by turns with and without a flood
FLOOD_BEGINS_S = 0.5


def say(text):
    print(text, flush=True)


class Caller(threading.Thread):
    """Pushes one message after the other. `acknowledged`: recipients whose Push was answered 200; `refused`: other answers;
    `errors`: what no caller should see; `gap_s`: the longest time from one acknowledgement to the next."""

    def __init__(self, ring, number, every_s=0.0):
        super().__init__(daemon=True)
        self.ring, self.number, self.every_s = ring, number, every_s
        self.stopped = threading.Event()
        self.acknowledged, self.refused, self.errors = [], collections.Counter(), []
        self.waits_s, self.gap_s, self.reconnects, self.count = [], 0.0, 0, 0

    def run(self):
        last = time.monotonic()
        try:
            while not self.stopped.is_set():
                self.count += 1
                openid = "o-%d-%d" % (self.number, self.count)
                began = time.monotonic()
                code, text = self.push(openid)
                now = time.monotonic()
                self.waits_s.append(now - began)
                if code == 200:
                    self.acknowledged.append(openid)
                    self.gap_s, last = max(self.gap_s, now - last), now
                else:
                    self.refused["%s %s" % (code, text)] += 1
                if self.every_s or code != 200:
                    self.stopped.wait(self.every_s or 0.05)
        except Exception as error:  # told by whoever waits for it
            self.errors.append("%s: %s" % (type(error).__name__, error))
        self.close()

    def stop(self):
        self.stopped.set()
        self.join(LIMIT_S)
        if self.is_alive():
            self.errors.append("hangs")


class TcpCaller(Caller):
    tcp = None

    def push(self, openid):
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            if self.tcp is None:
                self.tcp = Tcp(self.ring.shared_port)  # a refused connection is an error
            try:
                answer = self.tcp.ask("push %s test" % openid, self.count, '{"n":"1"}')
            except (BrokenPipeError, ConnectionResetError):
                answer = None
            if answer is not None:
                return answer[0], answer[2].decode()
            self.close()
            self.reconnects += 1
        raise AssertionError("no answer")

    def close(self):
        if self.tcp is not None:
            self.tcp.close()
            self.tcp = None


class ZmqCaller(Caller):
    client = None

    def push(self, openid):
        self.client = self.client or Zmq(self.ring.frontend)
        request = {"op": "push", "id": openid, "openid": openid, "key": "test", "vars": {"n": "1"}}
        asked = self.client.submit([request])
        result = next(iter(self.client.collect(asked, again_s=0.5).values()))
        return result["code"], result.get("message", "")

    def close(self):
        if self.client is not None:
            self.client.close()


def start_callers(ring, tcp, by_zmq, every_s=0.0, numbers=itertools.count()):
    """`numbers`: of all callers so far; their recipients have their numbers."""
    callers = [kind(ring, next(numbers), every_s) for kind, count in ((TcpCaller, tcp), (ZmqCaller, by_zmq)) for _ in range(count)]
    for caller in callers:
        caller.start()
    return callers


def check_books(ring, callers, seconds=LIMIT_S):
    """Waits until nothing is left to send; returns what is wrong with what was delivered."""
    wanted = {openid for caller in callers for openid in caller.acknowledged}
    operator = ring.operator()

    def is_done():
        depth = operator.status()["depth"]
        return sum(depth[state] for state in ("ready", "scheduled", "parked", "out")) == 0 or pause(100)
    until(is_done, "everything is sent", seconds)
    got = collections.Counter(entry["openid"] for entry in ring.sim.delivered())
    lost = [openid for openid in wanted if got[openid] == 0]
    doubled = [openid for openid, count in got.items() if count > 1]
    say("acknowledged %d, delivered %d, lost %d, doubled %d" % (len(wanted), len(got), len(lost), len(doubled)))
    return ["lost: %s" % lost[:5]] * bool(lost) + ["doubled: %s" % doubled[:5]] * bool(doubled)


# --- upgrade -----------------------------------------------------------------------------------------------------------


class NewBuild:
    """The programs under another path, as an upgrade brings them."""

    def __init__(self, ring, folder):
        self.ring, self.folder = ring, folder

    def take(self, name):
        stage = self.ring[name]
        stage.program = os.path.join(self.folder, os.path.basename(stage.program))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def longest_gap_s(ring, from_ms):
    """Between two calls that WeChat got since then."""
    times = [from_ms] + sorted(entry["t"] for entry in ring.sim.delivered() if entry["t"] >= from_ms)
    return max((b - a for a, b in zip(times, times[1:])), default=0) / 1e3


def upgrade(callers=4, rounds=1, new_bin=None, calm_s=1.0, stages=None):
    """Every stage in turn is drained and started anew under load. Returns what is wrong."""
    port = free_port()
    conf = {"server": {"listen[]": "127.0.0.1:%d" % port}, "sender": {"timeout": "10s"}}
    with Ring(senders=2, gateways=2, templaters=2, task=True, sim=["--latency", "lognormal:200:2500"], conf=conf) as ring:
        ring.shared_port = port
        load = start_callers(ring, callers, callers, every_s=0.02)
        wrong = []
        for name in [name for _ in range(rounds) for name in stages or list(ring.stages)]:
            for caller in load:
                caller.gap_s = 0.0
            began, began_ms = time.monotonic(), time.time() * 1e3
            if new_bin:
                NewBuild(ring, new_bin).take(name)
            ring.restart(name, "term")
            took_s = time.monotonic() - began
            ring.wait_ready()
            end = time.monotonic() + calm_s  # what it did to the callers shows within this time
            while time.monotonic() < end:
                pause(50)
            gap_s = max(caller.gap_s for caller in load)
            sent_gap_s = longest_gap_s(ring, began_ms)
            say("%-12s started anew within %4.0f ms; longest pause of a caller %4.0f ms, of calls to WeChat %4.0f ms"
                % (name, took_s * 1e3, gap_s * 1e3, sent_gap_s * 1e3))
            if max(gap_s, sent_gap_s) > PAUSE_MAX_S:
                wrong.append("%s: a pause of %.1f s, of calls to WeChat %.1f s" % (name, gap_s, sent_gap_s))
        for caller in load:
            caller.stop()
            wrong += ["caller %d: %s" % (caller.number, error) for error in caller.errors]
            wrong += ["caller %d: refused: %s" % (caller.number, text) for text in caller.refused]
        wrong += check_books(ring, load)
        say("connections made again: %d" % sum(caller.reconnects for caller in load))
    return wrong


# --- overload ----------------------------------------------------------------------------------------------------------


def percentile_ms(values, part):
    values = sorted(values)
    return values[int(len(values) * part)] * 1e3 if values else 0.0


def overload(seconds=60, callers=200, wait_max_s=2.0):
    """More callers than there is capacity, with the store's limit reached in the middle: what is accepted is quick and sent, what is
    refused is told, and afterwards everything is as before. Returns what is wrong."""
    conf = {"server": {"listen[]": "127.0.0.1:0"}, "broker": {"min_free_space": "1M"}}
    with Ring(senders=2, sim=["--latency", "5"], conf=conf) as ring:
        ring.shared_port = ring.port()
        wrong, all_of, refused = [], [], collections.Counter()
        for phase, part in (("load", 0.4), ("disk full", 0.2), ("load again", 0.4)):
            if phase != "load":
                set_free_space(ring, "1048576G" if phase == "disk full" else "1M")
            load = start_callers(ring, callers // 2, callers - callers // 2)
            end = time.monotonic() + seconds * part
            while time.monotonic() < end:
                pause(100)
            for caller in load:
                caller.stop()
                wrong += caller.errors
                refused += caller.refused
            waits = [s for caller in load for s in caller.waits_s]
            count = sum(len(caller.acknowledged) for caller in load)
            say("%-10s accepted %7d, %6.0f/s; answered within: half %.0f ms, 99 of 100 %.0f ms, all %.0f ms; refused %d"
                % (phase, count, count / (seconds * part), percentile_ms(waits, .5), percentile_ms(waits, .99), max(waits) * 1e3,
                   sum(sum(c.refused.values()) for c in load)))
            all_of += load
            if phase == "disk full" and not any("min_free_space" in text for text in refused):
                wrong.append("refusals do not say why: %s" % dict(refused))
            if phase != "disk full" and count == 0:
                wrong.append("%s: nothing accepted" % phase)
            if max(waits) > wait_max_s:
                wrong.append("%s: an answer took %.1f s" % (phase, max(waits)))
        say("refusals: %s" % dict(refused))
        wrong += check_books(ring, all_of, seconds=600)
    return wrong


def set_conf(ring, **keys):
    """Gives keys that stand in the configuration other values."""
    with open(ring.conf_path) as f:
        text = f.read()
    for key, value in keys.items():
        text = re.sub(r"(?m)^%s = .*" % key, "%s = %s" % (key, value), text)
    with open(ring.conf_path, "w") as f:
        f.write(text)


def set_free_space(ring, size):
    set_conf(ring, min_free_space=size)
    ring["broker"].signal(signal.SIGHUP)
    client = ring.client()

    def is_told():
        code = client.ask_one(op="check", openid="o", key="test", vars={"n": "1"})["code"]
        return (code == 503) == (size != "1M") or pause(50)
    until(is_told, "min_free_space is %s" % size)


# --- hostile -----------------------------------------------------------------------------------------------------------


class Hostile(threading.Thread):
    """TCP connections that mean no good: half frames, garbage, huge lengths, a byte now and then, and nothing at all."""

    def __init__(self, port, count):
        super().__init__(daemon=True)
        self.port, self.count, self.stopped, self.made = port, count, threading.Event(), 0

    def open_one(self, kind):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT_S)
        s.setblocking(False)
        whole = frame("push o-bad test", 1, '{"n":"1"}')
        first = {"half": whole[:9], "garbage": os.urandom(64), "huge": b"\xff\xff\xff\xff" + b"x" * 60,
                 "long": b"\x00\x20\x00\x00" + b"\x00\x00\x00\x05", "slow": whole[:1], "silent": b""}[kind]
        try:
            s.send(first)
        except OSError:
            pass
        self.made += 1
        return s

    def run(self):
        kinds = ("half", "garbage", "huge", "long", "slow", "silent")
        conns = {}
        for i in range(self.count):
            if self.stopped.is_set():
                break
            kind = kinds[i % len(kinds)]
            s = self.open_one(kind)
            conns[s] = kind
        while not self.stopped.is_set():
            for s in random.sample(list(conns), min(100, len(conns))):
                kind = conns.pop(s)
                try:
                    ended = s.recv(4096) == b""
                except BlockingIOError:
                    ended = False
                except OSError:
                    ended = True
                try:
                    if not ended and kind == "slow":
                        s.send(b"\x00")
                except OSError:
                    ended = True
                if ended:  # it comes again
                    s.close()
                    s = self.open_one(kind)
                conns[s] = kind
            self.stopped.wait(0.1)
        for s in conns:
            s.close()


def throughput(ring, callers, seconds):
    """Acknowledgements a second of callers with 32 messages unanswered each, over TCP and ZeroMQ; and the longest wait."""
    stop, counts, errors, waits = threading.Event(), collections.Counter(), [], [0.0]
    begin = time.monotonic()

    def by_tcp(number):
        tcp, sent = Tcp(ring.shared_port), {}
        for i in range(32):
            tcp.send(frame("push o-%d-%d test" % (number, i), i, '{"n":"1"}'))
            sent[i] = time.monotonic()
        while not stop.is_set():
            answer = tcp.read()
            if answer is None or answer[0] != 200:
                errors.append("TCP caller: %s" % (answer,))
                return
            now = time.monotonic()
            waits[0] = max(waits[0], now - sent[answer[1]])
            counts[number] += 1
            sent[answer[1]] = now
            tcp.send(frame("push o-%d-%d test" % (number, answer[1]), answer[1], '{"n":"1"}'))
        tcp.close()

    def by_zmq(number):
        client = Zmq(ring.frontend)
        while not stop.is_set():
            asked = client.submit([{"op": "push", "openid": "o-%d-%d" % (number, i), "key": "test", "vars": {"n": "1"}} for i in range(32)])
            began = time.monotonic()
            results = client.collect(asked, again_s=30)
            waits[0] = max(waits[0], time.monotonic() - began)
            bad = [r for r in results.values() if r["code"] != 200]
            if bad:
                errors.append("ZeroMQ caller: %s" % bad[0])
                return
            counts[number] += len(results)
        client.close()
    threads = [threading.Thread(target=by_tcp if i % 2 else by_zmq, args=(i,), daemon=True) for i in range(callers)]
    for thread in threads:
        thread.start()
    end = begin + seconds
    while time.monotonic() < end:
        pause(50)
    stop.set()
    took_s = time.monotonic() - begin
    for thread in threads:
        thread.join(LIMIT_S)
    return sum(counts.values()) / took_s, waits[0], errors


class Measured:
    """Throughput of the good callers beside this and that, round by round."""

    def __init__(self, ring, callers, wrong):
        self.ring, self.callers, self.wrong = ring, callers, wrong
        self.operator = ring.operator()
        self.found = collections.defaultdict(list)

    def measure(self, what, seconds):
        per_s, wait_s, errors = throughput(self.ring, self.callers, seconds)
        self.wrong.extend("%s: %s" % (what, e) for e in errors)
        if wait_s > 5:
            self.wrong.append("%s: a good caller waited for %.1f s" % (what, wait_s))
        return per_s, wait_s

    def note(self, what, per_s, wait_s):
        self.found[what].append(per_s)
        say("  %-28s %7.0f/s, longest wait %4.0f ms" % (what, per_s, wait_s * 1e3))

    def is_drained(self):
        """Whether nothing more is accepted of what a flood has left behind."""
        accepted = self.operator.status()["totals"]["accepted"]
        pause(100)
        return self.operator.status()["totals"]["accepted"] == accepted

    def beside_flood(self, kind, endpoint, seconds):
        with flood(endpoint, kind):
            self.measure(kind, FLOOD_BEGINS_S)
            result = self.measure(kind, seconds)
        until(self.is_drained, "what the flood has left behind is served", 120)
        return result

    def compare_floods(self, kind, sunk, seconds):
        """By turns at the frontend and into the sink, for what its processor time costs, so that both meet the same machine."""
        sums = [[], []]
        for _ in range(FLOOD_TURNS):
            for taken, endpoint in zip(sums, (sunk, self.ring.frontend)):
                taken.append(self.beside_flood(kind, endpoint, seconds / FLOOD_TURNS))
        for what, taken in zip(("%s flood elsewhere", "%s flood at the frontend"), sums):
            self.note(what % kind, sum(one[0] for one in taken) / FLOOD_TURNS, max(one[1] for one in taken))

    def judge(self, what, to, kept, round_kept):
        part = statistics.median(self.found[what]) / statistics.median(self.found[to])
        parts = [a / b for a, b in zip(self.found[what], self.found[to])]
        say("%s: %.0f %% of %s; round by round %s" % (what, part * 100, to, ", ".join("%.0f %%" % (one * 100) for one in parts)))
        if part < kept:
            self.wrong.append("%s: %.0f %% are left, not %.0f %%" % (what, part * 100, kept * 100))
        if min(parts) < round_kept:
            self.wrong.append("%s: %.0f %% are left in a round, not %.0f %%" % (what, min(parts) * 100, round_kept * 100))


def hostile(connections=5000, rounds=5, seconds=2, callers=8, kinds=KINDS):
    """Good callers' throughput with and without hostile connections, and beside floods, round by round: medians are compared, and
    each single round. Returns what is wrong."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wrong = []
    conf = {"server": {"listen[]": "127.0.0.1:0"}, "gateway": {"frame_timeout": "5s"}}
    with Ring(senders=1, conf=conf) as ring:
        ring.shared_port = ring.port()
        assert ring.operator().ask("pause", filter={"all": True})["code"] == 200
        throughput(ring, callers, 1)  # warm
        m = Measured(ring, callers, wrong)
        sunk = "ipc://%s/sink" % ring.folder
        with sink(sunk):
            for number in range(rounds):
                say("round %d" % (number + 1))
                m.note("alone", *m.measure("alone", seconds))
                bad = Hostile(ring.shared_port, connections)
                bad.start()
                until(lambda: bad.made >= connections or pause(50), "hostile connections are made", 120)
                m.note("hostile connections", *m.measure("hostile connections", seconds))
                bad.stopped.set()
                bad.join(LIMIT_S)
                for kind in kinds:
                    m.compare_floods(kind, sunk, seconds)
        m.judge("hostile connections", "alone", KEPT, 0)
        for kind in kinds:
            kept = (LARGE_KEPT, 0) if kind == "large" else (KEPT, ROUND_KEPT)
            m.judge(kind + " flood at the frontend", kind + " flood elsewhere", *kept)
        if not ring["gateway-1"].alive() or not ring["broker"].alive():
            wrong.append("a stage has ended")
    return wrong


def main():
    parser = argparse.ArgumentParser(description="proofs under pressure; exit status 0 when they hold")
    parser.add_argument("proof", choices=("upgrade", "overload", "hostile"))
    parser.add_argument("--minutes", type=float, default=3.0, help="overload: how long (3)")
    parser.add_argument("--callers", type=int, default=0, help="callers (upgrade 4 of each kind, overload 200, hostile 8)")
    parser.add_argument("--rounds", type=int, default=0, help="upgrade: times that each stage is started anew (1); hostile: rounds (5)")
    parser.add_argument("--connections", type=int, default=5000, help="hostile: TCP connections (5000)")
    parser.add_argument("--flood", action="append", choices=KINDS, help="hostile: only this kind of flood; may be given several times")
    parser.add_argument("--new", metavar="DIR", help="upgrade: folder of the programs that are started instead")
    o = parser.parse_args()
    if o.proof == "upgrade":
        wrong = upgrade(o.callers or 4, o.rounds or 1, o.new)
    elif o.proof == "overload":
        wrong = overload(o.minutes * 60, o.callers or 200)
    else:
        wrong = hostile(o.connections, o.rounds or 5, callers=o.callers or 8, kinds=o.flood or KINDS)
    for text in wrong:
        say("WRONG: " + text)
    say("%s: %s" % (o.proof, "FAILED" if wrong else "holds"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
