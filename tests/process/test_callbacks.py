"""What callbacks.py proves, in short: WeChat's callbacks through kills of mega-listener and the broker."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from callbacks import callbacks  # noqa: E402


class Callbacks(unittest.TestCase):
    def test_kills(self):
        self.assertEqual(callbacks(events=600, seconds=15, kills=3, seed=8), [])


if __name__ == "__main__":
    unittest.main()
