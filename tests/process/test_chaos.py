"""A short run of chaos.py; scripts/chaos makes longer ones."""
import unittest

import chaos


class Chaos(unittest.TestCase):
    def test_two_hundred_faults(self):
        self.assertEqual(chaos.run(200, seed=1, templaters=2, senders=4), 0)


if __name__ == "__main__":
    unittest.main()
