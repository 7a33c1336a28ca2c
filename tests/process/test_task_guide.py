"""docs/tasks.md happens as it stands there, numbers aside; and both languages show the same."""
import os
import re
import unittest

import task_guide

CHINESE = task_guide.PAGE.replace(".md", ".zh-CN.md")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def form(text):
    """The text without what differs from run to run: numbers, ids, bars, and what is there only while it runs."""
    text = re.sub(r"\[[█░]*\]", "[bar]", text)
    text = re.sub(r" +[\d.,]+/s(?= |\n|$)|  [\dhms]+ left|^(?:todo|out) .*\n", "", text, flags=re.M)
    text = re.sub(r"  \d+ (?:dead|refused)(?=  |\n)", "", text)
    text = re.sub(r"rid: [0-9a-f-]*|[0-9a-f]{32}", "ID", text)
    return re.sub(r" +", " ", re.sub(r"[\d.,:]*\d", "N", text))


class Guide(unittest.TestCase):
    maxDiff = None

    def test_happens_as_it_stands_there(self):
        for command, said, now in task_guide.run_page(read(task_guide.PAGE)):
            with self.subTest(command):
                self.assertEqual(form(now), form(said))

    def test_languages_agree(self):
        """The same commands and the same sections, rows and items."""
        english, chinese = read(task_guide.PAGE), read(CHINESE)
        self.assertEqual(re.findall(r"^```\n(.*?)^```", english, re.S | re.M), re.findall(r"^```\n(.*?)^```", chinese, re.S | re.M))
        for pattern in (r"^(#+) ", r"^(\|)", r"^(- )"):
            self.assertEqual(re.findall(pattern, english, re.M), re.findall(pattern, chinese, re.M), pattern)

    def test_links(self):
        for name in (task_guide.PAGE, CHINESE):
            for file in re.findall(r"\]\(([^)#]+)", read(name)):
                self.assertTrue(os.path.exists(os.path.join(os.path.dirname(name), file)), file)


if __name__ == "__main__":
    unittest.main()
