"""A client of mega-task, as mega task is one: makes tasks, steers them, looks at them."""
import os

import msgpack
import zmq

from ring import LIMIT_S, deadline, pause, until

COUNTS = ("sent", "pending", "refused", "expired", "dead", "cancelled", "todo", "out")


class Refused(Exception):
    def __init__(self, answer):
        super().__init__("%s %s" % (answer["code"], answer.get("message")))
        self.code, self.message = answer["code"], answer.get("message", "")


class Tasks:
    def __init__(self, ring):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self.socket.connect("ipc://%s/run/task.ipc" % ring.folder)
        self.next_ref = 1
        ring.clients.append(self)

    def close(self):
        self.socket.close()

    def answer(self, op, seconds=LIMIT_S, **members):
        """The answer to one ask, asked again while mega-task is away."""
        ref, self.next_ref = self.next_ref, self.next_ref + 1
        packed, end = msgpack.packb(dict(members, t="ask", op=op, ref=ref)), deadline(seconds)
        self.socket.send(packed)
        while True:
            if self.socket.poll(1000):
                answer = msgpack.unpackb(self.socket.recv())
                if answer.get("ref") == ref:
                    return answer
            else:
                assert not self.socket.closed and deadline(0) < end, "no answer to %s" % op
                self.socket.send(packed)

    def ask(self, op, **members):
        answer = self.answer(op, **members)
        if answer["code"] not in (100, 200):
            raise Refused(answer)
        return answer

    def make(self, name, rows, key="test", start=False, **members):
        """A task of rows (openid, vars)."""
        upload = os.urandom(8).hex()
        self.ask("open", name=name, upload=upload, key=key, **members)
        at = 0
        while at < len(rows):
            piece = rows[at:at + 2000]
            data = b"".join(msgpack.packb([at + i + 2, openid, variables]) for i, (openid, variables) in enumerate(piece))
            self.ask("rows", name=name, upload=upload, row=at, data=data)
            at += len(piece)
        self.ask("commit", name=name, upload=upload, rows=len(rows), start=start)

    def show(self, name):
        return self.ask("show", name=name)["data"]

    def counts(self, name):
        task = self.show(name)
        return {state: task[state] for state in COUNTS if task.get(state)}

    def wait(self, name, state, seconds=LIMIT_S):
        """Waits until the task is in a state; returns its map."""
        task = {}

        def is_so():
            task.update(self.show(name))
            return task["state"] == state or pause(50)
        until(is_so, "%s %s: %s" % (name, state, task), seconds)
        return self.show(name)

    def failed(self, name, limit=1000):
        entries, start = [], 0
        while True:
            answer = self.ask("failed", name=name, limit=limit, **({"from": start} if start else {}))
            entries += answer.get("data", [])
            if answer["code"] == 200:
                return entries
            start = int.from_bytes(answer["next"], "big")
