"""An event as the ledger books it: its id, type and the hash that tells a repeat from a contradiction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple, Self
from uuid import UUID

from contracts.envelope import EVENT_SIZE_BYTES_MAX
from ledger.domain import canonical


class Source(NamedTuple):
    """Which event a block comes from. `content_hash` is hex SHA-256 over its canonical form."""

    event_id: UUID
    event_type: str
    content_hash: str

    @classmethod
    def of(cls, event_id: UUID, event_type: str, content: Mapping[str, Any]) -> Self:
        """`content_hash` = SHA-256(JCS(event without traceparent)): a redelivery's trace may differ, nothing else.

        Raises:
            NotCanonicalError: the event holds what the profile of 05-ledger cannot express.
        """
        hashed = dict(content)
        hashed.pop("traceparent", None)
        encoded = canonical.encode(hashed, size_bytes_max=EVENT_SIZE_BYTES_MAX)
        return cls(event_id, event_type, sha256(encoded).hexdigest())


@dataclass(slots=True)
class Needs:
    """What a batch of events will ask the books for, in the order of arrival; some twice, which costs nothing."""

    programs: list[UUID] = field(default_factory=list)
    awards: list[UUID] = field(default_factory=list)
    applications: list[UUID] = field(default_factory=list)
    purposes: list[UUID] = field(default_factory=list)
    deciders: list[UUID] = field(default_factory=list)
