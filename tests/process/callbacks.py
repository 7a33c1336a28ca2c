"""Very many callbacks while mega-listener and the broker are killed again and again: scripts/callbacks runs it, test_callbacks.py a short
one.

The simulator tells two accounts, one plain and one encrypted, of followers who stay, of some who leave again, of texts and menu clicks;
repeats some, is late with some, changes the order of some. Each follow starts a series of three steps: at once, about when those who
leave do so, tomorrow. In the end every event must have been answered in WeChat's time (when the listener was killed: by one of WeChat's
repeats), and been applied once: in mega-listener's file, in the messages sent, in the windows and receipts that the broker has.
"""
import argparse
import collections
import os
import random
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from happenings import APPS, WECHAT_S, Happenings, journal, of_sorted, say  # noqa: E402
from ring import pause, until  # noqa: E402

PARTS = {"oStay": 0.15, "oQuit": 0.15, "oTalk": 0.55}  # of all events; those who quit unfollow as well, another 0.15
SOON_MS = 10000       # whoever leaves within it: mega-listener may take his steps back before the broker has them
KEPT_MS = 15000       # after a kill the simulator may still try a connection of before, and finds that it is broken
BROKEN = "rewinding"  # in what libcurl says then
TALKS = 4             # of each who talks
WINDOWS_MAX = 1000    # recipients whose windows are looked at, of each account
SIM = ["--latency", "20-80", "--receipt", "*=user block@0.1", "--receipt", "*=system failed@0.05", "--receipt-latency", "50-500",
       "--callback-mood", "repeat@0.02,late@0.02:1500,reorder@0.02"]
RESULTS = {"success": "delivered", "failed:user block": "blocked", "failed: system failed": "failed"}


class Kills(threading.Thread):
    """Kills mega-listener, the broker or both at random times and starts them again. `away`: when there was no listener, ms since 1970;
    `commits`: of all its lives, but for what a killed one did since it was looked at last."""

    def __init__(self, h, count, seconds, dice):
        super().__init__(daemon=True)
        self.h, self.away, self.commits, self.wrong, self.told = h, [], 0, [], collections.Counter()
        self.times = [time.monotonic() + seconds * (0.1 + 0.85 * (i + dice.uniform(0.2, 0.8)) / count) for i in range(count)]
        self.who = [("listener", "broker", "both")[i % 3] for i in range(count)]
        dice.shuffle(self.who)

    def run(self):
        try:
            for at, who in zip(self.times, self.who):
                while time.monotonic() < at:
                    pause(20)
                self.kill(who)
        except Exception as error:  # told in the end
            self.wrong.append("killing: %s: %s" % (type(error).__name__, error))

    def kill(self, who):
        self.note()
        began = time.time() * 1e3
        stages = [self.h.ring["broker"]] * (who != "listener") + [self.h.listener.process] * (who != "broker")
        for stage in stages:
            stage.signal(signal.SIGKILL)
        for stage in stages:
            stage.kill()
        if who != "listener":
            self.h.ring["broker"].start()
        if who != "broker":
            self.h.listener.start()
            self.away.append((began, time.time() * 1e3))
        say("  killed: %-8s; started again within %4.0f ms" % (who, time.time() * 1e3 - began))
        self.told[who] += 1

    def note(self):
        self.commits += self.h.asks.status().get("commits", 0)

    def back_ms(self, try_):
        """How long the listener had been there again when this try began."""
        return min((try_["t"] - end for _, end in self.away if end <= try_["t"]), default=-1)

    def was_away(self, try_):
        """Whether the listener was killed while this try was on its way, or was not there."""
        more_ms = KEPT_MS if try_["result"] == "failed" and BROKEN in try_["why"] else 50
        return any(try_["t"] <= end + more_ms and try_["done"] >= begin for begin, end in self.away)


