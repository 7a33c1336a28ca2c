"""The set with mega-listener and what the simulator's bursts tell it, for proofs with very many callbacks: callbacks.py and
series_load.py. No request of these tests is made for a single user: bursts tell the events, and what became of them is read in the
simulator's journal when it is over."""
import array
import json
import os
import socket
import threading
import time

from listener import AES_KEY, TOKEN, Listener
from ring import APP_ID, SECRET, Operator, Ring, pause
from scale import is_sanitized

SAFE_ID = "wxsafe0000000000"
APPS = {"default": APP_ID, "safe": SAFE_ID}
DIGITS_OF_OPENID = 28
WECHAT_S = 5.0  # WeChat's patience
TEMPLATE = '{"touser":"${OPENID}","template_id":"%s","data":{"first":{"value":"x"}}}'


def say(text):
    print(text, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def of_sorted(values, part):
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0


def both_accounts(_, sections):
    """Beside [wechat], whose callbacks are plain, the account `safe` with encrypted ones."""
    return dict(sections, **{"wechat:safe": dict(sections["wechat"], app_id=SAFE_ID, token=TOKEN, encoding_aes_key=AES_KEY)})


class Happenings:
    """A ring with mega-listener, whose callbacks the simulator has: `with Happenings(series, …) as h: h.ring, h.listener`. `series` are
    the definitions by name; each step's template has its key as template_id."""

    def __init__(self, series, keys, accounts=("default",), sim=(), senders=2, conf=None):
        sim = [option for app in accounts for option in ("--account", "%s:%s" % (APPS[app], SECRET))] + list(sim)
        # A port of its own: after a restart WeChat still knows the address.
        conf = dict({"sender": {"slots": "256", "timeout": "10s"}}, **conf or {})
        for section, more in Listener.conf(series="series").items():
            conf[section] = dict(conf.get(section, {}), **more)
        conf["listener"]["listen"] = "127.0.0.1:%d" % free_port()
        self.ring = Ring(templates={key: TEMPLATE % key for key in keys}, senders=senders, gateways=0, sim=sim, conf=conf,
                         ini=both_accounts if "safe" in accounts else None)
        self.accounts, self.series = accounts, series

    def __enter__(self):
        self.ring.__enter__()
        try:
            os.mkdir(os.path.join(self.ring.folder, "series"))
            for name, text in self.series.items():
                with open(os.path.join(self.ring.folder, "series", name + ".ini"), "w") as f:
                    f.write(text)
            self.listener = Listener(self.ring)
            self.sim, self.operator = self.ring.sim, self.ring.operator()
            self.asks = Operator("ipc://%s/run/listener.ipc" % self.ring.folder)
            self.ring.clients.append(self.asks)
            for app in self.accounts:
                url = "http://127.0.0.1:%d/callback%s" % (self.listener.port, "" if app == "default" else "/" + app)
                self.sim.call_back(url, TOKEN, AES_KEY if app == "safe" else "", appid=APPS[app])
        except BaseException as error:
            self.ring.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        return self.ring.__exit__(kind, value, trace)

    def burst(self, app, prefix, count, seconds, kinds, **more):
        """So many events, evenly within that time."""
        self.sim.events(count, appid=APPS[app], openid=prefix, kinds=kinds, per_second=max(1, -(-count // max(1, int(seconds)))), **more)

    def happened(self):
        """Events of bursts: all but receipts, of which every message has one, sooner or later."""
        stats = self.sim.get("/sim/stats")
        return stats["callbacks_events"] - stats["delivered"]

    def waiting(self):
        """How many callbacks, rows of the listener's outbox and messages are on their way; and how many are scheduled."""
        stats, depth = self.sim.get("/sim/stats"), self.operator.status()["depth"]
        rows = self.asks.status()["outbox"]["rows"]
        return stats["callbacks_waiting"], rows, depth["ready"] + depth["out"] + depth["parked"], depth["scheduled"]

    def wait_quiet(self, scheduled, seconds, every_ms=500):
        """Until nothing is on its way any more and no more messages are scheduled than these; returns what is wrong."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now = self.waiting()
            if now[:3] == (0, 0, 0) and now[3] <= scheduled:
                return []
            pause(every_ms)
        return ["not done in time: %d callbacks, %d requests of mega-listener, %d messages are on their way; %d scheduled, not %d"
                % (now + (scheduled,))]


def journal(path, *words):
    """The journal's lines in which one of these words stands, as they were written."""
    wanted = [word.encode() for word in words]
    with open(path, "rb") as f:
        for line in f:
            if any(word in line for word in wanted):
                yield json.loads(line)


def number_of(openid, prefix):
    return int(openid[len(prefix):])


def times(count):
    """One for each user of a burst, ms since 1970; 0: it has not happened."""
    return array.array("q", bytes(8 * count))


class Machine(threading.Thread):
    """Memory of programs, ten times a second or less often, and what the machine did meanwhile. `rss[name]`: pairs of seconds since the
    beginning and bytes of anonymous memory; the files that are mapped are the kernel's to keep or drop."""

    def __init__(self, stages, every_s):
        super().__init__(daemon=True)
        self.stages, self.every_s, self.stopped = stages, every_s, threading.Event()
        self.rss, self.began = {stage.name: [] for stage in stages}, time.monotonic()
        self.sanitized = any(is_sanitized(stage.process.pid) for stage in stages)
        self.idle_began, self.scheduled_began = self.idle_s(), {stage.name: self.scheduled_s(stage) for stage in stages}

    def run(self):
        while not self.stopped.wait(self.every_s):
            for stage in self.stages:
                try:
                    with open("/proc/%d/status" % stage.process.pid) as f:
                        kb = next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
                except (OSError, StopIteration):
                    continue  # between two lives
                self.rss[stage.name].append((time.monotonic() - self.began, kb * 1024))

    def finish(self):
        self.stopped.set()
        self.join()

    @staticmethod
    def idle_s():
        with open("/proc/stat") as f:
            return int(f.readline().split()[4]) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def scheduled_s(stage):
        """Processor time of it, and time in which it could have run and had no processor."""
        with open("/proc/%d/schedstat" % stage.process.pid) as f:
            ran, waited, _ = map(int, f.read().split())
        return ran / 1e9, waited / 1e9

    def report(self):
        """Of programs that have not been started anew meanwhile."""
        took = time.monotonic() - self.began
        say("machine: %d processors, idle %.0f %% of the time; load %s; %s" % (
            os.cpu_count(), 100 * (self.idle_s() - self.idle_began) / took / os.cpu_count(), "%.1f %.1f %.1f" % os.getloadavg(),
            "; ".join("%s ran %.0f %% and waited for a processor %.0f %%" % tuple(
                [stage.name] + [100 * (b - a) / took for a, b in zip(self.scheduled_began[stage.name], self.scheduled_s(stage))])
                for stage in self.stages)))

    def grown(self, name):
        """What is wrong with the memory of one: more in the last third than in the first. A sanitizer's own grows for long."""
        values = self.rss[name]
        first, last = values[:len(values) // 3], values[-(len(values) // 3):]
        if not first:
            return []
        highest = [max(b for _, b in part) for part in (first, last)]
        say("memory of %-9s %6.1f MB in the first third, %6.1f MB in the last one (anonymous, the highest of each)"
            % ((name,) + tuple(b / 1e6 for b in highest)))
        limit = float("inf") if self.sanitized else highest[0] * 1.1 + 20e6
        return ["memory of %s has grown from %.1f to %.1f MB" % (name, highest[0] / 1e6, highest[1] / 1e6)] * (highest[1] > limit)
