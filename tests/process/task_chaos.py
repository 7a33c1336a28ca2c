"""A bulk task while everything is killed, stopped, paused, resumed and restarted at random moments; afterwards each row's count of
deliveries is compared with what the task says of it.

    task_chaos.py ROWS FAULTS [SEED] [--gateways N] [--senders N]

One recipient in fifty is refused by WeChat. Another task runs beside it.

The last line: rows=… sent=… refused=… missing=… doubled=… wrong=… faults=… seconds=…
  missing   rows that were delivered to nobody and are not told as refused
  doubled   recipients that got more than one message
  wrong     counts of the task, or of its list of failures, that are not those of the simulator
The same seed gives the same faults in the same order.
"""
import argparse
import collections
import random
import signal
import sys
import time

from ring import Ring, SIMPLE, pause, until
from tasks import Tasks

REFUSED_EVERY = 50


def recipients(count, prefix):
    return [("%s%s%d" % ("bad" if i % REFUSED_EVERY == 0 else "", prefix, i), {"n": str(i)}) for i in range(count)]


def fault(ring, tasks, name, dice):
    """One random thing. Returns what it was."""
    pause(dice.randint(0, 300))
    if dice.random() < 0.2:
        tasks.ask("pause", name=name)
        pause(dice.randint(0, 200))
        if dice.random() < 0.5:
            ring.restart("task", dice.choice(["kill", "term"]))
        tasks.ask("resume", name=name)
        return "pause and resume", "the task"
    stage = dice.choice(sorted(ring.stages) + ["task", "task", "broker"])
    how = dice.choice(["kill", "kill", "kill", "term", "stop"])
    if how == "stop":
        ring[stage].signal(signal.SIGSTOP)
        pause(dice.choice([20, 200, 700]))  # below and beyond the lease of 500 ms
        ring[stage].signal(signal.SIGCONT)
    else:
        ring.restart(stage, how)
    return how, stage


def is_delivered(entry):
    return entry["result"] in ("delivered", "cut-after")


def compare(ring, tasks, name, prefix, rows):
    """Returns the task as it is shown, and how many rows are missing, doubled and wrong."""
    task, failed = tasks.show(name), tasks.failed(name)
    got = collections.Counter(e["openid"] for e in ring.sim.delivered() if prefix in e["openid"])
    told = collections.Counter(e["openid"] for e in failed)
    missing = [o for o, _ in rows if not got[o] and not told[o]]
    doubled = [o for o, count in got.items() if count > 1]
    counts = {"rows": len(rows), "sent": len(got), "refused": len(told), "pending": 0, "expired": 0, "dead": 0, "cancelled": 0,
              "todo": 0, "out": 0}
    wrong = ["%s: %s, not %d" % (state, task.get(state, 0), count) for state, count in counts.items()
             if task.get(state, 0) != count]
    wrong += ["%s told %d times" % (o, count) for o, count in told.items() if count > 1 or got[o] or not o.startswith("bad")]
    for what in (missing + doubled + wrong)[:10]:
        print("  %s: %s" % (name, what))
    return task, len(missing), len(doubled), len(wrong)


def run(count, faults, seed, gateways=1, senders=2):
    dice, counts, began = random.Random(seed), collections.Counter(), time.monotonic()
    rows, beside = recipients(count, "row-"), recipients(count // 20, "beside-")
    with Ring(task=True, templates={"test": SIMPLE}, senders=senders, gateways=gateways,
              sim=["--latency", "5-40", "--seed", str(seed), "--fault", "bad=43004"],
              conf={"wechat": {"max_attempts": "1000"}}) as ring:
        tasks = Tasks(ring)
        # Fast enough that much is always on its way, and slow enough that the task lasts until the last fault.
        tasks.make("chaos", rows, rate=max(1, int(count / (faults * 0.6 + 1))), start=True)
        tasks.make("beside", beside, start=True)
        for _ in range(faults):
            counts[fault(ring, tasks, "chaos", dice)] += 1
        left = tasks.show("chaos")
        assert left["state"] == "running", "the task was done before the last fault: %s" % left
        ring.wait_ready()
        tasks.ask("rate", name="chaos", rate=0)
        until(lambda: tasks.show("chaos")["state"] == tasks.show("beside")["state"] == "done" or pause(200), "done", seconds=240)
        task, missing, doubled, wrong = compare(ring, tasks, "chaos", "row-", rows)
        other = compare(ring, tasks, "beside", "beside-", beside)
    for (how, name), times in sorted(counts.items()):
        print("%4d x %s %s" % (times, how, name))
    print("rows=%d sent=%d refused=%d missing=%d doubled=%d wrong=%d faults=%d seconds=%d"
          % (count + len(beside), task["sent"] + other[0]["sent"], task["refused"] + other[0]["refused"], missing + other[1],
             doubled + other[2], wrong + other[3], faults, time.monotonic() - began))
    return 1 if missing or doubled or wrong or any(other[1:]) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", type=int)
    parser.add_argument("faults", type=int)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--senders", type=int, default=2)
    options = parser.parse_args()
    return run(options.rows, options.faults, options.seed, options.gateways, options.senders)


if __name__ == "__main__":
    sys.exit(main())