class Told:
    """What the simulator told, out of its journal."""

    def __init__(self, h, kills):
        self.tries, self.failed, self.ms = 0, 0, []
        self.events, self.wrong = {}, []
        for line in journal(h.sim.journal_path, '"callback"'):
            self.take(line, kills)
        for number, event in self.events.items():
            if not event["answers"]:
                self.wrong.append("event %d (%s) was never answered" % (number, event["event"]))
        self.ms.sort()

    def take(self, line, kills):
        event = self.events.get(line["number"])
        if event is None:
            event = {key: line[key] for key in ("event", "app", "openid", "t", "body")}
            event.update(answers=[], first=line["t"])
            self.events[line["number"]] = event
        self.tries += 1
        if line["result"] == "answered":
            event["answers"].append((line["t"], line["done"]))
            self.ms.append(line["ms"])
        else:
            self.failed += 1
            if not kills.was_away(line):
                self.wrong.append("event %d was %s %.0f ms after mega-listener had been started: %s, HTTP %s" % (
                    line["number"], line["result"], kills.back_ms(line), line["why"], line["http"]))

    def of(self, *kinds):
        return (event for event in self.events.values() if event["event"] in kinds)

    def longest_s(self):
        """From the first try of an event to its first answer."""
        return max((event["answers"][0][1] - event["first"] for event in self.events.values() if event["answers"]), default=0) / 1e3


def some(what, found):
    """A finding with a few examples; none when there are none."""
    return ["%s: %d, such as %s" % (what, len(found), sorted(found)[:3])] if found else []


def created_ms(event):
    return 1000 * int(re.search(r"<CreateTime>(\d+)<", event["body"]).group(1))


def check_messages(h, told):
    """Each step once for whoever stays; for whoever has left at most once, and none behind the leaving. Returns (wrong, people in it)."""
    sent = collections.defaultdict(list)
    for line in journal(h.sim.journal_path, "template/send"):
        if line["result"] in ("delivered", "cut-after"):
            sent[line["app"], line["openid"], re.search(r'"template_id":"(\w+)"', line["body"]).group(1)].append(line)
    follows = {(e["app"], e["openid"]): e for e in told.of("follow")}
    leaves = {(e["app"], e["openid"]): e for e in told.of("unfollow")}
    wrong = some("sent more than once", [key for key, lines in sent.items() if len(lines) > 1])
    in_series = {(APPS[app], openid) for app, openid in h.listener.rows("SELECT app, openid FROM enrolment")}
    wrong += some("in the series, and nobody has followed", in_series - set(follows))
    missing, late, never = [], [], []
    for who, follow in follows.items():
        leave = leaves.get(who)
        if leave is None:
            missing += [who + (key,) for key in ("hello", "later") if who + (key,) not in sent]
            continue
        if who not in in_series and follow["answers"][0][1] < leave["first"]:
            never.append(who)
        if who in in_series and who + ("hello",) not in sent and follow["answers"][0][1] + 60000 < leave["first"]:
            missing.append(who + ("hello",))
        late += [who + (key,) for key in ("later",) for line in sent.get(who + (key,), ())
                 if line["t"] > leave["answers"][0][1] + h.broker_away_ms]
    wrong += some("steps that were not sent", missing) + some("follows that started nothing", never)
    wrong += some("steps sent long after the unfollow", late) + some("the last step was sent", [k for k in sent if k[2] == "last"])
    say("messages: %d sent, each once; people in the series %d, of whom %d have left again" % (
        sum(map(len, sent.values())), len(in_series), len(in_series & set(leaves))))
    return wrong, in_series, leaves


def check_applied(h, told, in_series, leaves):
    """Whatever was ever written down for the broker: not one request more than the events make."""
    count = collections.Counter(event["event"] for event in told.events.values())
    say("events: " + ", ".join("%d %s" % (n, kind) for kind, n in count.most_common()))
    requests = sum(count.values()) + 3 * len(in_series) + 3 * len(in_series & set(leaves))
    found = {"requests to the broker": (h.listener.rows("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")[0][0], requests),
             "events that are known": (h.listener.rows("SELECT count(*) FROM seen")[0][0], sum(count.values()))}
    wrong = ["%s: %d, not %d" % ((what,) + pair) for what, pair in found.items() if pair[0] != pair[1]]
    cancelled, expected = h.operator.status()["totals"]["cancelled"], cancelled_of(h, in_series, leaves)
    soon = 3 * sum(1 for event in told.of("follow") if (event["app"], event["openid"]) in leaves and
                   leaves[event["app"], event["openid"]]["answers"][0][1] < event["answers"][0][1] + SOON_MS)
    say("steps cancelled: %d; taken back before the broker had them: %d" % (cancelled, expected - cancelled))
    if not expected - soon <= cancelled <= expected:
        wrong.append("steps that are cancelled: %d, not %d (of who left at once %d)" % (cancelled, expected, soon))
    return wrong


