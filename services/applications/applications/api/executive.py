"""The board's side: the queue, an application whole, scoring, recusing, deciding."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from applications.api.answers import AppealAnswer, application_answer, award_answer
from applications.api.board_answers import (
    BoardApplicationAnswer,
    ProposedAnswer,
    QueueItemAnswer,
    QuorumAnswer,
    RecordedReviewAnswer,
    RecusalAnswer,
    RejectedAnswer,
    StateAnswer,
    decision_answer,
    queue_item_answer,
    review_answer,
)
from applications.api.bodies import AppealDecisionBody, ApproveBody, ScoreBody
from applications.api.dependencies import DeskDependency, ViewerDependency, WiringDependency
from applications.api.interview_answer import interview_answer
from applications.domain.application import Status
from applications.domain.award import TranchePlan
from applications.use_cases.appeal import decide_appeal
from applications.use_cases.board_access import panel_of, view_as_board
from applications.use_cases.decide_application import approve_application, reject_application
from applications.use_cases.queue_ports import QueueFilter
from applications.use_cases.recuse import recuse
from applications.use_cases.score_application import score_application
from applications.use_cases.show_application import show
from chassis.api.pages import Page, PageQuery, page_of
from chassis.api.preconditions import version_etag
from chassis.api.routing import UnitOfWorkRoute
from chassis.api.values import Reason

router = APIRouter(prefix="/api/v1/executive", tags=["executive"], route_class=UnitOfWorkRoute)


class QueueQuery(PageQuery):
    """Filters of the queue."""

    program_id: UUID | None = None
    status: Status | None = None
    scored_by_me: bool | None = None
    flagged: bool | None = None


@router.get("/applications/")
async def list_applications(
    viewer: ViewerDependency, desk: DeskDependency, query: Annotated[QueueQuery, Query()]
) -> Page[QueueItemAnswer]:
    """What was submitted to the boards I sit on; admins see all."""
    viewer.require_board_side()
    position = query.position(UUID)
    wanted = QueueFilter(
        viewer_id=viewer.user_id,
        board_of=viewer.board_of,
        program_id=query.program_id,
        status=query.status,
        scored_by_me=query.scored_by_me,
        flagged=query.flagged,
    )
    found = await desk.queue.page(wanted, position[0] if position else None, query.limit)
    page = page_of(found, query.limit, item=queue_item_answer, key=lambda each: (each.id,))
    return Page[QueueItemAnswer](**page)


@router.get("/applications/{application_id}/")
async def read_application(
    application_id: UUID, viewer: ViewerDependency, desk: DeskDependency, wired: WiringDependency, response: Response
) -> BoardApplicationAnswer:
    """One application with its reviews, quorum, interview, decision and award."""
    view = await view_as_board(desk, application_id, viewer)
    application = view.application
    [shown] = await show(desk, [application], appeal_window_days=wired.settings.appeal_window_days)
    common = await application_answer(wired, shown, to_board=True)
    panel = await panel_of(desk, application)
    program = await desk.programs.find(application.program_id)
    decision = await desk.decisions.find_last(application)
    counting = {review.id for review in panel.counting}
    submitted = application.submitted_at is not None
    response.headers["ETag"] = version_etag(application.version)
    return BoardApplicationAnswer(
        **dict(common),
        reviews=[review_answer(each, counted=each.id in counting) for each in panel.reviews],
        quorum=QuorumAnswer(needed=program.review_quorum if program else 0, have=len(counting)),
        interview=await interview_answer(desk, application.id) if submitted else None,
        decision=None if decision is None else decision_answer(decision),
        appeals=[AppealAnswer.model_validate(each) for each in await desk.appeals.of(application)],
        recused=sorted(panel.recused),
    )


@router.post("/applications/{application_id}/score/", status_code=201)
async def score(
    application_id: UUID, body: ScoreBody, viewer: ViewerDependency, desk: DeskDependency
) -> RecordedReviewAnswer:
    """Score every criterion; again is a revision."""
    review = await score_application(
        desk,
        application_id,
        viewer,
        scores=body.scores,
        notes=body.notes,
        recommendation=body.recommendation,
    )
    return RecordedReviewAnswer(
        id=review.id,
        executive_id=review.executive_id,
        total_score=f"{review.total_score:.2f}",
        revision=review.revision,
        reviewed_at=review.reviewed_at,
    )


@router.post("/applications/{application_id}/recuse/")
async def declare_conflict(
    application_id: UUID, body: Reason, viewer: ViewerDependency, desk: DeskDependency
) -> RecusalAnswer:
    """Declare a conflict of interest."""
    await recuse(desk, application_id, viewer, body.reason)
    return RecusalAnswer(application_id=application_id)


@router.post("/applications/{application_id}/approve/", status_code=202)
async def approve(
    application_id: UUID, body: ApproveBody, viewer: ViewerDependency, desk: DeskDependency
) -> ProposedAnswer:
    """Propose an award: approved only when the ledger has reserved the money."""
    decision, award = await approve_application(
        desk,
        application_id,
        viewer,
        amount=Decimal(body.amount),
        currency=body.currency,
        tranches=[TranchePlan(Decimal(each.amount), each.due_on, each.condition) for each in body.tranches],
        reason=body.reason,
    )
    return ProposedAnswer(
        application_id=application_id,
        status=Status.UNDER_REVIEW,
        decision=StateAnswer(id=decision.id, state=decision.state),
        award=award_answer(award),
    )


@router.post("/applications/{application_id}/reject/")
async def reject(application_id: UUID, body: Reason, viewer: ViewerDependency, desk: DeskDependency) -> RejectedAnswer:
    """Reject, with a reason that the applicant reads."""
    application = await reject_application(desk, application_id, viewer, body.reason)
    decision = await desk.decisions.find_last(application)
    if decision is None:
        raise RuntimeError("a rejection leaves a decision")
    return RejectedAnswer(
        application_id=application_id,
        status=application.status,
        decision=StateAnswer(id=decision.id, state=decision.state),
    )


@router.post("/appeals/{appeal_id}/decide/")
async def settle_appeal(
    appeal_id: UUID, body: AppealDecisionBody, viewer: ViewerDependency, desk: DeskDependency
) -> AppealAnswer:
    """Decide an appeal; not the one who decided the application."""
    appeal = await decide_appeal(desk, appeal_id, viewer, body.outcome, body.reason)
    return AppealAnswer.model_validate(appeal)
