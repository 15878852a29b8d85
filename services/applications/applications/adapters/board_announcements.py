"""What boards and admins decide, as the events that the other contexts know."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from applications.adapters.media_announcements import about
from applications.domain.application import Application
from applications.domain.award import Award, DisbursementRequest
from applications.domain.decision import Appeal, Decision
from applications.domain.program import Seat
from applications.domain.review import Review
from chassis.api.values import money
from chassis.database import UnitOfWork
from contracts import applications as facts


class BoardAnnouncements:
    """Keeps the promises of `use_cases.board_ports.BoardAnnouncements`."""

    _work: UnitOfWork

    def review_recorded(self, application: Application, review: Review, counted: int) -> UUID:
        return self._work.announce(
            facts.ReviewRecorded(
                **about(application),
                review_id=review.id,
                executive_id=review.executive_id,
                reviewer_id=review.reviewer_id,
                revision=review.revision,
                reviews_counted=counted,
            )
        )

    def executive_recused(self, application: Application, seat: Seat) -> UUID:
        fact = facts.ExecutiveRecused(
            **about(application), executive_id=seat.executive_id, recused_user_id=seat.user_id
        )
        return self._work.announce(fact)

    def award_proposed(self, application: Application, decision: Decision, award: Award) -> UUID:
        return self._work.announce(
            facts.AwardProposed(
                **about(application),
                award_id=award.id,
                decision_id=decision.id,
                decider_id=decision.decider_id,
                amount=money(award.amount),
                currency=award.currency,
                tranches=[
                    facts.TranchePlan(tranche_id=each.id, amount=money(each.amount), due_on=each.due_on)
                    for each in award.tranches
                ],
            )
        )

    def award_cancelled(self, application: Application, award: Award, by: UUID, unpaid: Decimal) -> UUID:
        return self._work.announce(
            facts.AwardCancelled(
                **about(application),
                award_id=award.id,
                cancelled_by=by,
                amount=money(unpaid),
                currency=award.currency,
            )
        )

    def approved(self, application: Application, decision: Decision, award: Award, submission_sha256: str) -> UUID:
        return self._work.announce(
            facts.ApplicationApproved(
                **about(application),
                award_id=award.id,
                decision_id=decision.id,
                decider_id=decision.decider_id,
                submission_sha256=submission_sha256,
                reviews=decision.reviews,
                final_score=f"{decision.final_score:.2f}",
                amount=money(award.amount),
                currency=award.currency,
            )
        )

    def rejected(self, application: Application, decision: Decision, submission_sha256: str) -> UUID:
        return self._work.announce(
            facts.ApplicationRejected(
                **about(application),
                decision_id=decision.id,
                decider_id=decision.decider_id,
                submission_sha256=submission_sha256,
                reviews=decision.reviews,
                final_score=f"{decision.final_score:.2f}",
            )
        )

    def appeal_opened(self, application: Application, appeal: Appeal) -> UUID:
        return self._work.announce(facts.AppealOpened(**about(application), appeal_id=appeal.id))

    def appeal_decided(self, application: Application, appeal: Appeal) -> UUID:
        if appeal.outcome is None:
            raise ValueError("an appeal that is open has no outcome to announce")
        fact = facts.AppealDecided(**about(application), appeal_id=appeal.id, outcome=appeal.outcome)
        return self._work.announce(fact)

    def disbursement_requested(self, application: Application, request: DisbursementRequest) -> UUID:
        return self._work.announce(facts.DisbursementRequested(**_of(application, request)))

    def disbursement_approved(self, application: Application, request: DisbursementRequest) -> UUID:
        if request.decided_by is None:
            raise ValueError("a request that nobody has decided is not approved")
        fact = facts.DisbursementApproved(**_of(application, request), approved_by=request.decided_by)
        return self._work.announce(fact)

    def disbursement_refused(self, application: Application, request: DisbursementRequest, by: UUID) -> UUID:
        return self._work.announce(facts.DisbursementRefused(**_of(application, request), refused_by=by))


def _of(application: Application, request: DisbursementRequest) -> dict[str, Any]:
    return {
        **about(application),
        "request_id": request.id,
        "award_id": request.award_id,
        "tranche_id": request.tranche_id,
        "amount": money(request.amount),
        "currency": request.currency,
        "requested_by": request.requested_by,
    }
