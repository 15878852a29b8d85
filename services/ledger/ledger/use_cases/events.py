"""An event as the ledger books it: its id, type and the hash that tells a repeat from a contradiction."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Source:
    """Which event a block comes from. `content_hash` is hex SHA-256 over its canonical form."""

    event_id: UUID
    event_type: str
    content_hash: str
