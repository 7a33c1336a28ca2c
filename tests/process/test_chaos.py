"""A short run of chaos.py; scripts/chaos makes longer ones."""
import unittest

import chaos


class Chaos(unittest.TestCase):
    def test_forty_faults(self):
        self.assertEqual(chaos.run(40, seed=1, templaters=2, senders=3), 0)


if __name__ == "__main__":
    unittest.main()
