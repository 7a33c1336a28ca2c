"""WeChat in every bad mood at once while stages are killed, stopped and restarted at random moments: calls fail for the sake of the message,
its recipient, its template, the account, the day's quota, the minute's, or nobody knows; afterwards what was accepted is compared
with the broker's ledger, with its store and with what the simulator received.

    mixed.py FAULTS [SEED]

Four callers, one for each kind of template: plain ones; customer-service messages that fall back to plain ones; ones of a template with a rate;
ones of a template that WeChat bans now and then, which a person reads again with tset.

The last line: accepted=… sent=… refused=… unknown=… lost=… doubled=… wrong=… out_of_order=… stops=… fallbacks=… faults=…
  refused       by WeChat, each of them with a call that says so: customer-service messages by their fallback's call
  unknown       customer-service messages whose sender was lost in mid-call: dead, called at most once since
  lost          neither sent nor refused nor unknown
  doubled       delivered more than once
  wrong         the ledger says something else than the simulator, or a count of the broker does not fit
  out_of_order  first calls for a recipient that came before the one of an earlier message
"""
import argparse
import collections
import os
import random
import subprocess
import sys

from chaos import NUMBER, ZmqCaller, fault
from ring import BIN, Ring, pause, until

KF, TEMPLATE = "/cgi-bin/message/custom/send", "/cgi-bin/message/template/send"
BODY = '{"touser":"${OPENID}","template_id":"%s","data":{"first":{"value":"${n}"}}%s}'
TEMPLATES = {
    "plain": BODY % ("T1", ""),
    "note": '{"touser":"${OPENID}","msgtype":"text","text":{"content":"${n}"},"$mega":{"kind":"custom","fallback":"plain"}}',
    "paced": BODY % ("T2", ',"$mega":{"rate":60}'),
    "banned": BODY % ("T3", ""),
}
MOODS = ["ban=43116@0.02", "note=45015@0.3", "*=45009@0.01", "*=45011@0.002", "*=43117@0.03", "*=43108@0.02", "*=40037@0.01",
         "*=50002@0.003", "*=-1@0.05", "*=http503@0.02", "*=http403@0.01", "*=cut@0.02", "*=cut-after@0.02", "*=slow:300@0.02"]
CALLERS = {"plain": "plain", "note": "note", "pace": "paced", "ban": "banned"}  # by the beginning of their recipients
RATES = {"plain": 20, "note": 20, "pace": 4, "ban": 20}  # rounds of so many recipients


class MixedCaller(ZmqCaller):
    def push(self, batch):
        super().push(batch[:RATES[self.name]])
        del batch[RATES[self.name]:]
        pause(100)


def resume(ring, operator, client):
    """What a person does about a template that WeChat has banned: reads it again, or resumes it."""
    for one in operator.ask("pauses")["data"]:
        if one["kind"] == "template" and not one.get("releasing"):
            if client.next_ref % 2:
                client.ask(dict(op="tset", key=one["name"]))
            else:
                operator.ask("resume", filter={"app": one["app"], "key": one["name"]})


def calls_of(ring):
    calls = collections.defaultdict(list)
    for entry in ring.sim.journal(path=None):
        if entry["path"] in (KF, TEMPLATE):
            calls[NUMBER.search(entry["body"]).group(1)].append(entry)
    return calls


def judge(entry, calls):
    """What is wrong with a result, seen by the calls that were made; None = nothing."""
    delivered = sum(e["result"] == "delivered" for e in calls)
    state = entry.get("state")
    if delivered > 1:
        return "doubled"
    if state == "sent":
        return None if delivered == 1 else "lost"
    was_lost = any(t["outcome"] in ("unknown", "lost") for t in entry.get("tries", []))
    if delivered and not was_lost and not (state == "dead" and entry["key"] == "note"):
        return "wrong"  # what was delivered unseen may be refused when it is tried once more
    if state == "refused":
        path = TEMPLATE if entry.get("fallback") or entry["key"] != "note" else KF
        said_so = any(e["errcode"] == entry["errcode"] and e["path"] == path for e in calls)
        falls_back = entry["key"] == "note" and entry["errcode"] == 45015 and not entry.get("fallback")
        return None if said_so and not falls_back else "wrong"
    if state == "dead" and entry["key"] == "note":
        return None if "may have arrived" in entry["message"] else "wrong"
    return "lost"


