"""What series_load.py proves, in short: people follow, half of them leave, and exactly the steps are sent that should be."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from series_load import followers  # noqa: E402


class Followers(unittest.TestCase):
    def test_half_of_them_leave(self):
        # Sanitizers and other tests beside it: on time is what scripts/followers proves.
        self.assertEqual(followers(people=400, seconds=16, lag_ms_max=5000), [])


if __name__ == "__main__":
    unittest.main()