def cancelled_of(h, in_series, leaves):
    """All steps of those who left, but for what was sent."""
    sent = sum(1 for line in journal(h.sim.journal_path, "template/send")
               if line["result"] in ("delivered", "cut-after") and (line["app"], line["openid"]) in leaves)
    return 3 * len(in_series & set(leaves)) - sent


def check_receipts(h, told):
    """Every message's state in the ledger is what its receipt says, and the counts by template are their sums."""
    receipts = {}
    for event in told.of("receipt"):
        receipts[int(re.search(r"<MsgID>(\d+)<", event["body"]).group(1))] = RESULTS[
            re.search(r"<Status><!\[CDATA\[(.*?)\]\]>", event["body"]).group(1)]
    ledger = {entry["msgid"]: entry["state"] for state in ("sent", "delivered", "blocked", "failed")
              for entry in h.operator.list(state=state)}
    wrong = some("ledger entries that do not say what their receipts do",
                 ["%s %s, not %s" % (msgid, ledger.get(msgid), receipts.get(msgid)) for msgid in set(ledger) | set(receipts)
                  if ledger.get(msgid) != receipts.get(msgid)])
    counts = collections.Counter()
    for account in h.operator.status()["accounts"]:
        for _, sent, delivered, blocked, failed in account["delivery"]:
            counts.update(sent=sent, delivered=delivered, blocked=blocked, failed=failed)
    expected = collections.Counter(receipts.values(), sent=len(receipts))
    say("receipts: %s" % ", ".join("%d %s" % (counts[state], state) for state in ("sent", "delivered", "blocked", "failed")))
    return wrong + ["counts by template: %s, not %s" % (dict(counts), dict(expected))] * (counts != expected)


