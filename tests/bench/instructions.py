"""Instructions that a stage executes for one message, counted by callgrind; used by bench_cost.py and tests/process/test_cost.py.

The whole set runs under callgrind, all stages at once, and one client asks in windows: it writes a window of requests at once, and
the next one when all of it is answered. So each turn of a stage finds the same work however slowly the stages run, and the counts
repeat within 2 %, on a busy machine too. It is done twice, with few messages and with many, and the difference is what counts:
what a stage needs to start and to end falls out.

What the kernel does for a process is not counted, nor how long an instruction takes. Another processor type or another version
of the libraries gives other counts.
"""
import json
import os
import shutil

from bench_set import TEMPLATE
from ring import BIN, Ring, frame

STAGES = {"gateway": "gateway-1", "broker": "broker", "templater": "templater-1", "sender": "sender-1"}

# As long as those of bench-load.
VARIABLES = {"first": "your order has been taken and is on its way to you", "keyword1": "20261128-0001-7741",
             "keyword2": "2026-11-28 12:00:00", "keyword3": "39.80", "keyword4": "green tea, 250 g, two tins",
             "remark": "thank you for shopping with us, come again soon"}
BODY = json.dumps(VARIABLES, separators=(",", ":"))

# The times are long because everything is some fifty times slower: nothing is to be asked again, nobody to be thought lost. The
# store is small because callgrind leaves a process too little address space for a usual one.
CONF = {"broker": {"lease": "30s", "store_size": "2G", "min_free_space": "1M"}, "gateway": {"answer_timeout": "60s"},
        "sender": {"slots": "64", "timeout": "30s", "connect_timeout": "10s"}, "log": {"log_level": "warn"}}


class Counted(Ring):
    """The set with one sender, its stages under callgrind. A context manager."""

    def __init__(self):
        self.valgrind = shutil.which("valgrind")
        assert self.valgrind, "there is no valgrind here: scripts/packages test"
        super().__init__(templates={"test": TEMPLATE}, senders=1, sim=["--latency", "0"], conf=CONF)

    def out_path(self, name):
        return os.path.join(self.folder, name + ".callgrind")

    def add(self, name, program):
        stage = super().add(name, program)
        if name in STAGES.values():
            stage.arguments = ["--tool=callgrind", "--quiet", "--callgrind-out-file=" + self.out_path(name),
                               os.path.join(BIN, program)] + stage.arguments
            stage.program = self.valgrind
        return stage

    def finish(self):
        """Ends the stages, the broker last; returns the instructions of each in all."""
        for name in [one for one in STAGES.values() if one != "broker"] + ["broker"]:
            status = self[name].term()
            assert status == 0, "%s ended with %d: %s" % (name, status, self[name].log()[-2000:])
        return {kind: self.total(name) for kind, name in STAGES.items()}

    def total(self, name):
        with open(self.out_path(name)) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("totals:"))


def count(command, window, messages):
    """Instructions of each stage in all, for so many messages of which a window is handed over at a time. Of a push nothing is
    sent; a send is answered when it was."""
    with Counted() as ring:
        if command == "push":
            answer = ring.operator().ask("pause", filter={"all": True})
            assert answer["code"] == 200, answer
        client = ring.tcp()
        for first in range(0, messages, window):
            numbers = range(first, min(first + window, messages))
            client.send(b"".join(frame("%s oBench%022d test" % (command, i), i, BODY) for i in numbers))
            for _ in numbers:
                code, _, message = client.read()
                assert code == 200, message
        return ring.finish()


def per_message(command, window, windows=(8, 40)):
    """Instructions of each stage for one message: {"gateway": 18000.0, …}. `windows` are how many the two runs have."""
    few, many = (window * number for number in windows)
    before, after = count(command, window, few), count(command, window, many)
    return {kind: (after[kind] - before[kind]) / (many - few) for kind in STAGES}
