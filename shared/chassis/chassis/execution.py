"""What is going on right now: the request or message being worked on, for logs, traces and events."""

from contextvars import ContextVar
from typing import NamedTuple, Self


class Execution(NamedTuple):
    """One request or one message.

    `request_id` is the request's own; `correlation_id` the request at the start of it all; `causation_id` the event
    that led here (the request id when none did); `traceparent` as W3C Trace Context writes it; `actor_id` who acts.
    """

    request_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    actor_id: str | None = None


_current: ContextVar[Execution] = ContextVar("impactnet_execution", default=Execution())  # noqa: B039 -- a tuple is immutable


def current_execution() -> Execution:
    """The execution under way; all None outside one."""
    return _current.get()


class executing:  # noqa: N801 -- read as a verb: `with executing(…)`; a class, because every event enters one
    """Work inside is on behalf of `execution`."""

    __slots__ = ("_execution", "_token")

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    def __enter__(self) -> Self:
        self._token = _current.set(self._execution)
        return self

    def turn_to(self, execution: Execution) -> None:
        """From here on work is on behalf of `execution`, until the next turn or the end."""
        _current.set(execution)

    def __exit__(self, *_raised: object) -> None:
        _current.reset(self._token)


def acting_as(actor_id: str) -> None:
    """The caller is known now: events of this execution carry the id."""
    _current.set(_current.get()._replace(actor_id=actor_id))
