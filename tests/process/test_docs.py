"""The documentation: both languages of a page hold the same sections, rows, figures, steps and commands; every link leads somewhere; every
command and option of `mega` exists. What the commands do is for test_migration.py, test_task_guide.py and the tests of each program.
"""
import os
import re
import subprocess
import unittest

BIN = os.environ.get("MEGA_BIN", os.path.join(os.path.dirname(__file__), "../../build/bin"))
ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
TWIN = ".zh-CN.md"
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
COMMAND = re.compile(r"(\$ |(mega|mega-\w+|scripts/\w+|supervisorctl|systemctl|journalctl|cmake|sudo|apt|apt-get|dpkg|useradd|usermod|install|cp|"
                     r"mv|tar|rm|rsync|echo|for|kill|curl|npm) )")


def pages():
    """The path of each page, from the root. Folders of builds lie outside of it or are named build*; node_modules is npm's."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith((".", "build")) and f != "node_modules"]
        found += [os.path.relpath(os.path.join(folder, f), ROOT) for f in files if f.endswith(".md")]
    return sorted(found)


def read(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        return f.read()


def split(text):
    """The blocks of code, each as its lines, and the text without them."""
    blocks, rest, block = [], [], None
    for line in text.splitlines():
        if line.startswith("```"):
            if block is not None:
                blocks.append(block)
            block = [] if block is None else None
        elif block is not None:
            block.append(line)
        else:
            rest.append(line)
    assert block is None, "a block of code that has no end"
    return blocks, rest


def commands(block):
    """The commands of a block. What explains a command stands behind two spaces or a #; values may be translated."""
    return [re.sub(r"(?<=\w=)\S+", "", re.split(r"  | #", line.strip())[0]) for line in block if COMMAND.match(line)]


def shape(rest):
    """What a translation keeps: levels of headings, columns of rows, steps and items, in their order."""
    found = []
    for line in rest:
        mark = re.match(r"#+ |\||\d+\. |- ", line)
        if mark:
            found.append("| %d" % len(re.findall(r"(?<!\\)\|", line)) if mark[0] == "|" else mark[0])
    return found


def cells(rest):
    """The cells of all rows."""
    return [cell.strip() for line in rest if line.startswith("|") for cell in re.split(r"(?<!\\)\|", line)]


def numbers(cell):
    return sorted(re.findall(r"[0-9]+(?:[.,][0-9]+)*", re.sub(r"\]\([^)]*\)", "", cell)))


def anchors(rest):
    """The names that GitHub gives to headings."""
    found = set()
    for line in rest:
        heading = re.match(r"#+ (.*)", line)
        if heading:
            name = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading[1])).strip().lower().replace(" ", "-")
            count = 0
            while name + ("-%d" % count if count else "") in found:
                count += 1
            found.add(name + ("-%d" % count if count else ""))
    return found


class Languages(unittest.TestCase):
    def test_agree(self):
        twins = [page for page in pages() if page.endswith(TWIN)]
        self.assertIn("docs/operations" + TWIN, twins)
        for twin in twins:
            page = twin[:-len(TWIN)] + ".md"
            (blocks, rest), (blocks_zh, rest_zh) = split(read(page)), split(read(twin))
            with self.subTest(page=page):
                self.assertIn("](%s)" % os.path.basename(twin), "\n".join(rest[:4]), "each page links to the other at its top")
                self.assertIn("](%s)" % os.path.basename(page), "\n".join(rest_zh[:4]), "each page links to the other at its top")
                self.assertEqual(shape(rest), shape(rest_zh))
                self.assertEqual(len(blocks), len(blocks_zh))
            for cell, cell_zh in zip(cells(rest), cells(rest_zh)):
                with self.subTest(page=page, cell=cell):
                    self.assertEqual(numbers(cell), numbers(cell_zh))
                if not CHINESE.search(cell_zh) and "](" not in cell_zh:
                    with self.subTest(page=page, cell=cell_zh):
                        self.assertEqual(cell, cell_zh, "what is not translated is the same: keys, codes, states, numbers")
            for block, block_zh in zip(blocks, blocks_zh):
                with self.subTest(page=page, block=block[:1]):
                    if CHINESE.search("\n".join(block_zh)):
                        self.assertEqual(commands(block), commands(block_zh))
                    else:
                        self.assertEqual(block, block_zh)


class Links(unittest.TestCase):
    def test_lead_somewhere(self):
        """Every file and every section that is linked is there; a Chinese page links to Chinese ones where there are any."""
        names = {page: anchors(split(read(page))[1]) for page in pages()}
        seen = 0
        for page in names:
            text = re.sub(r"`[^`]*`", "", "\n".join(split(read(page))[1]))
            for file, section in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text):
                if re.match(r"\w+:", file):
                    continue
                target = os.path.relpath(os.path.join(ROOT, os.path.dirname(page), file), ROOT) if file else page
                with self.subTest(page=page, link=file + "#" + section):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, target)), "no such file")
                    self.assertTrue(not section or section in names.get(target, ()), "no such section")
                    own = target[:-3] + TWIN
                    self.assertFalse(page.endswith(TWIN) and page != own and own in names, "there is a Chinese page")
                seen += 1
        self.assertGreater(seen, 50)


class Commands(unittest.TestCase):
    HANDED_ON = {"wechat": ("mega-wechat", "mega-template"), "store": ("mega-store",)}
    TWO_WORDS = ("queue", "task", "wechat", "store", "token")
    PHP = ("start", "stop")  # mega wechat start, of the original

    def help_of(self, sub):
        """What `mega SUB` says of itself; `mega` says it of commands that have no help of their own."""
        asked = [[name, "--help"] for name in self.HANDED_ON.get(sub, ())] or [["mega", "--help"], ["mega", sub, "--help"]]
        return "".join(subprocess.run([os.path.join(BIN, words[0])] + words[1:], stdout=subprocess.PIPE, text=True, timeout=60).stdout
                       for words in asked)

    def used(self):
        """What is written behind `mega`: first word -> word or option -> a page that has it."""
        found = {}
        for page in pages():
            blocks, rest = split(read(page))
            code = sum(blocks, []) + re.findall(r"`([^`\n]+)`", "\n".join(rest))
            for sub, more in re.findall(r"(?m)(?:^|\$ |-- |\| )mega ([a-z]+)\b([^\n|;&]*)", "\n".join(code)):
                words = re.findall(r"^ ([a-z][a-z-]+)\b", more) if sub in self.TWO_WORDS else []
                for word in [sub] + words + re.findall(r"(?<![\w-])--[a-z][a-z-]+", more.split("  ")[0]):
                    found.setdefault(sub, {}).setdefault(word, page)
        return found

    def test_exist(self):
        """Every command and option that a page gives to `mega` is in its help."""
        used = self.used()
        self.assertGreater(len(used), 10)
        for sub, words in used.items():
            help_text = self.help_of(sub) + " --help"
            for word, page in words.items():
                known = re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(word), help_text) or (sub == "wechat" and word in self.PHP)
                self.assertTrue(known, "%s: mega %s: %s is not in its help" % (page, sub, word))


if __name__ == "__main__":
    unittest.main()
