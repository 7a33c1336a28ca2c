"""docs/tasks.md as it happens: runs the commands of its transcript against the whole set, on a terminal of 120 columns, and prints the
page with what they said.

    task_guide.py [PAGE]        (docs/tasks.md)

Blocks that begin with `$ ` are run, one after the other, in a folder with the page's recipients.csv. A line that redraws itself
is shown as it was last. `sleep N` waits until the task is under way; supervisorctl signals KILL and starts again what it names.
"""
import os
import pty
import re
import select
import subprocess
import sys
import termios

from ring import BIN, Ring, deadline, pause, until
from tasks import Tasks

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/tasks.md")
TEMPLATE = ('{"touser":"${OPENID}","template_id":"T1","data":{"thing1":{"value":"${name}"},"amount2":{"value":"${price}元"}}}')
ROWS = 2000
CSV = "recipients.csv"


def write_recipients(folder):
    """One in a hundred has unsubscribed, two hundredths are met by a WeChat that is busy three times; two lines are wrong."""
    with open(os.path.join(folder, CSV), "w", encoding="utf-8") as f:
        f.write("openid,name,price\n")
        for i in range(1, ROWS + 1):
            kind = "oGone" if i % 100 == 37 else "oBusy" if i % 50 == 11 else "oFan"
            f.write("%s%04d,%s,%d.50\n" % (kind, i, "张三" if i % 2 else '"Li, Si"', i % 90 + 10))
            if i == 1200:
                f.write("oFan9999,王五\n,赵六,12.00\n")


def blocks(text):
    """The transcript's blocks: lists of (command, what it said)."""
    for block in re.findall(r"^```\n(\$ .*?)^```", text, re.S | re.M):
        yield re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", block, re.M)


def shown(raw):
    """What is left on the terminal: of a line that was redrawn the last one."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw).replace("\r\n", "\n")
    lines = [[piece for piece in line.split("\r") if piece.strip()] for line in text.split("\n")]
    return "".join((line[-1].rstrip() if line else "") + "\n" for line in lines).rstrip("\n") + "\n"


def on_terminal(command, folder, env):
    """Runs it on a terminal of its own; returns what that shows."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 120))
    process = subprocess.Popen(["bash", "-c", command], cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    raw, end = b"", deadline()
    while True:
        assert deadline(0) < end, "%s goes on: %s" % (command, raw[-500:])
        if select.select([ours], [], [], 0.2)[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # EIO: everybody has closed it
                break
            raw += piece
        elif process.poll() is not None:
            break
    process.wait()
    os.close(ours)
    return shown(raw.decode())


class Guide:
    def __enter__(self):
        self.ring = Ring(task=True, templates={"sale": TEMPLATE}, sim=["--latency", "100", "--fault", "oGone=43004", "--fault", "oBusy=-1*3"],
                         conf={"templater": {"missing_variable": "reject"}, "wechat": {"max_attempts": "3"}}).__enter__()
        self.tasks = Tasks(self.ring)
        write_recipients(self.ring.folder)
        return self

    def __exit__(self, *reason):
        self.ring.__exit__(*reason)

    def run(self, command):
        if command.startswith("sleep "):
            name = self.tasks.ask("list")["data"][0]["name"]
            until(lambda: self.tasks.show(name).get("sent", 0) > 200 or pause(), "under way")
            return ""
        killed = re.match(r"supervisorctl signal KILL (.*)", command)
        if killed:
            for stage in killed.group(1).split():
                self.ring.restart(stage.split("-")[-1], "kill")
            return "".join("%s: signalled\n" % stage for stage in killed.group(1).split())
        head = 'mega() { command mega "$@" -c %s; }\n' % self.ring.conf_path
        env = dict(os.environ, PATH=os.path.abspath(BIN) + ":" + os.environ["PATH"], TERM="xterm", LC_ALL="C.UTF-8", TZ="Asia/Shanghai")
        out = on_terminal(head + command.split("   #")[0], self.ring.folder, env)
        return out if out.strip() else ""


def run_page(text):
    """Yields (command, what the page says, what was said now)."""
    with Guide() as guide:
        for block in blocks(text):
            for command, said in block:
                yield command, said, guide.run(command)


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else PAGE
    with open(path, encoding="utf-8") as page:
        text = page.read()
    at = 0
    for command, said, now in run_page(text):
        old, new = "$ %s\n%s" % (command, said), "$ %s\n%s" % (command, now)
        at = text.index(old, at)
        text = text[:at] + new + text[at + len(old):]
        at += len(new)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
