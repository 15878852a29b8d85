"""An event as the ledger books it: its id, type and the hash that tells a repeat from a contradiction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple, Self
from uuid import UUID

from contracts.envelope import EVENT_SIZE_BYTES_MAX
from ledger.domain import canonical


class Source(NamedTuple):
    """Which event a block comes from. `digest` is SHA-256 over its canonical form, `content_hash` the same in hex."""

    event_id: UUID
    event_type: str
    digest: bytes

    @property
    def content_hash(self) -> str:
        return self.digest.hex()

    @classmethod
    def of(cls, event_id: UUID, event_type: str, content: Mapping[str, Any]) -> Self:
        """`digest` = SHA-256(JCS(event without traceparent)): a redelivery's trace may differ, nothing else.

        Raises:
            NotCanonicalError: the event holds what the profile of 05-ledger cannot express.
        """
        if "traceparent" in content:
            content = {name: value for name, value in content.items() if name != "traceparent"}
        encoded = canonical.encode(content, size_bytes_max=EVENT_SIZE_BYTES_MAX)
        return cls(event_id, event_type, sha256(encoded).digest())


@dataclass(slots=True)
class Needs:
    """What a batch of events will ask the books for, in the order of arrival; some twice, which costs nothing."""

    programs: list[UUID] = field(default_factory=list)
    awards: list[UUID] = field(default_factory=list)
    applications: list[UUID] = field(default_factory=list)
    purposes: list[UUID] = field(default_factory=list)
    deciders: list[UUID] = field(default_factory=list)
