"""A short run of scale.py: nothing scheduled is lost, what falls due in one second goes out once. scripts/scale makes long
ones, and has the limits of time."""
import collections
import unittest

import scale

COUNT, BURST = 20000, 2000


class Scale(unittest.TestCase):
    def test_twenty_thousand(self):
        with scale.make_ring(journal=True) as ring:
            figures, wrong, _ = scale.measure(ring, COUNT, BURST, processes=1, margin_s=2)
            self.assertEqual(wrong, [])
            self.assertGreaterEqual(figures["scheduled"], COUNT)
            delivered = collections.Counter(e["openid"] for e in ring.sim.delivered())
            self.assertGreaterEqual(len(delivered), BURST)
            self.assertEqual(set(delivered.values()), {1})


if __name__ == "__main__":
    unittest.main()
