"""mega-task as `mega task` sees it, played by the test: a thread that answers on a ROUTER socket and keeps what it was told.

    with FakeTask(folder) as daemon:
        daemon.tasks["may-sale"]["rows"]   # [[line, openid, vars], …]

It keeps the rules of proto/task.h: rows in order, a task only after its commit. Nothing here sleeps.
"""
import threading

import msgpack
import zmq

LOOK_MS = 50


class FakeTask:
    def __init__(self, folder, name="task"):
        self.endpoint = "ipc://%s/%s.ipc" % (folder, name)
        self.tasks = {}      # by name; "committed" says whether it is there
        self.log = []        # every ask: (op, members)
        self.silent = {}     # op -> how many of them get no answer and have no effect
        self.codes = {}      # op -> list of (code, message) for the next ones
        self.shows = {}      # name -> list of data maps; the last one stays
        self.pages = {}      # name -> pages of failed
        self.forgets = 0     # rows that are lost after the next piece
        self.on_ask = None   # called with each ask, in the thread
        self.peers = set()
        self.thread = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.is_over = False
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self.socket.bind(self.endpoint)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def stop(self):
        if self.thread:
            self.is_over = True
            self.thread.join()
            self.thread = None

    def ops(self, op):
        return [ask for ask in self.log if ask["op"] == op]

    def run(self):
        while not self.is_over:
            if self.socket.poll(LOOK_MS):
                who, frame = self.socket.recv_multipart()
                self.take(who, msgpack.unpackb(frame))
        self.socket.close()

    def take(self, who, ask):
        self.log.append(ask)
        self.peers.add(who)
        if self.on_ask:
            self.on_ask(ask)
        if self.silent.get(ask["op"], 0):
            self.silent[ask["op"]] -= 1
            return
        if self.codes.get(ask["op"]):
            code, message = self.codes[ask["op"]].pop(0)
            answer = dict(code=code, message=message)
        else:
            answer = getattr(self, "on_" + ask["op"], self.on_other)(ask)
        answer = dict(dict(t="answer", ref=ask["ref"], code=200), **answer)
        self.socket.send_multipart([who, msgpack.packb(answer, use_bin_type=True)])

    def making(self, ask):
        task = self.tasks.get(ask["name"])
        return task if task and task["upload"] == ask["upload"] and not task["committed"] else None

    def on_open(self, ask):
        task = self.tasks.get(ask["name"])
        if task and task["upload"] != ask["upload"]:
            return dict(code=400, message="name: there is a task of this name")
        self.tasks[ask["name"]] = dict(ask, rows=[], drops=set(), committed=False)
        return {}

    def on_rows(self, ask):
        task, first = self.making(ask), ask.get("row", 0)
        if task is None:
            return dict(code=404, message="upload: unknown")
        if first > len(task["rows"]):
            return dict(code=400, message="data: rows that do not follow", done=len(task["rows"]))
        unpacker = msgpack.Unpacker(max_buffer_size=1 << 21)
        unpacker.feed(ask["data"])
        rows = list(unpacker)
        task["rows"][first:] = rows  # as the real one does: what was there from it on is forgotten
        if self.forgets:
            del task["rows"][-self.forgets:]
            self.forgets = 0
        return dict(done=len(task["rows"]))

    def on_drop(self, ask):
        self.making(ask)["drops"].update(ask["drops"])
        return {}

    def on_commit(self, ask):
        task = self.making(ask)
        if task is None or len(task["rows"]) != ask["rows"]:
            return dict(code=400, message="rows: not as many as have arrived")
        task.update(committed=True, bad=ask.get("bad", 0), start=ask.get("start", False))
        return dict(done=ask["rows"])

    def on_abort(self, ask):
        if self.making(ask):
            del self.tasks[ask["name"]]
        return {}

    def on_failed(self, ask):
        pages = self.pages[ask["name"]]
        at = ask.get("from", 0)
        if at + 1 == len(pages):
            return dict(data=pages[at])
        return dict(code=100, data=pages[at], next=(at + 1).to_bytes(8, "big"))

    def on_list(self, ask):
        return dict(data=[shows[-1] for _, shows in sorted(self.shows.items())])

    def on_other(self, ask):
        shows = self.shows.get(ask["name"])
        if shows is None:
            return dict(code=404, message="name: there is no task of this name")
        return dict(data=shows.pop(0) if len(shows) > 1 else shows[0])
