"""Short runs of moods.py; scripts/moods makes longer ones."""
import unittest

import moods


class Moods(unittest.TestCase):
    def test_token_invalidated_again_and_again(self):
        moods.run_token(4)

    def test_quota_reached_in_mid_load(self):
        moods.run_quota(500)

    def test_storm(self):
        moods.run_storm(1000)


if __name__ == "__main__":
    unittest.main()
