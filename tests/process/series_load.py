"""Very many people follow within a time, each with a series: scripts/followers runs it, test_series_load.py a short one.

A series has steps that fall due while the others follow, and one that is far away. Half of the people leave again, in the second half of
the time, from a twelfth after half of it on, each sooner after his follow than the one before. So some leave before, some between and some
behind their steps, and all of them before the far one. What must hold: memory of mega-listener and the broker stays flat; every step whose
time has come is sent within a second of it, 99 of 100; of who left exactly the steps that were due by then were sent, and all others are
cancelled.
"""
import argparse
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from happenings import Happenings, Machine, journal, number_of, of_sorted, say, times  # noqa: E402
from ring import pause, until  # noqa: E402

LAG_MS_MAX = 1000  # 99 of 100 steps
CLOSE_MS = 2000    # a step and an unfollow this close to each other: either may have been first
SOON_MS = 10000    # whoever leaves within it: his steps may be taken back before the broker has them
FAR_DAYS = 30
STATE_IN, STATE_ENDED = 0, 2
PREFIXES = ("oStay", "oQuit")
SIM = ["--latency", "50-150", "--receipt-latency", "200-2000"]


class Timeline:
    """When what happened, by the number of the user: `followed`, `left` and `sent` (one for each step) of both kinds of people, ms since
    1970, 0 where it has not happened."""

    def __init__(self, path, count, keys):
        self.keys = {key: i for i, key in enumerate(keys)}
        self.followed = {prefix: times(count) for prefix in PREFIXES}
        self.sent = {prefix: [times(count) for _ in keys] for prefix in PREFIXES}
        self.left, self.left_done = times(count), times(count)
        self.again, self.strange, self.ms, self.failed = 0, [], [], 0
        template, created = re.compile(r'"template_id":"(\w+)"'), re.compile("<CreateTime>([0-9]+)<")
        for line in journal(path, '"follow"', '"unfollow"', "template/send"):
            prefix = line["openid"][:5]
            if prefix not in PREFIXES:
                self.strange.append(line["openid"])
            elif line["path"] == "callback":
                self.take_event(line, prefix, created)
            elif line["result"] in ("delivered", "cut-after"):
                self.take_message(line, prefix, template)
        self.ms.sort()

    def take_event(self, line, prefix, created):
        number = number_of(line["openid"], prefix)
        if line["result"] != "answered":
            self.failed += 1
            return
        self.ms.append(line["ms"])
        if line["event"] == "follow":
            self.followed[prefix][number] = 1000 * int(created.search(line["body"]).group(1))
        else:
            self.left[number], self.left_done[number] = line["t"], line["done"]

    def take_message(self, line, prefix, template):
        of_step = self.sent[prefix][self.keys[template.search(line["body"]).group(1)]]
        number = number_of(line["openid"], prefix)
        self.again += of_step[number] != 0
        of_step[number] = line["t"]


def check(timeline, count, after_ms):
    """Returns (wrong, lags of each step, messages sent to people who left, steps of those who left so soon that they may not be in the
    ledger)."""
    wrong, lags, lost, stray, early, sent_of_left, soon = [], [[] for _ in after_ms], 0, 0, 0, 0, 0
    for prefix in PREFIXES:
        for number in range(count):
            followed = timeline.followed[prefix][number]
            left = timeline.left[number] if prefix == "oQuit" else 0
            if not followed or (prefix == "oQuit" and not left):
                wrong.append("%s %d: the event has not come" % (prefix, number))
                continue
            soon += (len(after_ms) + 1) * (bool(left) and left < followed + SOON_MS)
            for step, after in enumerate(after_ms):
                sent, due = timeline.sent[prefix][step][number], followed + after
                sent_of_left += bool(sent and left)
                if sent:
                    lags[step].append(sent - due)
                    early += sent < due
                    stray += bool(left) and max(sent, due) > timeline.left_done[number] + CLOSE_MS
                else:
                    lost += not left or due < left - CLOSE_MS
    wrong = wrong[:3] + ["%d steps were %s" % (n, what) for n, what in (
        (lost, "not sent, though they were due"), (stray, "sent to people who had left"), (early, "sent before their time"),
        (timeline.again, "sent twice")) if n]
    if timeline.strange:
        wrong.append("%d lines of nobody, such as %s" % (len(timeline.strange), timeline.strange[0]))
    for values in lags:
        values.sort()
    return wrong, lags, sent_of_left, soon


def watch(h, seconds, leaving, count, machine):
    """Until all have followed, and half of them have left; says now and then how it is."""
    began, told, left = time.monotonic(), 0.0, False
    while True:
        now = time.monotonic() - began
        if not left and now >= seconds * 7 / 12:
            leaving()
            left = True
        if now - told >= max(10, seconds / 12):
            told = now
            callbacks, rows, ready, scheduled = h.waiting()
            memory = ", ".join("%s %.1f MB" % (name, values[-1][1] / 1e6) for name, values in machine.rss.items() if values)
            say("  %5.0f s: on their way %d callbacks, %d requests, %d messages; scheduled %s; %s"
                % (now, callbacks, rows, ready, format(scheduled, ","), memory))
        if left and h.happened() >= 3 * count and now >= seconds:
            return
        assert now < 3 * seconds + 300, "the events do not come to an end"
        pause(100 if seconds < 300 else 500)


