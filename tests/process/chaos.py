"""Steady load on ZeroMQ and TCP while stages are killed, stopped, resumed and restarted at random moments; afterwards what was
accepted is compared with what the simulator received.

    chaos.py FAULTS [SEED] [--templaters N] [--senders N]

The last line: accepted=… delivered=… lost=… doubled=… out_of_order=… faults=…
The same seed gives the same faults in the same order.
"""
import argparse
import collections
import random
import signal
import sys
import threading

from ring import Ring, frame, pause

RECIPIENTS = 60


class Caller(threading.Thread):
    """Rounds of one message to each recipient; the next round begins when the last one is accepted, so that the order of
    acceptance for each recipient is known."""

    def __init__(self, name):
        super().__init__(name=name)
        self.stopped, self.error, self.accepted, self.rounds = threading.Event(), None, [], 0

    def run(self):
        try:
            while not self.stopped.is_set():
                batch = [("%s-%d" % (self.name, i), "%s-%d-%d" % (self.name, i, self.rounds)) for i in range(RECIPIENTS)]
                self.rounds += 1
                self.push(batch)
                self.accepted += batch
                pause(10)
        except BaseException as error:
            self.error = error

    def finish(self):
        self.stopped.set()
        self.join()
        if self.error:
            raise self.error


class ZmqCaller(Caller):
    def __init__(self, ring, name):
        super().__init__(name)
        self.client = ring.client()

    def push(self, batch):
        for result in self.client.ask(*[dict(op="push", openid=o, id=n, key="test", vars={"n": n}) for o, n in batch]):
            assert result["code"] == 200, result


class TcpCaller(Caller):
    """Pushes with ids of its own; asks again on a new connection when the gateway is gone."""

    def __init__(self, ring, name, gateway):
        super().__init__(name)
        self.ring, self.gateway, self.client = ring, gateway, None

    def push(self, batch):
        todo = dict(enumerate(batch))
        while todo:
            try:
                if self.client is None:
                    self.client = self.ring.tcp(self.gateway)
                self.client.send(b"".join(frame("push %s test id=%s" % (o, n), i, '{"n":"%s"}' % n)
                                          for i, (o, n) in todo.items()))
                while todo:
                    answer = self.client.read()
                    if answer is None:
                        raise ConnectionError
                    assert answer[0] == 200, answer
                    todo.pop(answer[1], None)
            except OSError:
                self.client = None
                pause(20)


def fault(ring, dice):
    """One random thing to one random stage. Returns what it was."""
    name = dice.choice(sorted(ring.stages))
    how = dice.choice(["kill", "kill", "term", "stop", "stop"])
    pause(dice.randint(0, 150))
    if how == "stop":
        ring[name].signal(signal.SIGSTOP)
        pause(dice.choice([20, 200, 700, 1200]))  # below and beyond the lease of 500 ms
        ring[name].signal(signal.SIGCONT)
    else:
        ring.restart(name, how)
    if dice.random() < 0.3:
        ring.wait_ready()  # else the next fault meets the ring while it recovers
    return how, name


def compare(ring, accepted):
    calls = collections.defaultdict(list)
    for entry in ring.sim.journal():
        number = entry["body"].split('"value":"')[1].split('"')[0]
        calls[number].append(entry)
    lost = [n for _, n in accepted if not any(e["result"] == "delivered" for e in calls[n])]
    doubled = [n for n, entries in calls.items() if sum(e["result"] == "delivered" for e in entries) > 1
               or len({e["client_msg_id"] for e in entries}) > 1]
    firsts = collections.defaultdict(list)
    for number, entries in calls.items():
        firsts[entries[0]["openid"]].append((min(e["t"] for e in entries), int(number.rsplit("-", 1)[1])))
    late = 0
    for times in firsts.values():
        rounds = [n for _, n in sorted(times)]
        late += sum(a > b for a, b in zip(rounds, rounds[1:]))
    return lost, doubled, late, len([n for n in calls if any(e["result"] == "delivered" for e in calls[n])])


def run(faults, seed, templaters=1, senders=2):
    dice, counts = random.Random(seed), collections.Counter()
    with Ring(templaters=templaters, senders=senders, gateways=2, sim=["--latency", "5-40", "--seed", str(seed)]) as ring:
        callers = [ZmqCaller(ring, "z"), TcpCaller(ring, "t", "gateway-1"), TcpCaller(ring, "u", "gateway-2")]
        for caller in callers:
            caller.start()
        try:
            for _ in range(faults):
                counts[fault(ring, dice)] += 1
            ring.wait_ready()
        finally:
            for caller in callers:
                caller.finish()
        accepted = [pair for caller in callers for pair in caller.accepted]
        ring.sim.wait(delivered=len(accepted), seconds=120)
        lost, doubled, late, delivered = compare(ring, accepted)
    for (how, name), count in sorted(counts.items()):
        print("%4d x %s %s" % (count, how, name))
    for number in (lost + doubled)[:10]:
        print("wrong: " + number)
    print("accepted=%d delivered=%d lost=%d doubled=%d out_of_order=%d faults=%d"
          % (len(accepted), delivered, len(lost), len(doubled), late, faults))
    return 0 if delivered >= len(accepted) and not lost and not doubled and not late else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("faults", type=int)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    parser.add_argument("--templaters", type=int, default=1)
    parser.add_argument("--senders", type=int, default=2)
    options = parser.parse_args()
    return run(options.faults, options.seed, options.templaters, options.senders)


if __name__ == "__main__":
    sys.exit(main())
