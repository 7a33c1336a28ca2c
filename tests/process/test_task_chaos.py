"""A hundred thousand rows, killed and resumed at random a hundred times; scripts/task-chaos makes other runs."""
import unittest

import task_chaos


class TaskChaos(unittest.TestCase):
    def test_a_hundred_faults(self):
        self.assertEqual(task_chaos.run(100000, 100, seed=1), 0)


if __name__ == "__main__":
    unittest.main()
