"""Writes the golden messages of tests/data/messages.hex into a folder, one file each: seeds for the fuzzers of messages.

    python3 tests/fuzz/seeds.py FOLDER
"""
import os
import sys

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/messages.hex")


def main(folder):
    os.makedirs(folder, exist_ok=True)
    messages, name = {}, None
    with open(GOLDEN, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("== "):
                name = line[3:].strip().replace(" ", "-")
                messages[name] = b""
            elif name is not None:
                messages[name] += bytes.fromhex(line.split("#")[0].replace(" ", "").strip())
    for name, packed in messages.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(packed)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
