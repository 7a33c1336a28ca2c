"""A short run of mixed.py; call it with more faults for a longer one."""
import unittest

import mixed


class Mixed(unittest.TestCase):
    def test_every_mood_while_stages_die(self):
        self.assertEqual(mixed.run(25, seed=3), 0)


if __name__ == "__main__":
    unittest.main()
