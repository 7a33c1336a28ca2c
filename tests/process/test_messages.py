"""The golden bytes of tests/data/messages.hex, read by Python's msgpack, are what messages.json says: the reference does not rest
on our own packer. tests/unit/test_messages*.c, test_task_messages.c and test_series_messages.c compare the same
bytes with it.

In the JSON {"$ext": [type, text]} is an ext value, {"$bin": text} a bin, {"$packed": value} a bin that holds msgpack and {"$rows": [rows]}
one that holds the rows of a task one behind the other.
"""
import json
import os
import unittest

import msgpack

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data")


def read_golden():
    """name -> bytes"""
    messages, name = {}, None
    with open(os.path.join(DATA, "messages.hex"), encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("== "):
                name = line[3:].strip()
                assert name not in messages, name
                messages[name] = b""
            elif name is not None:
                messages[name] += bytes.fromhex(line.split("#")[0].replace(" ", "").strip())
    return messages


def readable(value):
    """The value as the JSON file writes it."""
    if isinstance(value, msgpack.ExtType):
        return {"$ext": [value.code, value.data.decode("ascii")]}
    if isinstance(value, bytes) and b"\x90" <= value[:1] <= b"\x9f":
        rows = msgpack.Unpacker(raw=False, strict_map_key=True)
        rows.feed(value)
        return {"$rows": [readable(row) for row in rows]}
    if isinstance(value, bytes):
        packed = unpack(value) if value[:1] >= b"\x80" and value[:1] <= b"\x8f" else None
        return {"$packed": readable(packed)} if packed is not None else {"$bin": value.decode("utf-8")}
    if isinstance(value, dict):
        return {name: readable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [readable(element) for element in value]
    return value


def unpack(packed):
    """One value; an error when bytes are left behind it."""
    return msgpack.unpackb(packed, raw=False, strict_map_key=True)


class Messages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.golden = read_golden()
        with open(os.path.join(DATA, "messages.json"), encoding="utf-8") as file:
            cls.values = json.load(file)

    def test_both_files_have_the_same_messages(self):
        self.assertEqual(list(self.golden), list(self.values))

    def test_bytes_are_what_the_json_says(self):
        for name, packed in self.golden.items():
            with self.subTest(name):
                self.assertEqual(readable(unpack(packed)), self.values[name])

    def test_order_of_members(self):
        """assertEqual does not look at the order of a dict."""
        for name, packed in self.golden.items():
            value = unpack(packed)
            if isinstance(value, dict):
                with self.subTest(name):
                    self.assertEqual(list(value), list(self.values[name]))

    def test_types_of_numbers(self):
        """1 == 1.0 == True in Python."""
        variables = unpack(self.golden["request push"])["vars"]
        kinds = {name: type(value) for name, value in variables.items()}
        self.assertEqual(kinds, {"name": str, "count": int, "debt": int, "price": float, "paid": bool,
                                 "note": type(None), "order": msgpack.ExtType})


if __name__ == "__main__":
    unittest.main()
