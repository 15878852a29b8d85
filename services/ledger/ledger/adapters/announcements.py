"""Turns what the ledger has done into the events that other contexts know, and into alarms where it could not."""

from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from chassis.database import UnitOfWork
from contracts import ledger as facts
from ledger.domain.money import format_amount
from ledger.domain.records import Award, Disbursement, Donation, Refund
from ledger.use_cases.events import Source

log = structlog.get_logger(__name__)

# Both are for an alert: that a fact could not be booked as asked is never silent. Counted when it is durable: a
# batch that stumbles is rolled back and handled again.
EXCEPTIONS: Final = Counter("impactnet_ledger_exceptions", "Events booked as exceptions.", ["type", "code"])
REFUSED: Final = Counter("impactnet_ledger_refused_commitments", "Awards that no money was set aside for.", ["code"])

# Said of a person who was erased meanwhile: a well-formed id that is nobody's.
NOBODY = UUID(int=0)


class OutboxAnnouncements:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def donation_received(self, donation: Donation) -> None:
        self._work.announce(
            facts.DonationReceived(
                transaction_id=donation.transaction_id,
                program_id=donation.program_id,
                user_id=donation.user_id,
                amount=format_amount(donation.amount, donation.currency),
                currency=donation.currency,
            )
        )

    def commitment_reserved(self, award: Award, transaction_id: UUID) -> None:
        self._work.announce(
            facts.CommitmentReserved(
                award_id=award.award_id,
                application_id=award.application_id,
                program_id=award.program_id,
                user_id=award.user_id or NOBODY,
                transaction_id=transaction_id,
                amount=format_amount(award.amount, award.currency),
                currency=award.currency,
            )
        )

    def commitment_released(self, award: Award, transaction_id: UUID, amount: Decimal) -> None:
        self._work.announce(
            facts.CommitmentReleased(
                award_id=award.award_id,
                application_id=award.application_id,
                program_id=award.program_id,
                user_id=award.user_id or NOBODY,
                transaction_id=transaction_id,
                amount=format_amount(amount, award.currency),
                currency=award.currency,
            )
        )

    def commitment_refused(
        self, *, award_id: UUID, application_id: UUID, program_id: UUID, user_id: UUID, code: str
    ) -> None:
        def alarm() -> None:
            REFUSED.labels(code).inc()
            log.warning("commitment_refused", award_id=str(award_id), program_id=str(program_id), code=code)

        self._work.after_commit(alarm)
        self._work.announce(
            facts.CommitmentRefused(
                award_id=award_id, application_id=application_id, program_id=program_id, user_id=user_id, code=code
            )
        )

    def disbursement_completed(self, disbursement: Disbursement) -> None:
        self._work.announce(facts.DisbursementCompleted.model_validate(_about(disbursement)))

    def disbursement_failed(self, disbursement: Disbursement, code: str, *, paid_nothing: bool = False) -> None:
        about = _about(disbursement) | {"code": code}
        if paid_nothing:
            about["transaction_id"] = None
        self._work.announce(facts.DisbursementFailed.model_validate(about))

    def disbursement_reversed(self, disbursement: Disbursement, code: str) -> None:
        self._work.announce(facts.DisbursementReversed.model_validate(_about(disbursement) | {"code": code}))

    def exception_booked(self, source: Source, code: str) -> None:
        def alarm() -> None:
            EXCEPTIONS.labels(source.event_type, code).inc()
            log.error("event_not_booked", event_id=str(source.event_id), event_type=source.event_type, code=code)

        self._work.after_commit(alarm)

    def refund_completed(self, refund: Refund) -> None:
        self._work.announce(
            facts.RefundCompleted(
                transaction_id=refund.transaction_id,
                donation_id=refund.donation_id,
                program_id=refund.program_id,
                user_id=refund.user_id,
                amount=format_amount(refund.amount, refund.currency),
                currency=refund.currency,
            )
        )


def _about(disbursement: Disbursement) -> dict[str, object]:
    return {
        "request_id": disbursement.request_id,
        "transaction_id": disbursement.transaction_id,
        "tranche_id": disbursement.tranche_id,
        "award_id": disbursement.award.award_id,
        "application_id": disbursement.application_id,
        "program_id": disbursement.award.program_id,
        "user_id": disbursement.user_id or NOBODY,
        "amount": format_amount(disbursement.amount, disbursement.currency),
        "currency": disbursement.currency,
    }