def check_windows(h, told):
    """The broker's windows of those who talked are of the last text and the last click; nobody was sent a customer-service message."""
    last = collections.defaultdict(dict)
    for event in told.of("text", "click"):
        action = "message" if event["event"] == "text" else "menu"
        actions = last[event["app"], event["openid"]]
        actions[action] = max(actions.get(action, 0), created_ms(event))
    names, wrong, looked = {appid: name for name, appid in APPS.items()}, [], collections.Counter()
    for (appid, openid), actions in sorted(last.items()):
        if looked[appid] == WINDOWS_MAX:
            continue
        looked[appid] += 1
        answer = h.operator.ask("windows", filter={"app": names[appid], "openid": openid})
        found = {w["action"]: (w["at"] // 1000, w.get("left")) for w in answer.get("data", ())}  # CreateTime is in seconds
        if found != {action: (at // 1000, 20) for action, at in actions.items()}:
            wrong.append("%s %s: %s, not %s" % (names[appid], openid, found, actions))
    say("windows: of %d recipients as their last text and click have them" % (sum(looked.values()) - len(wrong)))
    return some("windows that are not those of the events", wrong)


def begin(h, accounts, events, seconds):
    """Tells the simulator what is to happen; returns how many events, and how many follow and stay."""
    told = stay = 0
    for app in accounts:
        counts = {name: max(4, int(events * part / len(accounts))) for name, part in PARTS.items()}
        h.burst(app, "oStay", counts["oStay"], seconds, "follow")
        h.burst(app, "oQuit", counts["oQuit"], seconds * 2 / 3, "follow")
        h.burst(app, "oTalk", counts["oTalk"], seconds, "text@0.6,click@0.4", openids=max(1, counts["oTalk"] // TALKS), key="MENU",
                content="hello")
        told, stay = told + sum(counts.values()) + counts["oQuit"], stay + counts["oStay"]
    return told, stay


def leave(h, accounts, events, seconds):
    for app in accounts:
        h.burst(app, "oQuit", max(4, int(events * PARTS["oQuit"] / len(accounts))), seconds * 2 / 3, "unfollow")


def callbacks(events=73000, seconds=300, kills=6, seed=None):
    """Returns what is wrong."""
    seed = random.randrange(1 << 32) if seed is None else seed
    say("seed %d" % seed)
    accounts = ("default", "safe")
    step = "start[] = follow\nagain = never\nstep[] = +0s hello\nstep[] = +%ds later\nstep[] = +1d last\n" % (seconds // 3)
    series = {"of-" + app: step + "app = %s\n" % app for app in accounts}
    conf = {"broker": {"lease": "2s"}}
    with Happenings(series, ("hello", "later", "last"), accounts, SIM + ["--seed", str(seed)], conf=conf) as h:
        began = time.monotonic()
        told, stay = begin(h, accounts, events, seconds)
        killing = Kills(h, kills, seconds, random.Random(seed))
        killing.start()
        while time.monotonic() < began + seconds / 3:
            pause(20)
        leave(h, accounts, events, seconds)
        until(lambda: h.happened() >= told or pause(200), "everything has happened", 3 * seconds + 120)
        took = time.monotonic() - began
        killing.join(seconds + 120)
        h.broker_away_ms = 60000 if killing.told["broker"] + killing.told["both"] else 2000
        wrong = killing.wrong + h.wait_quiet(stay, seconds + 180)
        whole = time.monotonic() - began
        killing.note()
        return wrong + report(h, Told(h, killing), killing, (told, took, whole))


def report(h, told, killing, times):
    events, took, whole = times
    stats = h.sim.get("/sim/stats")
    wrong, in_series, leaves = check_messages(h, told)
    wrong += told.wrong[:5] + check_applied(h, told, in_series, leaves) + check_receipts(h, told) + check_windows(h, told)
    wrong += ["%d events were %s" % (stats[what], what[10:]) for what in ("callbacks_given_up", "callbacks_dropped") if stats[what]]
    wrong += some("errors in mega-listener's log", re.findall("level=error.*", h.listener.process.log()))
    wrong += ["an answer took %d ms" % told.ms[-1]] * (not told.ms or told.ms[-1] >= WECHAT_S * 1000)
    wrong += ["killed %d times, not %d" % (sum(killing.told.values()), len(killing.times))] * (sum(killing.told.values()) < len(killing.times))
    say("%d events within %.0f s, %.0f a second, and %d receipts; %d calls of mega-listener in %.0f s" % (
        events, took, events / took, len(told.events) - events, told.tries, whole))
    say("answered within: half %d ms, 99 of 100 %d ms, all %d ms; %d took more than a second" % (
        of_sorted(told.ms, .5), of_sorted(told.ms, .99), told.ms[-1] if told.ms else 0, sum(1 for ms in told.ms if ms > 1000)))
    say("calls that met a mega-listener that was killed: %d; the last of their events was taken %.1f s after it was told first" % (
        told.failed, told.longest_s() if told.failed else 0))
    say("commits: %d, of %.1f calls each" % (killing.commits, told.tries / max(1, killing.commits)))
    return wrong


def main():
    parser = argparse.ArgumentParser(prog="scripts/callbacks", description="callbacks through kills; exit status 0 when the promises hold")
    parser.add_argument("--events", type=int, default=73000, help="what happens, receipts not counted (73000)")
    parser.add_argument("--minutes", type=float, default=5.0, help="within so many minutes (5)")
    parser.add_argument("--kills", type=int, default=6, help="of mega-listener, the broker or both (6)")
    parser.add_argument("--seed", type=int, help="of moods and kills (random)")
    o = parser.parse_args()
    wrong = callbacks(o.events, int(o.minutes * 60), o.kills, o.seed)
    for text in wrong:
        say("WRONG: " + text)
    say("callbacks: %s" % ("FAILED" if wrong else "hold"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
