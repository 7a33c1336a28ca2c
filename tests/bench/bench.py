"""Runs the benchmarks of this folder and prints one table for each; see README.md.

    bench.py [NAME…] [--rounds N] [--json FILE] [--list]

A benchmark is a module here with NAME, WHAT, FIGURES and measure(). measure() starts what it needs, ours and the yardsticks one
after the other, and returns {figure: number}; it is called once a round, so what is compared is measured in turn, round by round,
under the same load of the machine. A figure that could not be measured (a program of Debian's is missing, say) is left out.

Exit status: 0 all were measured (whether or not an aim was reached), 1 one failed, 2 wrong usage.
"""
import argparse
import importlib
import json
import os
import statistics
import sys
import tempfile
import time

from figures import machine

MODULES = ("accept", "busy", "latency", "send", "slots", "idle", "lag", "task", "cost", "memory", "curve")
HERE = os.path.dirname(os.path.abspath(__file__))


def say(text=""):
    print(text, flush=True)


def available():
    """The benchmarks, by name, in the order in which they run."""
    return {name: importlib.import_module("bench_" + name) for name in MODULES
            if os.path.exists(os.path.join(HERE, "bench_%s.py" % name))}


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": values}


def run(module, rounds):
    """Returns {figure: summary}."""
    values = {}
    for number in range(rounds):
        began = time.monotonic()
        for name, value in module.measure().items():
            values.setdefault(name, []).append(value)
        say("  round %d of %d: %.0f s" % (number + 1, rounds, time.monotonic() - began))
    return {name: summary(all_of) for name, all_of in values.items()}


def number(value, unit):
    if unit in ("/s", "calls", "messages"):
        return format(round(value), ",")
    return "%.2f" % value if abs(value) < 10 else "%.1f" % value if abs(value) < 1000 else format(round(value), ",")


def table(figures, found):
    """Lines of a Markdown table."""
    medians = {name: one["median"] for name, one in found.items()}
    yield "| figure | median | lowest to highest | aim | reached |"
    yield "|---|---:|---:|---|---|"
    for figure in figures:
        if figure.name not in found:
            yield "| %s | not measured | | %s | |" % (figure.label, figure.aim or "")
            continue
        one = found[figure.name]
        yield "| %s | %s %s | %s to %s | %s | %s |" % (
            figure.label, number(one["median"], figure.unit), figure.unit, number(one["min"], figure.unit),
            number(one["max"], figure.unit), figure.aim or "", figure.verdict(medians))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (all)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--json", metavar="FILE", help="write what was measured there as well")
    parser.add_argument("--folder", help="for stores and logs; default is the folder for temporary files")
    parser.add_argument("--list", action="store_true", help="print the names and what they measure")
    options = parser.parse_args()
    benchmarks = available()
    if options.list:
        for name, module in benchmarks.items():
            say("%-8s %s" % (name, module.WHAT))
        return 0
    unknown = [name for name in options.names if name not in benchmarks]
    if unknown or options.rounds < 1:
        parser.error("unknown: %s; there are: %s" % (" ".join(unknown), " ".join(benchmarks)) if unknown
                     else "--rounds: at least 1")
    if options.folder:
        tempfile.tempdir = os.path.abspath(options.folder)
    about, results, failed = machine(tempfile.gettempdir()), {}, 0
    say("\n".join("%s: %s" % pair for pair in about.items()))
    for name in options.names or benchmarks:
        module = benchmarks[name]
        say("\n## %s: %s\n" % (name, module.WHAT))
        try:
            results[name] = run(module, options.rounds)
        except Exception as error:  # the others are measured all the same
            say("  failed: %s: %s" % (type(error).__name__, error))
            failed = 1
            continue
        say()
        for line in table(module.FIGURES, results[name]):
            say(line)
    if options.json:
        with open(options.json, "w") as f:
            json.dump({"machine": about, "rounds": options.rounds, "benchmarks": results}, f, indent=1)
    return failed


if __name__ == "__main__":
    sys.exit(main())
