"""What calls that take their time leave of the senders' slots: deliveries a second, of slots / latency that there can be.

Pushed, not sent with Send: the messages lie in the store, indexed, before the first one is called, so that nothing is measured
but how fast a slot that has become free is filled again. That takes the whole ring: a result goes to the broker, which gives out
the next message, which is rendered and called. Counted are the deliveries of the simulator.

libcurl's bare loop, with as many calls in flight against the same kind of simulator, says what this machine can do at all. 4,096
slots and 100 ms want more processors than many machines have; with 400 ms the same slots want a quarter of that.
"""
import time

from bench_set import bench_set, load, pause_sending
from figures import Figure
from ring import pause, until
from simulator import all_delivered, bare_calls, simulator

NAME = "slots"
WHAT = "calls that take 100 ms each, with 64, 512 and 4,096 slots"
CASES = ((64, 100), (512, 100), (4096, 100), (4096, 400))  # slots, ms
SENDERS = 2
WARM_S, SECONDS, SECONDS_MAX = 1.5, 4, 6
CALLS_A_SECOND_MAX = 25000  # bounds what is loaded: more than two processors make


def possible(slots, ms):
    return slots * 1000 / ms


def names(slots, ms):
    return "ours_%d_%dms" % (slots, ms), "calls_%d_%dms" % (slots, ms)


def figures_of(slots, ms):
    ours, calls = names(slots, ms)
    what = "%s slots, %d ms" % (format(slots, ","), ms)
    return [Figure(ours, what, "/s", "≥ 95 %% of %s" % format(round(possible(slots, ms)), ","),
                   lambda m: m[ours] >= 0.95 * possible(slots, ms)),
            Figure(calls, what + ": bare libcurl loop", "/s")]


FIGURES = [figure for case in CASES for figure in figures_of(*case)]


def fill(ring, count):
    """Pushes at least so many messages and waits until they are indexed. Returns how many wait."""
    operator, waiting = ring.operator(), 0
    while waiting < count:
        load(ring.port(), command="push", seconds=min(1, count / 20000), warm=0)
        waiting = operator.status()["depth"]["ready"]
    until(lambda: operator.status()["store"]["index_left"] == 0 or pause(), "the index is complete")
    return waiting


def rate(sim, slots, ms):
    """Deliveries a second over whole latencies: calls that began together end together, and would count all or not at all."""
    before, began = all_delivered(sim), time.monotonic()
    wanted = before + slots * round(SECONDS * 1000 / ms)
    sim.get("/sim/wait?delivered=%d&timeout_ms=%d" % (wanted, SECONDS_MAX * 1000))
    return (all_delivered(sim) - before) / (time.monotonic() - began)


def ours(slots, ms):
    with bench_set(slots // SENDERS, SENDERS, str(ms)) as ring:
        pause_sending(ring)
        waiting = fill(ring, int(min(possible(slots, ms), CALLS_A_SECOND_MAX) * (WARM_S + SECONDS_MAX + 1)))
        answer = ring.operator().ask("resume", filter={"all": True})
        assert answer["code"] == 200, answer
        pause(WARM_S * 1000)  # connections are made, and calls do not end all at once any more
        figure = rate(ring.sim, slots, ms)
        assert all_delivered(ring.sim) + slots < waiting, "not enough was loaded: %d" % waiting
    return figure


def measure():
    figures = {}
    for slots, ms in CASES:
        our_name, calls_name = names(slots, ms)
        figures[our_name] = ours(slots, ms)
        with simulator(str(ms)) as sim:
            figures[calls_name] = bare_calls(sim, slots, warm=WARM_S, seconds=SECONDS_MAX)["per_s"]
    return figures
