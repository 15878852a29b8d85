"""What is going on right now: the request or message being worked on, for logs, traces and events."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Execution:
    """One request or one message.

    `request_id` is the request's own; `correlation_id` the request at the start of it all; `causation_id` the event
    that led here (the request id when none did); `traceparent` as W3C Trace Context writes it; `actor_id` who acts.
    """

    request_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    actor_id: str | None = None


_current: ContextVar[Execution] = ContextVar("impactnet_execution", default=Execution())  # noqa: B039 -- the dataclass is frozen


def current_execution() -> Execution:
    """The execution under way; all None outside one."""
    return _current.get()


@contextmanager
def executing(execution: Execution) -> Iterator[None]:
    """Work inside is on behalf of `execution`."""
    token = _current.set(execution)
    try:
        yield
    finally:
        _current.reset(token)


def acting_as(actor_id: str) -> None:
    """The caller is known now: events of this execution carry the id."""
    _current.set(replace(_current.get(), actor_id=actor_id))
