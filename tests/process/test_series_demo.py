"""What scripts/series-demo shows is what must stand there."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from series_demo import ORDERS, Demo  # noqa: E402


class Shown(unittest.TestCase):
    def test_all(self):
        out = Demo(quiet=True).run()
        words = {name: [line.split() for line in text.splitlines()] for name, text in out.items()}

        def states(name):
            return sorted(line[0] for line in words[name][1:])
        self.assertEqual([(line[0], line[4]) for line in words["plan"][1:]], [("1", "welcome"), ("2", "guide"), ("3", "last-chance")])
        self.assertEqual([line[0] for line in words["who"] if line[0].startswith("oM")], ["oMay"])
        self.assertEqual(states("begun"), ["scheduled", "scheduled", "sent"])
        self.assertEqual(states("left"), ["cancelled", "cancelled", "sent"])
        self.assertNotIn("oMay", out["nobody"])
        for openid, before, _, after in ORDERS:
            self.assertEqual((states(openid + " before"), states(openid)), ([before], [after]))
        self.assertIn("received", out["show"])
        self.assertEqual(sorted(line[1:] for line in words["delivery"] if line[:1] == ["default"]),
                         [["order", "3", "2", "1", "0", "0"], ["welcome", "1", "0", "0", "0", "1"]])


if __name__ == "__main__":
    unittest.main()
