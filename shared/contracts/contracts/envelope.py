"""The envelope round every fact: CloudEvents 1.0, structured JSON, with one spelling in bytes."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contracts.fact import Fact, Time, format_time

SCHEMA_BASE = "https://api.impactnet.ng/schemas/"
# 04-events: anything larger travels as a reference.
EVENT_SIZE_BYTES_MAX = 256 * 1024
_SEQUENCE_MAX = 2**53 - 1
# Keys are sorted: what follows the sequence is the source.
_NUMBERED = b'"sequence":%d,"source":' % _SEQUENCE_MAX
_NUMBER_AT = len(b'"sequence":')
_NUMBER_END = _NUMBERED.index(b",")


class UndecodableEventError(ValueError):
    """These bytes are no event: they go to the dead letters at once, for no retry can mend them."""


class EventTooLargeError(ValueError):
    """The event is over `EVENT_SIZE_BYTES_MAX`: what is large must travel as a reference."""


class Event(BaseModel):
    """A CloudEvents 1.0 event (https://github.com/cloudevents/spec, JSON event format, structured mode).

    `sequence` is the aggregate's own version, contiguous from 1; `causationid` is the event or request that led here,
    `correlationid` the request at the start of it all, `actorid` the opaque id of the user who acted.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: Annotated[str, StringConstraints(pattern=r"^/impactnet/[a-z]+$")]
    type: Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z_]+\.v[1-9][0-9]*$", max_length=100)]
    subject: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    time: Time
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    sequence: Annotated[int, Field(ge=1, le=2**53 - 1)]
    traceparent: str | None = None
    actorid: str | None = None
    causationid: str | None = None
    correlationid: str | None = None
    data: dict[str, Any]

    @staticmethod
    def of(
        fact: Fact,
        *,
        event_id: UUID,
        time: Any,
        sequence: int,
        traceparent: str | None = None,
        actorid: str | None = None,
        causationid: str | None = None,
        correlationid: str | None = None,
    ) -> "Event":
        """Wrap a fact. `time` is an aware datetime.

        Not validated again: each value comes from a validated fact or from the outbox, which numbers from 1.
        """
        return Event.model_construct(
            id=event_id,
            source=f"/impactnet/{fact.context()}",
            type=fact.TYPE,
            subject=fact.subject(),
            time=time,
            dataschema=f"{SCHEMA_BASE}{fact.TYPE}.json",
            sequence=sequence,
            traceparent=traceparent,
            actorid=actorid,
            causationid=causationid,
            correlationid=correlationid,
            data=fact.model_dump(mode="json"),
        )

    @property
    def context(self) -> str:
        return self.type.split(".", 1)[0]

    @property
    def name(self) -> str:
        """The catalogue's name without context and version."""
        return self.type.split(".")[1]

    def to_bytes(self) -> bytes:
        """The one spelling of this event: sorted keys, no white space, UTF-8; absent extensions left out.

        Raises:
            EventTooLargeError: over 256 KiB.
        """
        return _encode(
            self.type,
            {
                "specversion": self.specversion,
                "id": str(self.id),
                "source": self.source,
                "type": self.type,
                "subject": self.subject,
                "time": format_time(self.time),
                "datacontenttype": self.datacontenttype,
                "dataschema": self.dataschema,
                "sequence": self.sequence,
                "data": self.data,
            },
            {
                "traceparent": self.traceparent,
                "actorid": self.actorid,
                "causationid": self.causationid,
                "correlationid": self.correlationid,
            },
        )

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Read an event.

        Raises:
            UndecodableEventError: not UTF-8 JSON, or not our envelope, or over the size cap.
        """
        return cls.from_content(parse_content(payload))

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """The event in what `parse_content` gives; raises UndecodableEventError when it is not our envelope."""
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            # The input is left out: an undecodable record may hold anything, and this text reaches logs.
            raise UndecodableEventError(str(error.errors(include_input=False, include_url=False))) from error


def _encode(event_type: str, body: dict[str, Any], extensions: dict[str, str | None]) -> bytes:
    body |= {name: value for name, value in extensions.items() if value is not None}
    encoded = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    if len(encoded) > EVENT_SIZE_BYTES_MAX:
        raise EventTooLargeError(f"{event_type} is {len(encoded)} bytes; the cap is {EVENT_SIZE_BYTES_MAX}")
    return encoded


def encode_fact(
    fact: Fact, *, event_id: UUID, subject: str, time: datetime, **extensions: str | None
) -> tuple[bytes, bytes]:
    """The bytes of a fact's event, as `Event.of(…).to_bytes()` gives them, up to its sequence number and from there on.

    Who numbers an aggregate's events knows the number last, and writes it between the two.

    Raises:
        EventTooLargeError: over 256 KiB with the longest number.
    """
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": f"/impactnet/{fact.context()}",
        "type": fact.TYPE,
        "subject": subject,
        "time": format_time(time),
        "datacontenttype": "application/json",
        "dataschema": f"{SCHEMA_BASE}{fact.TYPE}.json",
        "sequence": _SEQUENCE_MAX,
        "data": fact.model_dump(mode="json"),
    }
    # The last one: within a string its quotes would be escaped, and what holds strings stands before it.
    before, _, after = _encode(fact.TYPE, body, extensions).rpartition(_NUMBERED)
    return before + _NUMBERED[:_NUMBER_AT], _NUMBERED[_NUMBER_END:] + after


def parse_content(payload: bytes) -> dict[str, Any]:
    """The JSON object in a record, every member of it, also those that this version does not know.

    Raises:
        UndecodableEventError: not UTF-8 JSON, not an object, or over the size cap.
    """
    if len(payload) > EVENT_SIZE_BYTES_MAX:
        raise UndecodableEventError(f"{len(payload)} bytes is over the cap of {EVENT_SIZE_BYTES_MAX}")
    try:
        content = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise UndecodableEventError("not JSON") from error
    if not isinstance(content, dict):
        raise UndecodableEventError("not a JSON object")
    return content
