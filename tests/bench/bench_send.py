"""Send from end to end: over TCP, through the store, rendered, called, answered, when WeChat takes no time at all.

More Sends are unanswered than the senders have slots, so what is measured is what all programs do for a message on this
machine. The yardsticks make the same calls to the same kind of simulator, as many in flight as the senders have slots, and do
nothing else: one loop of libcurl, and wrk. The processor times are of the whole run of each, divided by what the simulator
delivered in it.
"""
from bench_set import bench_set, cpu_s, load
from figures import Figure
from simulator import all_delivered, bare_calls, simulator, wrk_calls

NAME = "send"
WHAT = "Sends a second from end to end, and what libcurl and wrk alone can do"
SECONDS = 5
SLOTS, SENDERS = 128, 2
CONNECTIONS, WINDOW = 50, 32  # 1,600 unanswered for 256 slots
KINDS = ("gateway", "broker", "templater", "sender")

FIGURES = [Figure("ours", "Sends answered", "/s", "≥ 50 % of the bare libcurl loop", lambda m: m["ours"] >= 0.5 * m["calls"]),
           Figure("calls", "calls of the bare libcurl loop", "/s"),
           Figure("wrk", "calls of wrk", "/s")]
FIGURES += [Figure("cpu_" + kind, "processor time for 1,000 Sends: " + label, "ms")
            for kind, label in [(kind, kind) for kind in KINDS] + [("sim", "simulator"), ("load", "bench-load")]]
FIGURES += [Figure("cpu_calls", "processor time for 1,000 calls: bare libcurl loop", "ms"),
            Figure("cpu_calls_sim", "processor time for 1,000 calls: its simulator", "ms")]


def processes(ring):
    """{kind: pids}."""
    found = {kind: [stage.process.pid for name, stage in ring.stages.items() if name.split("-")[0] == kind] for kind in KINDS}
    return dict(found, sim=[ring.sim.process.pid])


def used_s(ring):
    return {kind: sum(map(cpu_s, pids)) for kind, pids in processes(ring).items()}


def ours():
    with bench_set(SLOTS, SENDERS) as ring:
        before = used_s(ring)
        result = load(ring.port(), command="send", connections=CONNECTIONS, window=WINDOW, seconds=SECONDS)
        after, delivered = used_s(ring), all_delivered(ring.sim)
    figures = {"cpu_" + kind: (after[kind] - before[kind]) * 1e6 / delivered for kind in after}
    return dict(figures, ours=result["per_s"], cpu_load=result["cpu_s"] * 1e6 / delivered)


def bare():
    with simulator("0") as sim:
        result = bare_calls(sim, SLOTS * SENDERS, seconds=SECONDS)
        delivered = all_delivered(sim)
        return {"calls": result["per_s"], "cpu_calls": result["cpu_s"] * 1e6 / delivered,
                "cpu_calls_sim": cpu_s(sim.process.pid) * 1e6 / delivered}


def measure():
    figures = dict(ours(), **bare())
    with simulator("0") as sim:
        result = wrk_calls(sim, SLOTS * SENDERS, SECONDS)
    return dict(figures, wrk=result["per_s"]) if result else figures
