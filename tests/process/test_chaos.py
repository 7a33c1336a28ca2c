"""A short run of chaos.py, and what it takes for doubled; scripts/chaos makes longer ones."""
import unittest

import chaos


class Chaos(unittest.TestCase):
    def test_many_faults(self):
        self.assertEqual(chaos.run(110, seed=1, templaters=2, senders=4), 0)


class Doubled(unittest.TestCase):
    def check(self, is_repeated, *calls, number="z-1-1"):
        entries = [{"result": result, "client_msg_id": client_msg_id} for result, client_msg_id in calls]
        self.assertEqual(chaos.is_repeated(number, entries, {"n-1-1"}), is_repeated, calls)

    def test_template_messages(self):
        self.check(False, ("delivered", "a"))
        self.check(False, ("delivered", "a"), ("duplicate", "a"))
        self.check(False, ("conflict", "a"), ("delivered", "b"))
        self.check(False, ("conflict", "a"), ("conflict", "b"), ("delivered", "c"), ("duplicate", "c"))
        self.check(True, ("delivered", "a"), ("delivered", "a"))
        self.check(True, ("delivered", "a"), ("delivered", "b"))
        self.check(True, ("conflict", "a"), ("delivered", "b"), ("delivered", "c"))
        self.check(True, ("cut", "a"), ("delivered", "b"))
        self.check(True, ("refused", "a"), ("delivered", "b"))

    def test_customer_service_messages(self):
        self.check(False, ("delivered", None), number="n-1-1")
        self.check(False, ("conflict", None), ("delivered", None), number="n-1-1")
        self.check(True, ("delivered", None), ("delivered", None), number="n-1-1")
        self.check(True, ("cut", None), ("delivered", None), number="n-1-1")
        self.check(True, ("delivered", None), ("conflict", None), ("duplicate", None), number="n-1-1")


if __name__ == "__main__":
    unittest.main()
