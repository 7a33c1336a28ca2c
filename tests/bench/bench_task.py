"""Bulk tasks: how fast mega-task feeds them, and what becomes of single messages meanwhile.

Three parts. A task of 50,000 rows alone, with calls that take 100 ms and 5 ms: from its start until it is done. Two tasks that keep all
slots busy, beside them Sends in the lane `express` and Pushes in the tasks' own lane `bulk`, one by one; the simulator's journal tells
whose calls were made when. And a task of ten million rows that nobody sends: what its size costs (big_task.py).
"""
import collections
import time

import big_task
from bench_set import bench_set, cpu_s, memory_kb
from figures import Figure, percentile
from instructions import VARIABLES
from ring import pause
from tasks import Tasks

NAME = "task"
WHAT = "bulk tasks: how fast, beside single messages, and with ten million rows"
ROWS = 50000
SENDERS = 2
FEW, MANY = 64, 512  # slots of a sender
ALONE = (("few", FEW, 100), ("many", MANY, 100), ("quick", MANY, 5))  # name, slots, ms a call

BESIDE_ROWS = 40000  # of each of the two; more than are sent while both run
BESIDE_MS = 100
APART_S, WARM_S = 5, 3
SENDS, PUSHES, PUSHES_APART_MS = 120, 20, 250
WINDOW_S = 2  # that of task/feed.c


def per_s(slots, ms):
    return slots * SENDERS * 1000 / ms


def figures_alone(name, slots, ms):
    what = "%s rows, %d slots, %d ms: " % (format(ROWS, ","), slots * SENDERS, ms)
    aims = {"few": ("≥ 90 %% of %s" % format(round(per_s(FEW, 100)), ","), lambda m: m["few_per_s"] >= 0.9 * per_s(FEW, 100)),
            "many": ("under 60 s", lambda m: m["many_s"] < 60)}
    aim = aims.get(name, (None, None))
    return [Figure(name + "_s", what + "start to done", "s", *(aim if name == "many" else ())),
            Figure(name + "_per_s", what + "results", "/s", *(aim if name == "few" else ())),
            Figure(name + "_us", what + "processor time of mega-task for a row", "µs"),
            Figure(name + "_mb", what + "most memory of mega-task", "MB")]


FIGURES = [figure for case in ALONE for figure in figures_alone(*case)]
FIGURES += [Figure("idle_p50", "express Send, nothing else runs: half within", "ms"),
            Figure("idle_p99", "express Send, nothing else runs: 99 of 100 within", "ms"),
            Figure("express_p50", "express Send beside two tasks: half within", "ms",
                   "5 × nothing else", lambda m: m["express_p50"] < 5 * m["idle_p50"]),
            Figure("express_p99", "express Send beside two tasks: 99 of 100 within", "ms",
                   "5 × nothing else", lambda m: m["express_p99"] < 5 * m["idle_p99"]),
            Figure("bulk_p50", "Push in the tasks' lane: half sent after", "ms"),
            Figure("bulk_max", "Push in the tasks' lane: all sent after", "ms",
                   "window and a call: %s ms" % format(WINDOW_S * 1000 + BESIDE_MS, ","),
                   lambda m: m["bulk_max"] <= WINDOW_S * 1000 + BESIDE_MS),
            Figure("share", "two tasks: share of the one that began first while both run", "%", "40 to 60 %",
                   lambda m: 40 <= m["share"] <= 60),
            Figure("share_least", "two tasks: least share of either in a second", "%"),
            Figure("both_per_s", "two tasks: calls of both, of %s that the slots can make" % format(round(per_s(FEW, BESIDE_MS)), ","),
                   "/s")]
FIGURES += big_task.FIGURES


def rows(count, prefix):
    return [("o%s%020d" % (prefix, i), VARIABLES) for i in range(count)]


# --- alone ------------------------------------------------------------------------------------------------------------

