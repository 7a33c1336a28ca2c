"""A series as people see it, with the real set and the simulator in the place of WeChat: `scripts/series-demo` prints it,
test_series_demo.py holds each output against what must stand there.

Somebody follows and gets the first step of a series; he is in it; he unfollows, and the rest is cancelled. Then what becomes of template
messages: a receipt says that one was delivered and that the recipient of another has blocked the account; one that is reviewed by WeChat
(errcode 40252) is pending until its receipt.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from happenings import Happenings  # noqa: E402
from ring import BIN, LIMIT_S, pause, until  # noqa: E402

WELCOME = "start[] = follow\nstep[] = +0s welcome\nstep[] = +6h guide\nstep[] = +47h last-chance\nend[] = keyword:stop\n"
KEYS = ("welcome", "guide", "last-chance", "order")
ORDERS = (("oGood", "sent", "success", "delivered"), ("oBlocked", "sent", "failed:user block", "blocked"),
          ("oReview", "pending", "success", "delivered"))  # recipient, state, Status of his receipt, state then
SIM = ["--receipt", "*=none", "--fault", "oReview=40252"]  # receipts come when the demo tells them


class Demo:
    """Runs the commands; `shown`: pairs of command and output."""

    def __init__(self, quiet=False):
        self.quiet, self.shown = quiet, []
        self.h = Happenings({"welcome": WELCOME}, (), sim=SIM)
        for key in KEYS:  # keys of people, which no template_id of WeChat would be
            self.h.ring.write_template(key, '{"touser":"${OPENID}","template_id":"T-%s","data":{"first":{"value":"hello"}}}' % key)

    def tell(self, text):
        if not self.quiet:
            print(text, flush=True)

    def mega(self, *words):
        """A command as it is typed; returns what it printed."""
        done = subprocess.run([os.path.join(BIN, "mega"), *words, "-c", self.h.ring.conf_path], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert done.returncode == 0, "mega %s: %s" % (" ".join(words), done.stdout + done.stderr)
        self.shown.append((" ".join(words), done.stdout))
        self.tell("$ mega %s\n%s" % (" ".join(words), done.stdout))
        return done.stdout

    def happens(self, event, openid, **members):
        self.tell("*** WeChat tells: %s of %s%s" % (event, openid, " (%s)" % members["content"] if members else ""))
        number = self.h.sim.event(event, openid, **members)
        until(lambda: any(c["number"] == number and c["result"] == "answered" for c in self.h.sim.callbacks()) or pause(), event)
        until(self.h.listener.drained, "the broker has it")

    def wait_states(self, openid, *states):
        until(lambda: sorted(e["state"] for e in self.h.operator.list(openid=openid)) == sorted(states) or pause(),
              "%s: %s" % (openid, states))

    def push(self, openid, state):
        self.h.ring.client().ask_one(op="push", id="order-" + openid, openid=openid, key="order", vars={})
        self.wait_states(openid, state)

    def msgid(self, openid):
        """The one of who got a message; one that was reviewed first has another than anybody was told."""
        return next(e["msgid"] for e in self.h.sim.journal() if e["openid"] == openid) or 2 ** 60

    def run(self):
        """Returns what each command printed, by its name."""
        out = {}
        with self.h:
            out["plan"] = self.mega("series", "plan")
            self.happens("follow", "oMay")
            self.wait_states("oMay", "sent", "scheduled", "scheduled")
            out["who"] = self.mega("series", "who", "welcome")
            out["begun"] = self.mega("queue", "list", "--state", "all", "--openid", "oMay")
            self.happens("unfollow", "oMay")
            self.wait_states("oMay", "sent", "cancelled", "cancelled")
            out["left"] = self.mega("queue", "list", "--state", "all", "--openid", "oMay")
            out["nobody"] = self.mega("series", "who", "welcome")
            for openid, before, told, after in ORDERS:
                self.tell("*** a message goes to " + openid)
                self.push(openid, before)
                out[openid + " before"] = self.mega("queue", "list", "--state", "all", "--openid", openid)
                self.happens("receipt", openid, content=told, msgid=self.msgid(openid))
                self.wait_states(openid, after)
                out[openid] = self.mega("queue", "list", "--state", "all", "--openid", openid)
            out["show"] = self.mega("queue", "show", "order-oGood")
            out["delivery"] = self.mega("queue", "delivery")
        return out


if __name__ == "__main__":
    Demo().run()
