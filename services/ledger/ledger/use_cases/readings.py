"""What is read: views, and the ports through which routers and verifications read them. Reading never changes."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from ledger.domain.proofs import NodeId
from ledger.domain.records import PayeeAccount
from ledger.domain.verification import StoredBlock


@dataclass(frozen=True, slots=True)
class HeadState:
    """Where the writer stands."""

    size: int
    tip: str
    tip_at: datetime
    peaks: bytes


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    size: int
    root: bytes
    note: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Verification:
    """A pass over blocks up to and with `to_index` that found nothing wrong."""

    to_index: int
    verified_at: datetime
    verified_by: str


class ChainReading(Protocol):
    """Blocks, tree and checkpoints."""

    async def head(self) -> HeadState: ...
    async def find_by_hash(self, block_hash: str) -> StoredBlock | None: ...
    async def find_by_index(self, index: int) -> StoredBlock | None: ...
    async def range(self, start: int, end: int) -> list[StoredBlock]: ...
    def pages(self, start: int, end: int) -> AsyncIterator[list[StoredBlock]]: ...
    async def nodes(self, wanted: Iterable[NodeId]) -> Mapping[NodeId, bytes]: ...
    async def row_of_nodes(self, level: int, first: int, count: int) -> list[bytes]: ...
    async def preimages(self, first: int, count: int) -> list[bytes]: ...
    async def latest_checkpoint(self) -> StoredCheckpoint | None: ...
    async def checkpoints_within(self, start: int, end: int) -> Sequence[StoredCheckpoint]: ...
    async def verified(self, start: int, end: int) -> dict[int, str]: ...
    async def last_verification(self) -> Verification | None: ...


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A transaction as its owner or an admin may see it; `account` is the payee's, as it was when paid."""

    id: UUID
    transaction_type: str
    status: str
    amount: Decimal
    currency: str
    program_id: UUID
    application_id: UUID | None
    award_id: UUID | None
    tranche_id: UUID | None
    earmark: UUID | None
    code: str | None
    blockchain_hash: str | None
    previous_block_hash: str | None
    initiated_at: datetime
    completed_at: datetime | None
    version: int
    rail: str | None = None
    reference: str | None = None
    receipt_number: int | None = None
    account: PayeeAccount | None = None


class TransactionReading(Protocol):
    """`viewer` None sees all (an admin), anyone else their own."""

    async def find(self, transaction_id: UUID, *, viewer: UUID | None) -> TransactionView | None: ...
    async def page(
        self, *, viewer: UUID | None, before: UUID | None, limit: int, filters: Mapping[str, Any]
    ) -> list[TransactionView]:
        """The newest first; `limit` of them, and one more when there are more."""
        ...


@dataclass(frozen=True, slots=True)
class BeneficiaryPage:
    """A beneficiary with the personal part opened; None where nothing was written or the person was erased."""

    beneficiary_id: UUID
    user_id: UUID | None
    program_id: UUID
    application_id: UUID
    amount_received: Decimal
    currency: str
    is_public: bool
    joined_date: date
    completion_date: date | None
    version: int
    story: str | None
    display_name: str | None
    location: str | None


class Beneficiaries(Protocol):
    async def find(self, beneficiary_id: UUID, *, lock: bool = ...) -> BeneficiaryPage | None: ...
    async def page(
        self, *, after: UUID | None, limit: int, program_id: UUID | None, user_id: UUID | None
    ) -> list[BeneficiaryPage]:
        """Of everyone who consented (`user_id` None) or all of one person's; one more than `limit` if there are."""
        ...

    async def change(self, page: BeneficiaryPage, user_id: UUID, changes: Mapping[str, Any]) -> BeneficiaryPage: ...
    async def payments_to(self, beneficiary_id: UUID, limit: int) -> list[TransactionView]:
        """The first ones; one more than `limit` if there are more."""
        ...