def followers(people=1000000, seconds=3600, steps=3, lag_ms_max=LAG_MS_MAX):
    """Returns what is wrong."""
    count = people // 2
    after_ms = [1000 * max(1, seconds * (i + 1) // (2 * steps)) for i in range(steps)]
    keys = ["step%d" % (i + 1) for i in range(steps)]
    text = "start[] = follow\nagain = never\n" + "".join("step[] = +%dms %s\n" % pair for pair in zip(after_ms, keys))
    text += "step[] = +%dd far\n" % FAR_DAYS
    conf = {"broker": {"lease": "5s"}}
    with Happenings({"welcome": text}, keys + ["far"], sim=SIM, conf=conf) as h:
        machine = Machine([h.ring["broker"], h.listener.process], max(0.1, seconds / 2000))
        machine.start()
        for prefix in PREFIXES:
            h.burst("default", prefix, count, seconds, "follow", remember=False)
        say("%s people follow within %d s; steps after %s s; half of them leave" % (format(2 * count, ","), seconds,
                                                                                 ", ".join("%d" % (ms // 1000) for ms in after_ms)))
        watch(h, seconds, lambda: h.burst("default", "oQuit", count, seconds / 2, "unfollow", remember=False), count, machine)
        wrong = h.wait_quiet(count, after_ms[-1] / 1000 + min(300, 60 + seconds))
        machine.finish()
        return wrong + report(h, machine, count, keys, after_ms, lag_ms_max)


def report(h, machine, count, keys, after_ms, lag_ms_max):
    machine.report()
    timeline = Timeline(h.sim.journal_path, count, keys)
    wrong, lags, sent_of_left, soon = check(timeline, count, after_ms)
    say("answered within: half %d ms, 99 of 100 %d ms, all %d ms; %d tries failed" % (
        of_sorted(timeline.ms, .5), of_sorted(timeline.ms, .99), timeline.ms[-1] if timeline.ms else 0, timeline.failed))
    for key, values in zip(keys, lags):
        say("%s: %d sent; after they were due: half %d ms, 99 of 100 %d ms, all %d ms" % (
            key, len(values), of_sorted(values, .5), of_sorted(values, .99), values[-1] if values else 0))
        if of_sorted(values, .99) >= lag_ms_max:
            wrong.append("%s: 99 of 100 were sent within %d ms only" % (key, of_sorted(values, .99)))
    status = h.operator.status()
    cancelled, expected = status["totals"]["cancelled"], count * (len(keys) + 1) - sent_of_left
    say("of those who left %d steps had been sent, %d are cancelled; %d far steps of the others wait" % (
        sent_of_left, cancelled, status["depth"]["scheduled"]))
    if not expected - soon <= cancelled <= expected or status["depth"]["scheduled"] != count:
        wrong.append("%d cancelled, not %d; %d wait, not %d" % (cancelled, expected, status["depth"]["scheduled"], count))
    asked = h.asks.status()
    if "level=error" in h.listener.process.log():
        wrong.append("mega-listener has logged errors")
    say("mega-listener: %d commits for %d events and %d requests to the broker" % (
        asked["commits"], sum(asked["events"].values()), asked["outbox"]["done"]))
    found = dict(h.listener.rows("SELECT state, count(*) FROM enrolment GROUP BY state"))
    if found != {STATE_IN: count, STATE_ENDED: count}:
        wrong.append("people in the series and those for whom it has ended: %s, not %d each" % (found, count))
    size = sum(os.path.getsize(h.listener.db_path + end) for end in ("", "-wal") if os.path.exists(h.listener.db_path + end))
    say("listener.db: %.1f MB, %d bytes for each who followed; the broker's store: %.1f MB" % (
        size / 1e6, size / (2 * count), os.stat(os.path.join(h.ring.folder, "store", "data.mdb")).st_blocks * 512 / 1e6))
    for name in machine.rss:
        wrong += machine.grown(name)
    return wrong


def main():
    parser = argparse.ArgumentParser(prog="scripts/followers", description="followers with a series; exit status 0 when the promises hold")
    parser.add_argument("--followers", type=int, default=1000000, help="how many follow; half of them leave (1000000)")
    parser.add_argument("--minutes", type=float, default=60.0, help="within so many minutes; it takes half as long again (60)")
    parser.add_argument("--steps", type=int, default=3, choices=range(1, 21), metavar="N", help="that fall due meanwhile, 1 to 20 (3)")
    o = parser.parse_args()
    wrong = followers(o.followers, int(o.minutes * 60), o.steps)
    for text in wrong:
        say("WRONG: " + text)
    say("followers: %s" % ("FAILED" if wrong else "hold"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
