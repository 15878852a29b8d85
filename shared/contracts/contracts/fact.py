"""The base of everything a service says: a frozen set of fields with a name, a context and a subject."""

import re
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

_LENGTH_WITHOUT_ZONE: Final = len("2026-01-01T00:00:00.000000")
Context = Literal["identity", "programs", "applications", "ledger", "feed"]

TYPE_PATTERN = re.compile(r"^(identity|programs|applications|ledger|feed)\.[a-z_]+\.v[1-9][0-9]*$")

# A decimal string, never a float: 18 digits and up to 4 decimals hold every ISO 4217 amount of numeric(20,2).
Amount = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,4})?$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Sha256Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A stable snake_case code; 64 characters are plenty for a name.
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Decimal2 = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}\.[0-9]{2}$")]


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with exactly six digits and `Z`."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='microseconds')[:_LENGTH_WITHOUT_ZONE]}Z"


Time = Annotated[
    AwareDatetime,
    # RFC 3339 in UTC with exactly six digits and Z: one spelling, so that equal times are equal bytes.
    PlainSerializer(format_time, return_type=str, when_used="json"),
]


class Fact(BaseModel):
    """Something that happened in one context, as the others may know it.

    A subclass sets `TYPE` (`<context>.<name>.v<version>`) and `SUBJECT` (the field holding the aggregate's id, or a
    constant in quotes such as `"=chain"`). No floats and no personal data: opaque ids, codes, hashes and decimal
    strings only. Unknown fields are ignored, so that a consumer may be older than its producer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    SUBJECT: ClassVar[str]

    @classmethod
    def context(cls) -> str:
        return cls.TYPE.split(".", 1)[0]

    @classmethod
    def event_name(cls) -> str:
        """The catalogue's name without context and version: `interview_started`."""
        return cls.TYPE.split(".")[1]

    def subject(self) -> str:
        """The aggregate's id: the event's CloudEvents `subject` and its Kafka key."""
        if self.SUBJECT.startswith("="):
            return self.SUBJECT[1:]
        return str(getattr(self, self.SUBJECT))


Id = UUID
