"""The simulator alone, and what calls it in the place of our senders: libcurl's bare loop and wrk.

Used by bench_send and bench_slots.
"""
import contextlib
import os
import shutil
import tempfile

from bench_set import run_tool
from ring import APP_ID, SECRET, Sim

POST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "post.lua")


@contextlib.contextmanager
def simulator(latency):
    """Of the same kind as bench_set's: no journal."""
    folder = tempfile.mkdtemp(prefix="mega-bench-")
    sim = Sim(folder, ["--latency", latency])
    at = sim.arguments.index("--journal")
    del sim.arguments[at:at + 2]
    try:
        yield sim.start()
    finally:
        if sim.alive():
            sim.kill()
        shutil.rmtree(folder, ignore_errors=True)


def all_delivered(sim):
    """Nothing was refused, so the yardstick made calls like ours. Returns how many were delivered."""
    stats = sim.get("/sim/stats")
    assert stats["calls"] == stats["delivered"] + stats["in_flight"] and stats["delivered"], stats
    return stats["delivered"]


def bare_calls(sim, in_flight, **options):
    """bench-calls; `options` as its own. Returns what it printed."""
    arguments = [word for name, value in options.items() for word in ("--" + name, value)]
    result = run_tool("bench-calls", "--base", sim.base, "--app", APP_ID, "--secret", SECRET, "--calls", in_flight, *arguments)
    assert result["failed"] == 0 and result["calls"] > 0, result
    all_delivered(sim)
    return result


def wrk_calls(sim, in_flight, seconds):
    """wrk with one thread; None when it is not installed. Returns what post.lua printed."""
    program = shutil.which("wrk")
    if program is None:
        return None
    token = sim.get("/cgi-bin/token?grant_type=client_credential&appid=%s&secret=%s" % (APP_ID, SECRET))["access_token"]
    result = run_tool(program, "-t", 1, "-c", in_flight, "-d", "%ds" % seconds, "-s", POST,
                      "%s/cgi-bin/message/template/send?access_token=%s" % (sim.base, token))
    assert result["failed"] == 0, result
    all_delivered(sim)
    return result
