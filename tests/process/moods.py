"""WeChat in a bad mood, under load: what was accepted is compared with what the simulator received and with the broker's ledger.

    moods.py token [ROUNDS]     four senders; the access token is invalidated from outside every few seconds
    moods.py quota [MESSAGES]   the day's quota of one of two accounts is reached in mid-load, and comes back
    moods.py storm [MESSAGES]   three calls of ten fail: -1, HTTP 5xx, no answer in time, connections cut before and after the message was taken

The last line holds the figures, NAME=VALUE each. Exit status 0 when nothing was lost, doubled, refused or dead.
"""
import collections
import sys
import time

from ring import APP_ID, SECRET, Ring, pause, until

OTHER = "wx2222222222222222"
STORM = ["*=-1@0.1", "*=http503@0.05", "*=http500@0.03", "*=cut@0.05", "*=cut-after@0.05", "*=hang@0.02"]


class Bad(Exception):
    pass


def check(is_good, *what):
    if not is_good:
        raise Bad(*what)


def push(client, count, prefix="o", app="default", first=0):
    ids = ["%s%d" % (prefix, i) for i in range(first, first + count)]
    results = client.ask(*[dict(op="push", app=app, id=i, openid=i, key="test", vars={"n": i}) for i in ids])
    check({r["code"] for r in results} == {200}, "not accepted", [r for r in results if r["code"] != 200][:3])
    return ids


def settle(ring, accepted, seconds=240):
    operator = ring.operator()
    until(lambda: operator.status()["depth"]["settled"] + operator.status()["depth"]["dead"] >= accepted or pause(100),
          "everything settled", seconds)
    return operator


def compare(ring, ids, ledger):
    """Each message delivered once, under one client_msg_id, and its result says so."""
    delivered, keys = collections.Counter(), collections.defaultdict(set)
    for entry in ring.sim.journal():
        if entry["openid"]:
            delivered[entry["openid"]] += entry["result"] == "delivered"
            keys[entry["openid"]].add(entry["client_msg_id"])
    lost = [i for i in ids if delivered[i] == 0 or ledger[i]["state"] != "sent"]
    doubled = [i for i in ids if delivered[i] > 1]
    return lost, doubled


def run_token(rounds=8):
    """The load is paced (rate), so that so many deliveries are a few seconds."""
    with Ring(senders=4, conf={"wechat": {"rate": "100"}}, sim=["--latency", "5-40"]) as ring:
        client, accepted = ring.client(), []
        ring.sim.wait(token_fetches=1)
        fetches = ring.sim.get("/sim/stats")["token_fetches"]
        longest_ms = 0
        for i in range(rounds):
            accepted += push(client, 250, first=len(accepted))
            ring.sim.wait(delivered=len(accepted))
            ring.sim.post("/sim/invalidate")
            began = time.monotonic()
            accepted += push(client, 1, prefix="first", first=len(accepted))
            ring.sim.wait(delivered=len(accepted))
            longest_ms = max(longest_ms, int((time.monotonic() - began) * 1000))
        stats = ring.sim.get("/sim/stats")
        operator = settle(ring, len(accepted))
        ledger = {e["id"]: e for e in operator.list(state="all")}
        lost, doubled = compare(ring, accepted, ledger)
        figures = dict(accepted=len(accepted), lost=len(lost), doubled=len(doubled),
                       failed=operator.status()["totals"]["refused"] + operator.status()["totals"]["dead"],
                       invalidations=rounds, fetches=stats["token_fetches"] - fetches, forced=stats["forced"],
                       longest_pause_ms=longest_ms)
    check(not lost and not doubled and figures["failed"] == 0, figures, lost[:5], doubled[:5])
    check(figures["fetches"] == rounds and figures["forced"] == 0, "one fetch per invalidation", figures)
    return figures


def run_quota(messages=2000):
    def give_base(ring, sections):
        ring.conf["wechat:other"]["api_base"] = ring.sim.base
        return sections
    accounts = ["--account", APP_ID + ":" + SECRET, "--account", OTHER + ":" + SECRET]
    with Ring(senders=2, ini=give_base, sim=accounts + ["--latency", "5-40"],
              conf={"broker": {"probe": "500ms", "probe_max": "1s"}, "wechat:other": {"app_id": OTHER, "app_secret": SECRET}}) as ring:
        client, operator, sim = ring.client(), ring.operator(), ring.sim

        def account(name):
            return [a for a in operator.status()["accounts"] if a["name"] == name][0]
        sim.post("/sim/quota?appid=%s&daily=%d" % (APP_ID, messages // 2))
        ids = push(client, messages) + push(client, messages, "p", "other")
        until(lambda: account("default").get("errcode") == 45009 or pause(), "account stopped")
        began = time.monotonic()
        late = push(client, 200, "late")  # accepting goes on
        accept_ms = int((time.monotonic() - began) * 1000)
        sim.wait(seconds=120, delivered=messages // 2 + messages)  # the other account goes on
        check(account("other")["waiting"] == 0, "the other account waits", account("other"))
        refused = sim.get("/sim/stats")["quota_refused"]
        sim.post("/sim/quota?appid=%s&daily=0" % APP_ID)
        sim.post("/sim/new-day")
        began = time.monotonic()
        sim.wait(seconds=120, delivered=messages // 2 + messages + 1)
        resumed_ms = int((time.monotonic() - began) * 1000)
        settle(ring, 2 * messages + 200)
        ledger = {e["id"]: e for e in operator.list(state="all")}
        lost, doubled = compare(ring, ids + late, ledger)
        figures = dict(accepted=len(ids + late), lost=len(lost), doubled=len(doubled), calls_refused_for_quota=refused,
                       accepting_200_while_stopped_ms=accept_ms, resumed_after_ms=resumed_ms,
                       dead=operator.status()["totals"]["dead"])
    check(not lost and not doubled and figures["dead"] == 0, figures, lost[:5], doubled[:5])
    return figures


def run_storm(messages=3000):
    with Ring(senders=4, sim=["--latency", "5-40", "--seed", "7"],
              conf={"wechat": {"max_attempts": "1000"}, "sender": {"timeout": "2s"}}) as ring:
        ring.sim.post("/sim/faults", "\n".join(STORM))
        ids = push(ring.client(), messages)
        operator = settle(ring, messages)
        ledger = {e["id"]: e for e in operator.list(state="all")}
        lost, doubled = compare(ring, ids, ledger)
        calls = collections.Counter(e["openid"] for e in ring.sim.journal())
        wrong = [i for i in ids if ledger[i]["calls"] < calls[i] or len(ledger[i].get("tries", [])) != ledger[i]["calls"] - 1]
        stats = ring.sim.get("/sim/stats")
        figures = dict(accepted=messages, lost=len(lost), doubled=len(doubled), dead=operator.status()["totals"]["dead"],
                       calls=stats["calls"], failed_calls=stats["calls"] - stats["delivered"] - stats["duplicates"],
                       repeated=stats["duplicates"], most_calls=max(calls.values()), wrong_in_ledger=len(wrong))
    check(not lost and not doubled and figures["dead"] == 0, figures, lost[:5], doubled[:5])
    check(not wrong, "the ledger does not hold all attempts", [ledger[i] for i in wrong[:2]])
    return figures


RUNS = {"token": run_token, "quota": run_quota, "storm": run_storm}


def main(arguments):
    if not arguments or arguments[0] not in RUNS or len(arguments) > 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        figures = RUNS[arguments[0]](*map(int, arguments[1:]))
    except Bad as bad:
        print("wrong: %s" % (bad.args,))
        return 1
    print(" ".join("%s=%s" % pair for pair in figures.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
