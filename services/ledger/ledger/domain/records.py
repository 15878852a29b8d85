"""What the ledger keeps about programmes, awards and movements of money, as its use cases see it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from ledger.domain.drafts import AwardReference, DisbursementReference, RefundReference
from ledger.domain.transactions import Status


class Program(NamedTuple):
    """A programme as far as money is concerned."""

    program_id: UUID
    currency: str


class Tranche(NamedTuple):
    tranche_id: UUID
    amount: Decimal
    due_on: date


class Award(NamedTuple):
    """Money promised to a beneficiary. `paid`: has left or is leaving; `released`: given back to the programme."""

    award_id: UUID
    application_id: UUID
    program_id: UUID
    beneficiary_id: UUID
    user_id: UUID | None
    amount: Decimal
    currency: str
    paid: Decimal = Decimal(0)
    released: Decimal = Decimal(0)

    @property
    def reference(self) -> AwardReference:
        return AwardReference(self.award_id, self.program_id, self.beneficiary_id)

    @property
    def unpaid(self) -> Decimal:
        return self.amount - self.paid - self.released


@dataclass(frozen=True, slots=True)
class Donation:
    """Money in, from announcement to confirmation. `asked`: how often the rail was asked about it."""

    transaction_id: UUID
    program_id: UUID
    donor_id: UUID
    user_id: UUID | None
    requested_by: UUID | None
    amount: Decimal
    currency: str
    earmark: UUID | None
    status: Status
    rail: str
    reference: str = ""
    initiated_at: datetime | None = None
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Disbursement:
    """Money out, with its payment. `called_at` is when the rail was first called; `asked` how often since."""

    transaction_id: UUID
    request_id: UUID
    status: Status
    award: AwardReference
    application_id: UUID
    tranche_id: UUID
    user_id: UUID | None
    amount: Decimal
    currency: str
    payee_commitment: str
    rail: str
    reference: str
    called_at: datetime | None
    asked: int

    @property
    def booking(self) -> DisbursementReference:
        return DisbursementReference(
            self.transaction_id, self.award, self.tranche_id, self.payee_commitment, self.amount, self.currency
        )


@dataclass(frozen=True, slots=True)
class Refund:
    """Money back to its donor; `approved_by` is set once a second person has approved."""

    transaction_id: UUID
    donation_id: UUID
    program_id: UUID
    donor_id: UUID
    user_id: UUID | None
    requested_by: UUID | None
    approved_by: UUID | None
    amount: Decimal
    currency: str
    status: Status
    rail: str
    reference: str
    called_at: datetime | None
    asked: int

    @property
    def booking(self) -> RefundReference:
        return RefundReference(
            self.transaction_id, self.donation_id, self.donor_id, self.program_id, self.amount, self.currency
        )


@dataclass(frozen=True, slots=True)
class PayeeAccount:
    """Where a person is paid; personal, opened only to be shown to its owner or told to the rail."""

    bank_code: str
    account_number: str
    account_name: str
    currency: str
    version: int
    payee_id: UUID | None = None

    @property
    def last4(self) -> str:
        return self.account_number[-4:]

    def fields(self) -> dict[str, str]:
        return {
            "bank_code": self.bank_code,
            "account_number": self.account_number,
            "account_name": self.account_name,
            "currency": self.currency,
        }
