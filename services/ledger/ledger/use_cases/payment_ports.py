"""What paying needs from the outside: rails, what they send us, and the books of payments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from ledger.domain.disputes import Dispute, Outcome
from ledger.domain.payments import RailAnswer
from ledger.domain.records import Disbursement, Donation, PayeeAccount, Refund
from ledger.domain.transactions import RailStatus, Status


class RailUnsureError(Exception):
    """The rail did not answer clearly: the money may or may not be moving."""


class PayeeRefusedError(Exception):
    """The rail does not pay to this account; nothing was sent."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Rail(Protocol):
    """A way to pay. `send` and `refund` are called at most once per reference; afterwards there is only asking."""

    @property
    def name(self) -> str: ...

    @property
    def lost_after(self) -> timedelta:
        """A reference still unknown this long after the call can no longer arrive: more than its slowest delivery."""
        ...

    @property
    def watched_for(self) -> timedelta:
        """How long a settled payment is asked about, for money that comes back and for calls that arrived late."""
        ...

    async def prepare(self, account: PayeeAccount) -> str:
        """Where `send` is to pay to; moves nothing and may be repeated.

        Raises:
            PayeeRefusedError, RailUnsureError
        """
        ...

    async def send(self, reference: str, amount: Decimal, currency: str, destination: str) -> RailAnswer:
        """Raises RailUnsureError when the outcome is unknown."""
        ...

    async def ask(self, reference: str) -> RailAnswer:
        """About what was sent. Raises RailUnsureError when there is no clear answer."""
        ...

    async def ask_donation(self, reference: str) -> RailAnswer:
        """About money that a donor was to pay in. Raises RailUnsureError."""
        ...

    async def refund(self, reference: str, amount: Decimal, currency: str, *, donation: str) -> RailAnswer:
        """Back to where the donation (its reference) came from; as careful as `send`."""
        ...

    async def ask_refund(self, reference: str, *, donation: str) -> RailAnswer:
        """Raises RailUnsureError when there is no clear answer."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider's webhook says; believed only as far as: have a look. `kind`: charge, transfer or refund."""

    event: str
    kind: str | None
    reference: str | None
    status: str | None
    amount: Decimal | None
    currency: str | None


class WebhookSource(Protocol):
    """A provider that sends webhooks."""

    @property
    def name(self) -> str: ...
    def is_signed(self, headers: Mapping[str, str], body: bytes) -> bool: ...
    def read(self, body: bytes) -> Notice:
        """Raises BadNoticeError for what is none."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored notice that waits to be applied."""

    delivery_id: int
    provider: str
    notice: Notice


class Webhooks(Protocol):
    async def add(self, provider: str, sha256: str, notice: Notice) -> bool:
        """False for a replay, which changes nothing."""
        ...

    async def next_pending(self) -> Delivery | None: ...
    async def record(self, delivery_id: int, outcome: str, transaction_id: UUID | None) -> None: ...


@dataclass(frozen=True, slots=True)
class ManualRecord:
    """What a person saw at the bank about a transfer that people make."""

    outcome: RailStatus
    amount: Decimal
    bank_reference: str
    proof_sha256: str | None
    note: str | None
    recorded_by: UUID


class ManualTransfers(Protocol):
    async def add(self, transaction_id: UUID, record: ManualRecord) -> bool:
        """False when the reference, however it is written, proves another transfer already; nothing is added then."""
        ...

    async def latest(self, transaction_id: UUID) -> RailStatus | None: ...


class Disputes(Protocol):
    """Every way into and out of `disputed`, for ever."""

    async def open(self, payment: Disbursement | Donation | Refund, code: str, said: RailAnswer | None) -> None: ...
    async def find_open(self, transaction_id: UUID) -> Dispute | None: ...
    async def propose(self, dispute: Dispute, outcome: Outcome, reason: str, proposed_by: UUID) -> None: ...
    async def approve(self, dispute: Dispute, approved_by: UUID) -> None: ...
    async def next_approved(self) -> UUID | None:
        """The transaction of an approved dispute that no other worker holds."""
        ...

    async def correction_of(self, transaction_id: UUID) -> tuple[UUID, Status] | None:
        """The last one that took the transaction's place, and its state by now."""
        ...

    async def close(self, dispute: Dispute, code: str | None, correction_id: UUID | None) -> None:
        """`code` becomes the transaction's; None clears it."""
        ...