def alone(name, slots, ms):
    with bench_set(slots, SENDERS, str(ms), task=True) as ring:
        tasks, pid = Tasks(ring), ring["task"].process.pid
        tasks.make("alone", rows(ROWS, "Alone"))
        before_s, began = cpu_s(pid), time.monotonic()
        tasks.ask("start", name="alone")
        task = tasks.wait("alone", "done", seconds=300)
        took_s, used_s = time.monotonic() - began, cpu_s(pid) - before_s
        assert task["sent"] == ROWS, task
        return {name + "_s": took_s, name + "_per_s": ROWS / took_s, name + "_us": used_s * 1e6 / ROWS,
                name + "_mb": memory_kb(pid, "VmHWM") / 1024}


# --- beside single messages -------------------------------------------------------------------------------------------

def express_ms(client, prefix):
    """Sorted times of Sends, one after the other."""
    times = []
    for i in range(SENDS):
        began = time.monotonic()
        result = client.ask_one(op="send", openid="o%s%d" % (prefix, i), key="test", vars=VARIABLES, lane="express")
        assert result["code"] == 200, result
        times.append((time.monotonic() - began) * 1000)
    return sorted(times)


def push_singly(client):
    """Pushes one by one and waits until all are sent. Returns {openid: ms since 1970 when it was accepted}."""
    accepted, ids = {}, []
    for i in range(PUSHES):
        result = client.ask_one(op="push", openid="oSingle%d" % i, key="test", vars=VARIABLES, lane="bulk")
        assert result["code"] == 200, result
        accepted["oSingle%d" % i] = time.time() * 1000
        ids.append(result["id"])
        pause(PUSHES_APART_MS)
    results = client.ask(*[dict(op="status", id=one, wait=True) for one in ids])
    assert all(one["state"] == "sent" for one in results), results
    return accepted


def shares(calls, from_ms, to_ms):
    """What two tasks got in the whole seconds of a time: (share of the first, least share of either in one of them, calls a second)."""
    counts = collections.defaultdict(lambda: [0, 0])
    seconds = int((to_ms - from_ms) // 1000)
    for call in calls:
        second = int((call["t"] - from_ms) // 1000)
        if 0 <= second < seconds and call["openid"].startswith(("oFirst", "oSecond")):
            counts[second][call["openid"].startswith("oSecond")] += 1
    first, both = sum(one[0] for one in counts.values()), sum(map(sum, counts.values()))
    return 100 * first / both, min(100 * min(one) / sum(one) for one in counts.values()), both / seconds


def beside():
    ring = bench_set(FEW, SENDERS, str(BESIDE_MS), task=True)
    ring.sim.arguments += ["--journal", ring.sim.journal_path]
    with ring:
        client, tasks = ring.client(), Tasks(ring)
        idle = express_ms(client, "Idle")
        for name in ("First", "Second"):
            tasks.make(name, rows(BESIDE_ROWS, name))
        tasks.ask("start", name="First")
        pause(APART_S * 1000)
        tasks.ask("start", name="Second")
        pause(WARM_S * 1000)
        from_ms = time.time() * 1000
        express = express_ms(client, "Express")
        accepted = push_singly(client)
        to_ms = time.time() * 1000
        for name in ("First", "Second"):
            assert tasks.show(name)["state"] == "running", "too few rows"
            tasks.ask("stop", name=name)
        calls = ring.sim.delivered()
    bulk = sorted(call["done"] - accepted[call["openid"]] for call in calls if call["openid"] in accepted)
    share, share_least, both = shares(calls, from_ms, to_ms)
    return {"idle_p50": percentile(idle, 50), "idle_p99": percentile(idle, 99), "express_p50": percentile(express, 50),
            "express_p99": percentile(express, 99), "bulk_p50": percentile(bulk, 50), "bulk_max": bulk[-1],
            "share": share, "share_least": share_least, "both_per_s": both}


def measure():
    figures = {}
    for case in ALONE:
        figures.update(alone(*case))
    return {**figures, **beside(), **big_task.measure()}
