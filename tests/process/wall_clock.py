"""A ring whose stages have a wall clock of their own (libfaketime), which a test may set while they run. Their steady clock
and the simulator's clock stay real.

    with ClockRing() as ring:
        ring.step(-3600)                # seconds; the broker has noticed when this returns
        ring.push(id="a", at=ring.now_ms() + 60000)
"""
import glob
import os
import time

from ring import Process, Ring, pause, until

HOUR_S = 3600
DAY_S = 24 * HOUR_S


def library():
    """The one for programs with threads: the other one reads its file without a lock."""
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert found, "libfaketime is missing: scripts/packages test"
    return found[0]


class ClockProcess(Process):
    """A stage with that clock, and what libfaketime leaves behind of one that was killed."""

    def __init__(self, folder, name, program, arguments, clock_path):
        # AddressSanitizer wants to be the first library; it is linked to the program, so what stands in front does no harm.
        asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        super().__init__(folder, name, program, arguments,
                         dict(LD_PRELOAD=library(), FAKETIME_TIMESTAMP_FILE=clock_path, FAKETIME_NO_CACHE="1",
                              FAKETIME_DONT_FAKE_MONOTONIC="1", ASAN_OPTIONS=asan.lstrip(":")))
        self.pids = []

    def start(self):
        super().start()
        self.pids.append(self.process.pid)
        return self

    def clean(self):
        for pid in self.pids:
            for path in glob.glob("/dev/shm/*faketime_*_%d" % pid):
                os.unlink(path)


class ClockRing(Ring):
    """One sender with one slot, if nothing else is said: calls come one after the other, in the order of giving out."""

    def __init__(self, senders=1, slots=1, broker=None, **shape):
        conf = {"sender": {"slots": str(slots), "timeout": "30s"},
                "broker": dict({"lease": "5s", "ledger_days": "500"}, **(broker or {}))}
        super().__init__(senders=senders, conf=conf, **shape)
        self.clock_path = os.path.join(self.folder, "clock")
        self.set_clock(0)
        self.asker_, self.barriers = None, 0

    def add(self, name, program):
        self.stages[name] = ClockProcess(self.folder, name, program, ["-c", self.conf_path, "-n", name], self.clock_path)
        return self.stages[name]

    def __exit__(self, kind, value, trace):
        try:
            super().__exit__(kind, value, trace)
        finally:
            for stage in self.stages.values():
                stage.clean()

    # --- the clock ---

    def now_ms(self):
        """What the stages' wall clock says."""
        return int((time.time() + self.ahead_s) * 1000)

    def set_clock(self, ahead_s):
        """So far ahead of this machine's clock from now on. Stages read the file at every look at the time."""
        self.ahead_s = ahead_s
        with open(self.clock_path + ".new", "w") as f:
            f.write("%+.3f\n" % ahead_s)
        os.replace(self.clock_path + ".new", self.clock_path)

    def step(self, by_s):
        """Sets the clock while the broker runs, and waits until it has seen that, and has written down what both of its clocks are: one that is
        killed before cannot know how long it was away."""
        seen = self.steps_seen()
        self.set_clock(self.ahead_s + by_s)
        until(lambda: self.steps_seen() > seen or pause(), "the broker notices a step of %s s" % by_s)
        self.operator().ask("pauses")  # answered behind that turn's commit

    def step_to(self, wall_ms):
        self.step(wall_ms / 1000 - time.time() - self.ahead_s)

    def set_wall(self, wall_ms):
        self.set_clock(wall_ms / 1000 - time.time())

    def steps_seen(self):
        return self["broker"].log().count("the wall clock was set")

    # --- messages ---

    def push(self, *requests, **one):
        """Pushes, each accepted when this returns; `n` is what the message says in the simulator's journal."""
        requests = [dict({"openid": "o" + r["id"], "key": "test", "vars": {"n": r["id"]}}, op="push", **r)
                    for r in requests or [one]]
        for result in self.asker().ask(*requests):
            assert result["code"] == 200, result

    def asker(self):
        if self.asker_ is None:
            self.asker_ = self.client()
        return self.asker_

    def settled(self, *ids):
        """The states of the messages, as soon as all of them are settled."""
        states = []

        def look():
            states[:] = [r.get("state") for r in self.asker().ask(*[dict(op="status", id=x) for x in ids])]
            return not {"waiting", "out"} & set(states)
        until(look, "settled: %s" % (ids,))
        return states

    def barrier(self):
        """A message that goes at once. What was due before it has been called when this returns."""
        self.barriers += 1
        name = "barrier-%d" % self.barriers
        self.push(id=name)
        assert self.settled(name) == ["sent"]

    def calls(self):
        """Messages called at WeChat, in the order of their first calls, without the barriers: [(id, result)]."""
        entries = sorted(self.sim.journal(), key=lambda e: e["t"])
        said = [(e["body"].split('"value":"')[1].split('"')[0], e["result"]) for e in entries]
        return [(n, result) for n, result in said if not n.startswith("barrier")]

    def delivered(self):
        return [n for n, result in self.calls() if result == "delivered"]
