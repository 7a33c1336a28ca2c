"""What the broker answers."""
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Type, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    """proto/MESSAGES.md ("Results") says what each code and state means."""

    code: int                      # as in HTTP: 200 done, 100 not settled yet, 4xx refused, 5xx failed; 503: try again
    id: Optional[str] = None       # of the message; None where the request concerns no single one
    state: Optional[str] = None    # of the message; of a ping "ready" or "unready"
    message: Optional[str] = None  # what went wrong
    errcode: Optional[int] = None  # WeChat's, where it gave one
    msgid: Optional[int] = None    # the same
    count: int = 0                 # of a cancel by recipient or task: messages cancelled

    @property
    def ok(self) -> bool:
        return self.code == 200


def read_result(answer: Mapping[Any, Any], id: Optional[str]) -> Result:
    """`id` is that of the request, for answers that name none. What has another type than it should counts as not given."""
    return Result(
        code=_member(answer, "code", int) or 500,
        id=_member(answer, "id", str) or id,
        state=_member(answer, "state", str),
        message=_member(answer, "message", str),
        errcode=_member(answer, "errcode", int),
        msgid=_member(answer, "msgid", int),
        count=_member(answer, "count", int) or 0,
    )


def _member(answer: Mapping[Any, Any], name: str, kind: Type[T]) -> Optional[T]:
    value = answer.get(name)
    return value if isinstance(value, kind) else None
