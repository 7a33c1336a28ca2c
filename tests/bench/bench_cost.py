"""What a message costs each stage: processor time under load, and instructions.

Processor time is what the system charges a process, in itself and in the kernel, with 50 busy connections of 32 requests each:
once with sending paused, once with sending on, from the first request until the last message is sent. Instructions are counted
with one client that hands over one message after the other, or 32 at a time; see instructions.py.
"""
from bench_set import bench_set, cpu_s, load, pause_sending
from figures import Figure
from instructions import STAGES, per_message
from ring import LIMIT_S

NAME = "cost"
WHAT = "processor time and instructions of each stage for a message"

ACCEPT_S = 2   # some 200,000 messages
DELIVER_S = 1  # some 50,000, which are sent meanwhile and afterwards
COUNTS = {"push_1": ("push", 1, (100, 500), "accepted, one after the other"),
          "push_32": ("push", 32, (10, 50), "accepted, 32 at a time"),
          "send_1": ("send", 1, (100, 500), "accepted and sent, one after the other"),
          "send_32": ("send", 32, (10, 50), "accepted and sent, 32 at a time")}
ACCEPTING = ("gateway", "broker")  # the stages that have part in it
LOADED = {"accept": ("accepted only", ACCEPTING), "deliver": ("accepted and sent", (*STAGES, "simulator"))}


def taking_part(command):
    return ACCEPTING if command == "push" else STAGES


FIGURES = [Figure("%s_%s_us" % (load_name, stage), "%s, %s" % (stage, label), "µs")
           for load_name, (label, stages) in LOADED.items() for stage in stages]
FIGURES += [Figure("%s_%s" % (stage, name), "%s, %s" % (stage, label), "instructions")
            for name, (command, _, _, label) in COUNTS.items() for stage in taking_part(command)]


def used_s(ring):
    """Processor seconds so far of each kind of process; those of several senders together."""
    used = {"simulator": cpu_s(ring.sim.process.pid)}
    for name, stage in ring.stages.items():
        kind = name.split("-")[0]
        used[kind] = used.get(kind, 0) + cpu_s(stage.process.pid)
    return used


def accepted(ring):
    depth = ring.operator().status()["depth"]
    return sum(depth[place] for place in ("ready", "parked", "out", "settled", "dead"))


def each_us(before, after, messages, name):
    return {"%s_%s_us" % (name, stage): (after[stage] - before[stage]) * 1e6 / messages for stage in LOADED[name][1]}


def accept_only():
    with bench_set() as ring:
        pause_sending(ring)
        before = used_s(ring)
        load(ring.port(), seconds=ACCEPT_S, warm=0)
        messages = accepted(ring)
        return each_us(before, used_s(ring), messages, "accept")


def accept_and_deliver():
    with bench_set() as ring:
        before = used_s(ring)
        load(ring.port(), seconds=DELIVER_S, warm=0)
        messages = accepted(ring)
        ring.sim.wait(seconds=LIMIT_S, delivered=messages)
        return each_us(before, used_s(ring), messages, "deliver")


def measure():
    values = {**accept_only(), **accept_and_deliver()}
    for name, (command, window, windows, _) in COUNTS.items():
        found = per_message(command, window, windows)
        values.update({"%s_%s" % (stage, name): found[stage] for stage in taking_part(command)})
    return values
