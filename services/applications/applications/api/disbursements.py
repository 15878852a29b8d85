"""Money out: asked for by one admin, approved by another, never by the payee; and awards that are cancelled."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from applications.api.answers import AwardAnswer, DisbursementAnswer, award_answer, disbursement_answer
from applications.api.bodies import DisbursementBody
from applications.api.dependencies import DeskDependency, ViewerDependency
from applications.use_cases.board_access import view_as_board
from applications.use_cases.cancel_award import cancel_award
from applications.use_cases.disburse import (
    approve_disbursement,
    get_request,
    refuse_disbursement,
    request_disbursement,
)
from chassis.api.callers import AuthenticatedCaller
from chassis.api.pages import Page, PageQuery, page_of
from chassis.api.routing import UnitOfWorkRoute, Work, requires_idempotency_key
from chassis.api.values import Reason

router = APIRouter(prefix="/api/v1/executive", tags=["executive"], route_class=UnitOfWorkRoute)


class DisbursementQuery(PageQuery):
    """Filters of disbursement requests."""

    application_id: UUID | None = None
    status: Literal["requested", "approved", "refused", "paid", "failed", "reversed"] | None = None


@router.post("/applications/{application_id}/disbursements/", status_code=201)
@requires_idempotency_key
async def ask(
    application_id: UUID, body: DisbursementBody, viewer: ViewerDependency, desk: DeskDependency
) -> DisbursementAnswer:
    """Ask for a tranche to be paid."""
    return disbursement_answer(await request_disbursement(desk, application_id, viewer, body.tranche_id))


@router.get("/applications/{application_id}/disbursements/")
async def list_of_application(
    application_id: UUID,
    viewer: ViewerDependency,
    desk: DeskDependency,
    query: Annotated[PageQuery, Query()],
) -> Page[DisbursementAnswer]:
    """What was asked for on this application; its board sees it too."""
    await view_as_board(desk, application_id, viewer)
    position = query.position(UUID)
    found = await desk.disbursements.page(
        application_id=application_id, status=None, before=position[0] if position else None, limit=query.limit
    )
    return Page[DisbursementAnswer](
        **page_of(found, query.limit, item=disbursement_answer, key=lambda each: (each.id,))
    )


@router.get("/disbursements/")
async def list_all(
    viewer: ViewerDependency, desk: DeskDependency, query: Annotated[DisbursementQuery, Query()]
) -> Page[DisbursementAnswer]:
    """Every request, newest first."""
    viewer.require_admin()
    position = query.position(UUID)
    found = await desk.disbursements.page(
        application_id=query.application_id,
        status=query.status,
        before=position[0] if position else None,
        limit=query.limit,
    )
    return Page[DisbursementAnswer](
        **page_of(found, query.limit, item=disbursement_answer, key=lambda each: (each.id,))
    )


@router.get("/disbursements/{request_id}/")
async def read(request_id: UUID, viewer: ViewerDependency, desk: DeskDependency) -> DisbursementAnswer:
    """One request, and what became of it."""
    _, _, request = await get_request(desk, request_id, viewer)
    return disbursement_answer(request)


@router.post("/disbursements/{request_id}/approve/", status_code=202)
@requires_idempotency_key
async def approve(
    request_id: UUID,
    *,
    body: Reason,
    viewer: ViewerDependency,
    caller: AuthenticatedCaller,
    desk: DeskDependency,
    work: Work,
) -> DisbursementAnswer:
    """The second person, with a fresh step-up: the ledger pays."""
    confirmed = caller.has_stepped_up(work.now)
    return disbursement_answer(await approve_disbursement(desk, request_id, viewer, body.reason, confirmed=confirmed))


@router.post("/disbursements/{request_id}/reject/")
async def reject(request_id: UUID, body: Reason, viewer: ViewerDependency, desk: DeskDependency) -> DisbursementAnswer:
    """The second person says no."""
    return disbursement_answer(await refuse_disbursement(desk, request_id, viewer, body.reason))


@router.post("/awards/{award_id}/cancel/")
async def cancel(award_id: UUID, body: Reason, viewer: ViewerDependency, desk: DeskDependency) -> AwardAnswer:
    """Give back what is unpaid."""
    return award_answer(await cancel_award(desk, award_id, viewer, body.reason))
