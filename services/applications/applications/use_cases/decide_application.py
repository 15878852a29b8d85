"""The board decides: an approval proposes an award and waits for the ledger, a rejection counts at once."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from applications.domain.application import Application
from applications.domain.award import Award, Tranche, TranchePlan, plan_of
from applications.domain.decision import Decision, require_decider
from applications.domain.program import Program
from applications.domain.refusals import NotFoundError, QuorumNotMetError
from applications.domain.review import mean_of
from applications.use_cases.board_access import Viewer, panel_of, require_in_session, view_as_board
from applications.use_cases.ports import Desk
from chassis.ids import new_id


async def approve_application(
    desk: Desk,
    application_id: UUID,
    viewer: Viewer,
    *,
    amount: Decimal,
    currency: str,
    tranches: Sequence[TranchePlan],
    reason: str,
) -> tuple[Decision, Award]:
    """Proposes the award; the application stays under review until the ledger has reserved the money.

    Raises:
        NotFoundError, ForbiddenError, RecusedError, NotTheDeciderError, IllegalStateError, QuorumNotMetError
        FieldRefusalError: amount, currency or tranches do not fit.
    """
    application, program, decision = await _decide(desk, application_id, viewer, "approved", reason)
    today = desk.now.astimezone(ZoneInfo(program.time_zone)).date()
    plan = plan_of(program, amount, currency, tranches, today)
    award = Award(
        id=new_id(),
        application_id=application.id,
        decision_id=decision.id,
        amount=amount,
        currency=currency,
        state="reserving",
        created_at=desk.now,
        tranches=[
            Tranche(new_id(), position, each.amount, each.due_on, each.condition, "planned")
            for position, each in enumerate(plan, start=1)
        ],
    )
    await desk.decisions.add(application, decision)
    await desk.awards.add(award)
    desk.announce.award_proposed(application, decision, award)
    return decision, award


async def reject_application(desk: Desk, application_id: UUID, viewer: Viewer, reason: str) -> Application:
    """Raises NotFoundError, ForbiddenError, RecusedError, NotTheDeciderError, IllegalStateError, QuorumNotMetError."""
    application, _, decision = await _decide(desk, application_id, viewer, "rejected", reason)
    await desk.decisions.add(application, decision)
    application.reject(desk.now, decision.final_score)
    application.decision_event_id = desk.announce.rejected(
        application, decision, await get_submission_sha256(desk, application)
    )
    await desk.applications.save(application, "application_rejected", reason)
    return application


async def get_submission_sha256(desk: Desk, application: Application) -> str:
    """The hash of what was submitted; raises NotFoundError before it was."""
    sha256 = await desk.submissions.find_sha256(application.id)
    if sha256 is None:
        raise NotFoundError("Nothing has been submitted.")
    return sha256


async def _decide(
    desk: Desk, application_id: UUID, viewer: Viewer, outcome: Literal["approved", "rejected"], reason: str
) -> tuple[Application, Program, Decision]:
    view = await view_as_board(desk, application_id, viewer, locked=True)
    seat = await require_in_session(desk, view)
    application = view.application
    program = await desk.programs.find(application.program_id)
    if program is None:
        raise NotFoundError
    panel = await panel_of(desk, application)
    if len(panel.counting) < program.review_quorum:
        needed, have = program.review_quorum, len(panel.counting)
        raise QuorumNotMetError(f"{needed} reviews are needed, {have} count.", needed=needed, have=have)
    require_decider(seat, panel.board, panel.counting, panel.excluded)
    decision = Decision(
        id=new_id(),
        application_id=application.id,
        outcome=outcome,
        state="reserving" if outcome == "approved" else "confirmed",
        decider_id=seat.user_id,
        executive_id=seat.executive_id,
        reason=reason,
        final_score=mean_of([review.total_score for review in panel.counting]),
        reviews=len(panel.counting),
        decided_at=desk.now,
    )
    return application, program, decision
