"""The frames a server sends: events from Kafka, and what is said to one socket alone."""

import orjson

from chassis.clock import rfc3339
from contracts.envelope import Event
from gateway.problems import Problem


def event_head(channel: str, event: Event) -> str:
    """An event's frame up to where its position's value goes: the position differs, the rest is made once."""
    body = orjson.dumps(
        {
            "type": "event",
            "channel": channel,
            "id": str(event.id),
            "event": event.name,
            "at": rfc3339(event.time),
            "data": event.data,
        }
    ).decode()
    return f'{body[:-1]},"position":'


def welcome(position: str, *, recovered: bool | None) -> bytes:
    """`recovered`: null unless it answers a `resume`."""
    return orjson.dumps({"type": "welcome", "position": position, "recovered": recovered})


def pong() -> bytes:
    """The answer to `ping`."""
    return orjson.dumps({"type": "pong"})


def error(problem: Problem, request_id: str) -> bytes:
    """A problem as a frame: its own `type` gives way to the frame's."""
    return orjson.dumps({**problem.content(request_id), "type": "error"})


def relayed(kind: str, channel: str, content: dict[str, object]) -> bytes:
    """What a service says in the middle of a conversation: `token` and `message` of the interview, a `snapshot`."""
    return orjson.dumps({**content, "type": kind, "channel": channel})
