"""The set as the benchmarks run it, and the tools of this folder."""
import json
import os
import subprocess

import figures  # noqa: F401: makes tests/process reachable
from ring import BIN, Ring

TEMPLATE = ('{"touser":"${OPENID}","template_id":"T1","data":{"first":{"value":"${first}"},"keyword1":{"value":"${keyword1}"},'
            '"keyword2":{"value":"${keyword2}"},"keyword3":{"value":"${keyword3}"},"keyword4":{"value":"${keyword4}"},'
            '"remark":{"value":"${remark}"}}}')
LIMIT_S = 600


def bench_set(slots=128, senders=2, latency="0", gateways=1, conf=None, task=False):
    """All programs with the settings of a production set, and the simulator without a journal. A context manager."""
    sections = {"sender": {"slots": str(slots), "timeout": "30s", "connect_timeout": "10s"},
                "broker": {"lease": "5s", "min_free_space": "256M"}, "gateway": {"answer_timeout": "10s"},
                "log": {"log_level": "warn"}}
    for name, keys in (conf or {}).items():
        sections.setdefault(name, {}).update(keys)
    ring = Ring(templates={"test": TEMPLATE}, senders=senders, gateways=gateways, sim=["--latency", latency], conf=sections, task=task)
    at = ring.sim.arguments.index("--journal")
    del ring.sim.arguments[at:at + 2]
    return ring


def pause_sending(ring):
    answer = ring.operator().ask("pause", filter={"all": True})
    assert answer["code"] == 200, answer


def run_tool(program, *arguments):
    """Runs one of this folder's tools; returns the JSON of its last line."""
    done = subprocess.run([os.path.join(BIN, program)] + [str(one) for one in arguments], capture_output=True, text=True,
                          timeout=LIMIT_S)
    if done.returncode != 0:
        raise RuntimeError("%s ended with %d: %s" % (program, done.returncode, done.stderr.strip()))
    return json.loads(done.stdout.splitlines()[-1])


def load(port, **options):
    """bench-load on a port of this machine; names as its options. Returns what it printed; a refusal is an error."""
    arguments = [word for name, value in options.items() for word in ("--" + name, value)]
    result = run_tool("bench-load", "--connect", "127.0.0.1:%d" % port, *arguments)
    assert result["refused"] == 0 and result["answers"] > 0, result
    return result


def cpu_s(pid):
    """Processor seconds that a process has used, in itself and in the kernel."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid, what="VmRSS"):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what + ":"))
