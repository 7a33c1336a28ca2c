"""An alarm and its recovery as people get them: the real set with the simulator in the place of WeChat, an SMTP server and a webhook. A
sender is killed and started again; what came is shown. `scripts/alarm-demo` runs it."""
import json
import sys
import time

from alarm_peers import Hook, Mailbox
from ring import Ring, pause, until
from test_alarms import QUICK


def show(title, text):
    print("--- " + title)
    print(text.rstrip() + "\n", flush=True)


def main():
    mailbox, hook = Mailbox(), Hook()
    alarm = dict(QUICK, mail_server=mailbox.url, webhook=hook.url, stage_gone="2s", fine_for="2s", not_ready="0")
    with Ring(senders=2, conf={"alarm": alarm, "console": {"listen": "127.0.0.1:0"}}) as ring:
        console = ring.add("console", "mega-console").start()
        until(lambda: "event=ready" in console.log() or pause(), "mega-console is ready")
        until(lambda: "sender-2" in known(ring) or pause(), "mega-console has seen the senders")
        for act, event, word in ((ring["sender-2"].kill, "raised", "ALARM"), (ring["sender-2"].start, "recovered", "OK")):
            began = time.monotonic()
            act()
            told = hook.wait_event(event, "stage-gone", "sender-2")
            mail = mailbox.wait(lambda item: "%s stage-gone:sender-2" % word in item["text"])
            took = time.monotonic() - began
            show("webhook: " + event, json.dumps(told, indent=1))
            show("mail: " + mail["subject"], mail["raw"].decode().split("\r\n\r\n")[0].replace("\r\n", "\n") + "\n\n" + mail["text"])
            print("%s after %.1f s" % (event, took), flush=True)
    hook.close()
    mailbox.close()
    return 0


def known(ring):
    """What mega-console keeps of who was there."""
    try:
        with open(ring.folder + "/store/alarms.state", "rb") as f:
            return f.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
