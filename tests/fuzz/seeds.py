"""Writes seeds for fuzzers into a folder, one file each: in messages/ the golden messages of tests/data/messages.hex, in fuzz_event/ and
fuzz_envelope/ what WeChat posts to a callback address, in fuzz_series/ a definition of a series and asks about it.

    python3 tests/fuzz/seeds.py FOLDER
"""
import hashlib
import os
import struct
import sys

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/messages.hex")
HEAD = (("ToUserName", "gh_7f083739789a"), ("FromUserName", "oia2TjuEGTNoeX76QEjQNrcURxG8"), ("CreateTime", 1395658920))
RECEIPT = (("TemplateId", "VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc"), ("MsgID", 1700827132819554304), ("ErrorCode", 43101),
           ("ErrorStatus", "user refuse"))
EVENTS = {
    "text": (("MsgType", "text"), ("Content", "你好"), ("MsgId", 1234567890123456)),
    "follow": (("MsgType", "event"), ("Event", "subscribe"), ("EventKey", "qrscene_123123"), ("Ticket", "TICKET")),
    "scan": (("MsgType", "event"), ("Event", "SCAN"), ("EventKey", "123123")),
    "click": (("MsgType", "event"), ("Event", "CLICK"), ("EventKey", "MENU_1")),
    "sent": (("MsgType", "event"), ("Event", "TEMPLATESENDJOBFINISH"), ("MsgID", 200163836), ("Status", "failed: system failed")),
    "sent-items": (("MsgType", "event"), ("Event", "subscribe_msg_sent_event"), ("List", RECEIPT)),
    "sent-held": (("MsgType", "event"), ("Event", "subscribe_msg_sent_event"), ("SubscribeMsgSentEvent", (("List", RECEIPT), ("List", RECEIPT)))),
    "encrypted": (("Encrypt", "QUFBQUFBQUFBQUFBQUFBQQ=="),),
}
SERIES = """app = shop
start[] = follow
start[] = scan:poster-7
start[] = keyword:Hello
step[] = +10m welcome
step[] = +1d@09:00 news ttl=1h
step[] = @20:30 last-chance
timezone = Europe/Berlin
quiet = 22:00-08:00
end[] = keyword:stop
end[] = series:buyers
again = 30d
var[] = shop=Tea
"""


def golden():
    messages, name = {}, None
    with open(GOLDEN, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("== "):
                name = line[3:].strip().replace(" ", "-")
                messages[name] = b""
            elif name is not None:
                messages[name] += bytes.fromhex(line.split("#")[0].replace(" ", "").strip())
    return messages


def xml(value):
    if isinstance(value, tuple):
        return "".join(f"<{name}>{xml(inner)}</{name}>" for name, inner in value)
    return f"<![CDATA[{value}]]>" if isinstance(value, str) else str(value)


def json(value):
    if isinstance(value, tuple):
        return "{" + ",".join(f'"{name}":{json(inner)}' for name, inner in value) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def events():
    bodies = {}
    for name, fields in EVENTS.items():
        bodies[name + ".xml"] = xml((("xml", HEAD + fields),)).encode()
        bodies[name + ".json"] = json(HEAD + fields).encode()
    bodies["list.json"] = bodies["sent-items.json"].replace(b'"List":', b'"List":[').replace(b"}}", b"}]}")
    bodies["bomb.xml"] = b'<!DOCTYPE xml [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><xml><Content>&c;</Content></xml>'
    return bodies


def envelopes():
    """The first byte says which of its four ways the fuzzer goes."""
    message, app_id = b"<xml/>", b"wx5823bf96d3bd56c7"
    inside = bytes(16) + struct.pack(">I", len(message)) + message + app_id
    pad = 32 - len(inside) % 32
    signature = hashlib.sha1(b"".join(sorted((b"token", b"1409735669", b"1320562132")))).hexdigest().encode()
    return {
        "text": b"\0QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
        "inside": b"\1" + inside + bytes([pad]) * pad,
        "back": b"\2" + message,
        "url": b"\x031409735669\x001320562132\0" + signature + b"\0",
    }


def series():
    asks = {name: packed for name, packed in golden().items() if name.startswith("series-")}
    return {"definition": SERIES.encode(), **asks}


def write(folder, seeds):
    os.makedirs(folder, exist_ok=True)
    for name, content in seeds.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


def main(folder):
    write(os.path.join(folder, "messages"), golden())
    write(os.path.join(folder, "fuzz_event"), events())
    write(os.path.join(folder, "fuzz_envelope"), envelopes())
    write(os.path.join(folder, "fuzz_series"), series())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