@dataclass(frozen=True, slots=True)
class Unsettled:
    """How many payments are on their way or contradicted, and since when the oldest is."""

    direction: str
    status: str
    count: int
    oldest_at: datetime


class Payments(Protocol):
    @property
    def disputes(self) -> Disputes: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def manual(self) -> ManualTransfers: ...

    async def due_donations(self, at_most: int, *, only: UUID | None = ...) -> Sequence[Donation]:
        """Donations that are due with their rails and that no other worker holds, locked; `only`: this one of them."""
        ...

    async def next_due_disbursement(self) -> Disbursement | None: ...
    async def confirm(self, transaction_id: UUID, confirmed_by: UUID) -> bool:
        """Whether this is who confirms it: False when someone has."""
        ...

    async def schedule(self, transaction_id: UUID, due_at: datetime | None, *, asked: int | None = ...) -> None:
        """When the rail is asked next, None for never; `asked` begins the growing pauses anew."""
        ...

    async def settle(self, transaction_ids: Sequence[UUID]) -> None:
        """Their rails need not be asked any more."""
        ...

    async def mark_called(self, transaction_id: UUID, due_at: datetime) -> None: ...
    async def ask_again(self, transaction_id: UUID, due_at: datetime | None) -> None:
        """Like `schedule`, and counts one more time that the rail is asked."""
        ...

    async def account_of(self, disbursement: Disbursement) -> PayeeAccount | None: ...
    async def people_of(self, transaction_id: UUID) -> frozenset[UUID]:
        """Who asked and who approved: neither of them confirms."""
        ...

    async def find_by_reference(self, rail: str, reference: str, kind: str) -> Sequence[UUID]:
        """The transaction that a rail means; for `refund`, all those of the donation it names, the newest first."""
        ...

    async def has_other_live(self, tranche_id: UUID, transaction_id: UUID) -> bool:
        """Whether another payment than this one pays the tranche."""
        ...

    async def add_correction(self, corrected: Disbursement | Refund, correction_id: UUID) -> None:
        """A completed transaction of the same kind, with the same parties, that takes the place of a failed one."""
        ...

    async def close_award(self, award_id: UUID) -> None:
        """The award was cancelled: what still comes back of it goes to the programme at once."""
        ...

    async def is_closed(self, award_id: UUID) -> bool: ...
    async def revive_forgotten(self) -> int:
        """Makes due what is under way and would never be asked about, or only when a wrong clock is right: how many."""
        ...

    async def unanswered(self, called_before: datetime) -> Sequence[UUID]:
        """What an outside rail was called for before then and still gives no final answer about."""
        ...

    async def unsettled(self) -> Sequence[Unsettled]: ...


class Refunds(Protocol):
    async def add(self, refund: Refund, reason: str) -> None: ...
    async def add_return(self, refund: Refund, code: str) -> None:
        """One that nobody asked for and no rail was called for: the money has left, and is booked as completed."""
        ...

    async def approve(self, refund: Refund, approved_by: UUID) -> None: ...
    async def mark_approved(self, refund: Refund) -> None: ...
    async def find_live(self, donation_id: UUID) -> Refund | None:
        """The one that may still move money; of two, the one that is not disputed."""
        ...

    async def give_all_back(self, donation: Donation) -> bool:
        """Whether refunds that have left are all of the donation."""
        ...

    async def is_donation_completed(self, refund: Refund) -> bool:
        """Whether what it gives back is in the books, and undisputed."""
        ...

    async def has_disputed(self, donation_id: UUID) -> bool:
        """Whether one of the donation is: it may have left as well, or not at all."""
        ...

    async def has_successor(self, refund: Refund) -> bool:
        """Whether a later refund of the donation took the place of this one."""
        ...

    async def how_the_last_ended(self, donation: Donation) -> Status | None:
        """The state of the donation's newest refund; None when none was ever asked for."""
        ...

    async def find_locked(self, transaction_id: UUID) -> Refund | None: ...
    async def next_due(self) -> Refund | None: ...
