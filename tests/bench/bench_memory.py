"""Memory of every process of the set: just after its start, and when many messages were accepted and many of them sent.

Anonymous memory is what a process needs for itself. In all counts what it has mapped of files as well: of libraries, and of the
broker's store as much as the system leaves in its cache.
"""
from bench_set import bench_set, load, memory_kb, pause_sending
from figures import Figure
from ring import pause, until

NAME = "memory"
WHAT = "memory of every process, idle and after 50 × 32 unanswered pushes, sent by 2 senders"

ACCEPT_S = 5       # more than 500,000 messages
SENT_MIN = 100000  # of them
KINDS = ("gateway", "broker", "templater", "sender", "token")
WHEN = {"idle": "idle", "loaded": "after the load"}
LABELS = {"sender": "sender (the larger one)"}
FIGURES = [Figure("%s_%s_%s_mb" % (kind, what, when), "%s, %s, %s" % (LABELS.get(kind, kind), label, told), "MB")
           for kind in KINDS for when, told in WHEN.items() for what, label in (("anon", "anonymous"), ("all", "in all"))]
FIGURES += [Figure("accepted", "messages accepted", "messages"), Figure("sent", "of them sent", "messages")]


def look(ring, when):
    values = {}
    for name, stage in ring.stages.items():
        for what, field in (("anon", "RssAnon"), ("all", "VmRSS")):
            figure = "%s_%s_%s_mb" % (name.split("-")[0], what, when)
            values[figure] = max(values.get(figure, 0), memory_kb(stage.process.pid, field) / 1024)
    return values


def measure():
    with bench_set() as ring:
        values = look(ring, "idle")
        pause_sending(ring)
        load(ring.port(), seconds=ACCEPT_S, warm=0)
        operator = ring.operator()
        values["accepted"] = operator.status()["depth"]["ready"]
        operator.ask("resume", filter={"all": True})
        ring.sim.wait(delivered=SENT_MIN)
        operator.ask("pause", filter={"all": True})
        until(lambda: operator.status()["depth"]["out"] == 0 or pause(), "nothing is out any more")
        values["sent"] = ring.sim.get("/sim/stats")["delivered"]
        return {**values, **look(ring, "loaded")}
