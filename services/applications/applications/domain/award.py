"""Awards in tranches: planned by the board, committed by the ledger, paid one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from applications.domain.program import Program
from applications.domain.refusals import FieldRefusalError, IllegalStateError, IsPayeeError, SamePersonError

AwardState = Literal["reserving", "committed", "refused", "completed", "cancelled"]
TrancheState = Literal["planned", "requested", "approved", "paid", "failed", "reversed", "cancelled"]
RequestStatus = Literal["requested", "approved", "refused", "paid", "failed", "reversed"]

# What a payment can be asked for: nothing is under way, and nothing was paid (a reversed payment came back).
PAYABLE: tuple[TrancheState, ...] = ("planned", "failed", "reversed")


@dataclass(frozen=True, slots=True)
class TranchePlan:
    """A tranche as the board wants it."""

    amount: Decimal
    due_on: date
    condition: str


@dataclass(slots=True)
class Tranche:
    """A part of an award, paid at once. Each keeps its place in the plan."""

    id: UUID
    position: int
    amount: Decimal
    due_on: date
    condition: str
    state: TrancheState
    paid_at: datetime | None = None


@dataclass(slots=True)
class Award:
    """Money promised to an applicant."""

    id: UUID
    application_id: UUID
    decision_id: UUID
    amount: Decimal
    currency: str
    state: AwardState
    created_at: datetime
    tranches: list[Tranche] = field(default_factory=list)
    refusal_code: str | None = None

    def find_tranche(self, tranche_id: UUID) -> Tranche | None:
        return next((tranche for tranche in self.tranches if tranche.id == tranche_id), None)

    def commit(self) -> None:
        """The ledger has reserved the money."""
        self.state = "committed"

    def refuse(self, code: str) -> None:
        """The ledger cannot reserve the money."""
        self.state, self.refusal_code = "refused", code
        self._cancel_tranches()

    def cancel(self) -> Decimal:
        """Give back what is unpaid; returns how much that is.

        Raises:
            IllegalStateError: nothing is committed, or a payment is under way.
        """
        if self.state != "committed":
            raise IllegalStateError(self.state)
        if any(tranche.state == "approved" for tranche in self.tranches):
            raise IllegalStateError("approved", "A payment of this award is under way: wait for its outcome.")
        unpaid = sum((each.amount for each in self.tranches if each.state != "paid"), start=Decimal(0))
        self.state = "cancelled"
        self._cancel_tranches()
        return unpaid

    def settle(self) -> None:
        """Completed when every tranche is paid; a payment that came back reopens it."""
        if self.state in ("committed", "completed"):
            paid = all(tranche.state == "paid" for tranche in self.tranches)
            self.state = "completed" if paid else "committed"

    def _cancel_tranches(self) -> None:
        for tranche in self.tranches:
            if tranche.state != "paid":
                tranche.state = "cancelled"


@dataclass(slots=True)
class DisbursementRequest:
    """One person asked, another approves, neither is paid."""

    id: UUID
    tranche_id: UUID
    award_id: UUID
    application_id: UUID
    payee_id: UUID
    amount: Decimal
    currency: str
    status: RequestStatus
    requested_by: UUID
    requested_at: datetime
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    settled_at: datetime | None = None
    reason: str | None = None
    transaction_id: UUID | None = None
    failure_code: str | None = None

    def require_second_person(self, user_id: UUID) -> None:
        """Raises IsPayeeError or SamePersonError."""
        if user_id == self.payee_id:
            raise IsPayeeError
        if user_id == self.requested_by:
            raise SamePersonError

    def decide(self, status: Literal["approved", "refused"], by: UUID, at: datetime, reason: str | None) -> None:
        """A second person has spoken.

        Raises:
            IllegalStateError: it was decided before.
        """
        if self.status != "requested":
            raise IllegalStateError(self.status)
        self.status, self.decided_by, self.decided_at, self.reason = status, by, at, reason


def plan_of(
    program: Program, amount: Decimal, currency: str, tranches: Sequence[TranchePlan], today: date
) -> list[TranchePlan]:
    """The tranches of an award; none given means one, due today.

    Raises:
        FieldRefusalError: the amount lies outside the programme's, the currency is another, or the tranches do not sum.
    """
    errors = []
    if currency != program.currency:
        errors.append(("currency", "currency_mismatch", f"the programme's currency is {program.currency}"))
    if not program.award_min <= amount <= program.award_max:
        message = f"must be {program.award_min:.2f} to {program.award_max:.2f}"
        errors.append(("amount", "out_of_range", message))
    planned = list(tranches) or [TranchePlan(amount, today, "on award")]
    if sum((each.amount for each in planned), start=Decimal(0)) != amount:
        errors.append(("tranches", "tranches_do_not_sum", "the tranches must sum to the amount"))
    if errors:
        raise FieldRefusalError(errors)
    return planned
