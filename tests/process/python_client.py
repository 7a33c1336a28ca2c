"""What the tests of the Python client share: the package as it lies in client/python, and one way to call both clients."""
import asyncio
import inspect
import os
import sys
import threading

FOLDER = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../client/python"))
sys.path.insert(0, FOLDER)

import mega_wechat  # noqa: E402


class Both:
    """Client or AsyncClient of one name, with the methods of the asynchronous one."""

    def __init__(self, kind, frontend, **options):
        self.client = kind(frontend, **options)

    def __getattr__(self, method):
        async def call(*args, **arguments):
            answer = getattr(self.client, method)(*args, **arguments)
            return await answer if inspect.isawaitable(answer) else answer
        return call

    async def push_many(self, messages, **options):
        answers = self.client.push_many(messages, **options)
        if inspect.isasyncgen(answers):
            return [result async for result in answers]
        return list(answers)


def with_both(scenario):
    """A test method of an async method that takes a client: it is run with each kind, `self.frontend` being the broker."""
    def test(self):
        for kind in (mega_wechat.Client, mega_wechat.AsyncClient):
            async def run():
                both = Both(kind, self.frontend)
                try:
                    await scenario(self, both, kind.__name__)
                finally:
                    await both.close()
            with self.subTest(kind.__name__):
                asyncio.run(run())
    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    return test


class Background(threading.Thread):
    """A call in a thread of its own; result() gives what it returns, or raises what it raises."""

    def __init__(self, call):
        super().__init__(daemon=True)
        self.call, self.value, self.error = call, None, None
        self.start()

    def run(self):
        try:
            self.value = self.call()
        except BaseException as error:
            self.error = error

    def result(self, seconds=60):
        self.join(seconds)
        assert not self.is_alive(), "still waiting"
        if self.error:
            raise self.error
        return self.value
