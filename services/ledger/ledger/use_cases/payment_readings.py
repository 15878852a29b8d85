"""What people read who look after payments: what is open, and what providers told us that fits nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OpenDispute:
    """The contradiction, what the rail said, and what was proposed so far.

    `committed` and `paid`: of a donation that is in the books, what awards have of it; None for anything else.
    """

    code: str
    status_before: str
    rail_status: str | None
    rail_amount: Decimal | None
    rail_currency: str | None
    opened_at: datetime
    outcome: str | None
    reason: str | None
    proposed_by: UUID | None
    approved_by: UUID | None
    committed: Decimal | None
    paid: Decimal | None


@dataclass(frozen=True, slots=True)
class OpenPayment:
    """A payment that is on its way or disputed."""

    transaction_id: UUID
    transaction_type: str
    status: str
    code: str | None
    rail: str
    reference: str
    amount: Decimal
    currency: str
    initiated_at: datetime
    asked: int
    due_at: datetime | None
    dispute: OpenDispute | None


@dataclass(frozen=True, slots=True)
class UnmatchedNotice:
    """A webhook about a reference that is none of ours."""

    delivery_id: int
    provider: str
    event: str
    reference: str | None
    status: str | None
    amount: Decimal | None
    currency: str | None
    sha256: str
    received_at: datetime


class PaymentReading(Protocol):
    """The oldest first; `limit` of them, and one more when there are more."""

    async def open_payments(self, *, after: UUID | None, limit: int) -> Sequence[OpenPayment]: ...
    async def unmatched(self, *, after: int | None, limit: int) -> Sequence[UnmatchedNotice]: ...
