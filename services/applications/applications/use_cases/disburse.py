"""Money out of an award: one admin asks, another approves or refuses, the ledger pays and says how it went."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from applications.domain.application import Application
from applications.domain.award import PAYABLE, Award, DisbursementRequest
from applications.domain.refusals import IllegalStateError, IsPayeeError, NotFoundError, StepUpRequiredError
from applications.use_cases.board_access import Viewer, view_as_board
from applications.use_cases.ports import Desk
from chassis.ids import new_id

# The ledger's own code for what would pay a tranche a second time.
ALREADY_PAID: Final = "already_paid"
# Who refuses such a request: no person.
NOBODY: Final = UUID(int=0)


async def request_disbursement(
    desk: Desk, application_id: UUID, viewer: Viewer, tranche_id: UUID
) -> DisbursementRequest:
    """Asks for one tranche to be paid.

    Raises:
        NotFoundError, ForbiddenError, IsPayeeError
        IllegalStateError: the award is not committed, or the tranche is under way, paid or cancelled.
    """
    view = await view_as_board(desk, application_id, viewer, locked=True, own=True)
    viewer.require_admin()
    application = view.application
    if application.user_id == viewer.user_id:
        raise IsPayeeError
    award = (await desk.awards.last_of([application.id])).get(application.id)
    tranche = award.find_tranche(tranche_id) if award else None
    if award is None or tranche is None:
        raise NotFoundError
    if award.state not in ("committed", "completed"):
        raise IllegalStateError(award.state)
    if tranche.state not in PAYABLE:
        raise IllegalStateError(tranche.state)
    request = DisbursementRequest(
        id=new_id(),
        tranche_id=tranche.id,
        award_id=award.id,
        application_id=application.id,
        payee_id=application.user_id,
        amount=tranche.amount,
        currency=award.currency,
        status="requested",
        requested_by=viewer.user_id,
        requested_at=desk.now,
    )
    tranche.state = "requested"
    await desk.disbursements.add(request)
    await desk.awards.save(award)
    await desk.applications.save(application)
    desk.announce.disbursement_requested(application, request)
    return request


async def get_request(
    desk: Desk, request_id: UUID, viewer: Viewer, *, locked: bool = False
) -> tuple[Application, Award, DisbursementRequest]:
    """Raises NotFoundError, also for who is no admin."""
    request = await desk.disbursements.find(request_id)
    if request is None or not viewer.is_admin:
        raise NotFoundError
    if locked:
        application = await desk.applications.get_locked(request.application_id)
        # Again, now that nobody else can be changing it.
        request = await desk.disbursements.find(request_id)
    else:
        application = await _get_application(desk, request.application_id)
    award = await desk.awards.find(request.award_id) if request else None
    if request is None or award is None:
        raise NotFoundError
    return application, award, request


async def _get_application(desk: Desk, application_id: UUID) -> Application:
    application = await desk.applications.find(application_id)
    if application is None:
        raise NotFoundError
    return application


async def approve_disbursement(
    desk: Desk, request_id: UUID, viewer: Viewer, reason: str, *, confirmed: bool
) -> DisbursementRequest:
    """The second person: the ledger pays on this, and only on this. `confirmed`: a fresh step-up.

    Raises:
        NotFoundError, SamePersonError, IsPayeeError, StepUpRequiredError, IllegalStateError
    """
    return await _decide(desk, request_id, viewer, "approved", reason, confirmed=confirmed)


async def refuse_disbursement(desk: Desk, request_id: UUID, viewer: Viewer, reason: str) -> DisbursementRequest:
    """The second person says no: the tranche can be asked for again.

    Raises:
        NotFoundError, SamePersonError, IsPayeeError, IllegalStateError
    """
    return await _decide(desk, request_id, viewer, "refused", reason, confirmed=True)


async def _decide(
    desk: Desk,
    request_id: UUID,
    viewer: Viewer,
    outcome: Literal["approved", "refused"],
    reason: str,
    *,
    confirmed: bool,
) -> DisbursementRequest:
    application, award, request = await get_request(desk, request_id, viewer, locked=True)
    request.require_second_person(viewer.user_id)
    if not confirmed:
        raise StepUpRequiredError
    # What would say something about a person who is gone is not kept.
    kept = None if await desk.applications.is_erased(application.user_id) else reason
    request.decide(outcome, viewer.user_id, desk.now, kept)
    await desk.disbursements.save(request)
    tranche = award.find_tranche(request.tranche_id)
    if tranche is not None:
        tranche.state = "approved" if outcome == "approved" else "planned"
    await desk.awards.save(award)
    await desk.applications.save(application)
    if outcome == "approved":
        desk.announce.disbursement_approved(application, request)
    else:
        desk.announce.disbursement_refused(application, request, viewer.user_id)
    return request


async def settle_disbursement(
    desk: Desk,
    request_id: UUID,
    outcome: Literal["paid", "failed", "reversed"],
    *,
    transaction_id: UUID | None,
    code: str | None = None,
) -> None:
    """What the ledger says became of a payment.

    Raises:
        NotFoundError: no such request here.
    """
    found = await desk.disbursements.find(request_id)
    if found is None:
        raise NotFoundError
    application = await desk.applications.get_locked(found.application_id)
    request = await desk.disbursements.find(request_id)
    award = await desk.awards.find(found.award_id)
    if request is None or award is None:
        raise NotFoundError
    others = [each for each in await desk.disbursements.live_of(request.tranche_id) if each.id != request.id]
    if outcome == "paid":
        await _give_way(desk, application, others)
    request.status, request.failure_code, request.settled_at = outcome, code, desk.now
    request.transaction_id = transaction_id or request.transaction_id
    await desk.disbursements.save(request)
    # What is heard of an earlier payment does not move a tranche that another one pays, or is to pay.
    if outcome == "paid" or not others:
        _settle_tranche(award, request.tranche_id, outcome, desk.now)
    await desk.awards.save(award)
    await desk.applications.save(application, f"disbursement_{'completed' if outcome == 'paid' else outcome}")


async def _give_way(desk: Desk, application: Application, others: list[DisbursementRequest]) -> None:
    """The tranche was asked for again before its earlier payment turned out to have left: it is not paid twice.

    What nobody has decided is refused; what was approved the ledger refuses too, once it hears of it.
    """
    for other in others:
        if other.status == "requested":
            other.status = "refused"
            desk.announce.disbursement_refused(application, other, NOBODY)
        elif other.status == "approved":
            other.status = "failed"
        else:
            continue  # paid: two payments of one tranche contradict each other, and the database says so
        other.failure_code, other.settled_at = ALREADY_PAID, desk.now
        await desk.disbursements.save(other)


def _settle_tranche(
    award: Award, tranche_id: UUID, outcome: Literal["paid", "failed", "reversed"], now: datetime
) -> None:
    tranche = award.find_tranche(tranche_id)
    if tranche is not None:
        # What did not leave of a cancelled award has gone back to the programme.
        tranche.state = "cancelled" if outcome == "failed" and award.state == "cancelled" else outcome
        tranche.paid_at = now if outcome == "paid" else None
    award.settle()
