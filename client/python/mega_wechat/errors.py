"""What is raised. An answer of the broker never is: refusals (4xx) and failures (5xx) are results."""
from typing import Optional


class MegaError(Exception):
    """The client cannot be used: it was closed, or made in another process or event loop. Base of the other errors."""


class InvalidRequest(MegaError, ValueError):
    """The request breaks a limit and was not sent. `field` names the argument; the text says its limit and what to do."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(field, text)
        self.field = field

    def __str__(self) -> str:
        return "%s: %s" % self.args


class NoAnswer(MegaError, TimeoutError):
    """The broker did not answer in time, or the client was closed meanwhile. A message may have been accepted all the same:
    ask with status(), or repeat the call under the same id. `id` is None for what concerns no single message."""

    def __init__(self, text: str, id: Optional[str]) -> None:
        super().__init__(text, id)
        self.id = id

    def __str__(self) -> str:
        return "%s" % self.args[0]
