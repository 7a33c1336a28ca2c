"""A task of ten million rows: how long it takes to make, to start, to read again after a restart, to stop and to put back, and
how much memory mega-task needs for it. The broker gives nothing out meanwhile. Used by bench_task.

mega-task has one thread: while it goes through the marks of ten million rows, other tasks are fed nothing.
"""
import os
import time

from bench_set import bench_set, memory_kb, pause_sending
from figures import Figure
from tasks import Tasks

ROWS = 10000000
A_PIECE = 10000
MB = 1048576

FIGURES = [Figure("big_make_per_s", "ten million rows: made over the socket", "/s"),
           Figure("big_disk_mb", "ten million rows: on disk", "MB"),
           Figure("big_commit_s", "ten million rows: commit (count, sync)", "s"),
           Figure("big_start_ms", "ten million rows: start", "ms"),
           Figure("big_restart_s", "ten million rows: restart of mega-task until it answers", "s"),
           Figure("big_stop_s", "ten million rows: stop", "s"),
           Figure("big_resend_s", "ten million rows: resend, all put back", "s"),
           Figure("big_mb", "ten million rows: most memory of mega-task", "MB", "under 50 MB", lambda m: m["big_mb"] < 50)]


def piece(first):
    """Rows [line, openid, {"first": "1"}] as msgpack, made by hand: a packer would take longer than mega-task."""
    return b"".join(b"\x93\xce%b\xbco%027d\x81\xa5first\xa11" % ((i + 2).to_bytes(4, "big"), i) for i in range(first, first + A_PIECE))


def make(tasks):
    upload = os.urandom(8).hex()
    tasks.ask("open", name="big", upload=upload, key="test")
    for first in range(0, ROWS, A_PIECE):
        tasks.ask("rows", name="big", upload=upload, row=first, data=piece(first))
    return upload


def timed(function, *arguments, **members):
    """Seconds that it takes."""
    began = time.monotonic()
    function(*arguments, **members)
    return time.monotonic() - began


def disk_bytes(folder):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


def restart(ring, tasks):
    assert ring["task"].term() == 0
    ring["task"].start()
    tasks.show("big")


def put_back(tasks):
    tasks.ask("resend", name="big", cancelled=True)
    task = tasks.wait("big", "running")
    assert task["round"] == 2 and not task.get("cancelled"), task


def stop(tasks):
    tasks.ask("stop", name="big")
    assert tasks.wait("big", "stopped")["cancelled"] == ROWS


def measure():
    with bench_set(task=True) as ring:
        def most_mb():
            return memory_kb(ring["task"].process.pid, "VmHWM") / 1024
        pause_sending(ring)
        tasks, began = Tasks(ring), time.monotonic()
        upload = make(tasks)
        found = {"big_make_per_s": ROWS / (time.monotonic() - began),
                 "big_commit_s": timed(tasks.ask, "commit", name="big", upload=upload, rows=ROWS),
                 "big_start_ms": 1000 * timed(tasks.ask, "start", name="big")}
        found["big_disk_mb"], before_mb = disk_bytes(os.path.join(ring.folder, "store", "tasks")) / MB, most_mb()
        found["big_restart_s"] = timed(restart, ring, tasks)
        found["big_stop_s"] = timed(stop, tasks)
        found["big_resend_s"] = timed(put_back, tasks)
        found["big_mb"] = max(before_mb, most_mb())
        return found