def check_counts(operator, accepted):
    """Returns what does not fit among the broker's own counts, when nothing waits any more."""
    status = operator.status()
    totals, depth = status["totals"], status["depth"]
    wrong = ["%s=%d" % (name, depth[name]) for name in ("ready", "scheduled", "parked", "paused", "paced", "out", "damaged") if depth[name]]
    if totals["accepted"] != accepted or sum(totals[n] for n in ("sent", "refused", "dead")) != accepted + totals["revised"] + totals["requeued"]:
        wrong.append("totals %s of %d" % (totals, accepted))
    wrong += ["%s waits" % a["name"] for a in status["accounts"] if a["waiting"] or a["out"]]
    return wrong, totals["fallbacks"]


def verify(ring):
    """What mega-store finds wrong with the store of a broker that has ended."""
    ring["broker"].kill()
    done = subprocess.run([os.path.join(BIN, "mega-store"), "verify", os.path.join(ring.folder, "store")], capture_output=True, text=True)
    return [] if done.returncode == 0 else [done.stdout[-2000:] + done.stderr[-500:]]


def find_late(calls):
    """The first calls for a recipient that came before the one of an earlier message, each with that."""
    firsts, late = collections.defaultdict(list), []
    for number, entries in calls.items():
        openid, turn = number.rsplit("-", 1)
        if entries:
            firsts[openid].append((min(e["t"] for e in entries), int(turn), number))
    for times in firsts.values():
        times.sort()
        late += [(a[2], b[2]) for a, b in zip(times, times[1:]) if a[1] > b[1]]
    return late


def compare(ring, callers, operator):
    calls, ledger = calls_of(ring), {e["id"]: e for e in operator.list(state="all")}
    accepted = [n for c in callers for _, n in c.accepted]
    found = collections.defaultdict(list)
    for number in accepted:
        entry = ledger.get(number, {})
        found[judge(entry, calls[number]) or entry["state"]].append(number)
    for kind in ("lost", "doubled", "wrong"):
        for number in found[kind][:5]:
            print("%s: %s %s" % (kind, ledger.get(number), [(e["path"][-13:], e["result"], e["errcode"]) for e in calls[number]]))
    counts, fallbacks = check_counts(operator, len(accepted))
    late = find_late(calls)
    for number in [n for pair in late for n in pair][:6]:
        print("late: %s %s" % (ledger.get(number), [(e["path"][-13:], e["t"], e["result"], e["errcode"]) for e in calls[number]]))
    return len(accepted), found, counts, fallbacks, late


def run(faults, seed, rounds=None):
    dice, kinds = random.Random(seed), collections.Counter()
    conf = {"wechat": {"max_attempts": "1000"}, "sender": {"timeout": "2s", "slots": "32"},
            "broker": {"probe": "50ms", "probe_max": "100ms", "rate_window": "300ms"}}
    with Ring(templates=TEMPLATES, templaters=2, senders=3, conf=conf, sim=["--latency", "5-40", "--seed", str(seed)]) as ring:
        ring.sim.post("/sim/faults", "\n".join(MOODS))
        callers = [MixedCaller(ring, name, key) for name, key in CALLERS.items()]
        operator, client = ring.operator(), ring.client()
        for caller in callers:
            caller.start()
        try:
            for _ in range(faults):
                kinds[fault(ring, dice)[0]] += 1
                resume(ring, operator, client)
            ring.wait_ready()
        finally:
            for caller in callers:
                caller.finish()
        accepted = sum(len(caller.accepted) for caller in callers)
        ring.restart("broker")  # it forgets how much slower WeChat wanted it
        ring.sim.post("/sim/faults", "\n".join(m for m in MOODS if m[2:7] not in ("45009", "45011", "50002")))

        def is_settled():
            resume(ring, operator, client)
            depth = operator.status()["depth"]
            return depth["settled"] + depth["dead"] >= accepted and not depth["out"] or pause(100)
        try:
            until(is_settled, "everything settled", seconds=60)
        except AssertionError:
            print(operator.status()["depth"], operator.status()["accounts"],
                  operator.ask("pauses")["data"], operator.list(state="live")[:5])
            raise
        total, found, counts, fallbacks, late = compare(ring, callers, operator)
        stops = ring["broker"].log().count("account is stopped by WeChat")
        wrong = counts + verify(ring)
    for one in wrong:
        print("wrong: " + one)
    print("accepted=%d sent=%d refused=%d unknown=%d lost=%d doubled=%d wrong=%d out_of_order=%d stops=%d fallbacks=%d faults=%d"
          % (total, len(found["sent"]), len(found["refused"]), len(found["dead"]), len(found["lost"]), len(found["doubled"]),
             len(found["wrong"]) + len(wrong), len(late), stops, fallbacks, faults))
    return 1 if found["lost"] or found["doubled"] or found["wrong"] or wrong or late else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("faults", type=int)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    options = parser.parse_args()
    return run(options.faults, options.seed)


if __name__ == "__main__":
    sys.exit(main())
