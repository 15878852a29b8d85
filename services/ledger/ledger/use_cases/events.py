"""An event as the ledger books it: its id, type and the hash that tells a repeat from a contradiction."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self
from uuid import UUID

import orjson

from contracts.envelope import EVENT_SIZE_BYTES_MAX
from ledger.domain import canonical


@dataclass(frozen=True, slots=True)
class Source:
    """Which event a block comes from. `content_hash` is hex SHA-256 over its canonical form."""

    event_id: UUID
    event_type: str
    content_hash: str

    @classmethod
    def of(cls, event_id: UUID, event_type: str, payload: bytes) -> Self:
        """`content_hash` = SHA-256(JCS(event without traceparent)): a redelivery's trace may differ, nothing else.

        Raises:
            NotCanonicalError: the event holds what the profile of 05-ledger cannot express.
        """
        content: dict[str, Any] = orjson.loads(payload)
        content.pop("traceparent", None)
        encoded = canonical.encode(content, size_bytes_max=EVENT_SIZE_BYTES_MAX)
        return cls(event_id, event_type, sha256(encoded).hexdigest())
