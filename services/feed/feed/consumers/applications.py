"""From applications: what their owners, and the boards, hear of."""

from decimal import Decimal

from chassis.subscriptions import Delivery, DependencyMissingError, Subscriptions
from contracts import applications as facts
from feed.domain.notification import NotificationKind
from feed.use_cases.notify import notify
from feed.use_cases.ports import Desk, DeskOpener

AboutApplication = (
    facts.ApplicationSubmitted
    | facts.VideoReady
    | facts.VideoRefused
    | facts.InterviewCompleted
    | facts.ApplicationApproved
    | facts.ApplicationRejected
    | facts.AppealDecided
)

# What the owner hears of as it is; the kind is the fact's own name.
_TOLD_TO_OWNER: tuple[type[AboutApplication], ...] = (
    facts.ApplicationSubmitted,
    facts.VideoReady,
    facts.VideoRefused,
    facts.InterviewCompleted,
    facts.ApplicationApproved,
    facts.ApplicationRejected,
    facts.AppealDecided,
)


async def _tell_owner(desk: Desk, fact: AboutApplication, delivery: Delivery) -> None:
    code, amount, currency = None, None, None
    if isinstance(fact, facts.VideoRefused):
        code = fact.code
    elif isinstance(fact, facts.AppealDecided):
        code = fact.outcome
    elif isinstance(fact, facts.ApplicationApproved):
        amount, currency = Decimal(fact.amount), fact.currency
    await notify(
        desk,
        [fact.user_id],
        NotificationKind(fact.event_name()),
        cause_id=delivery.event.id,
        link=f"/applications/{fact.application_id}",
        program_id=fact.program_id,
        amount=amount,
        currency=currency,
        code=code,
    )


async def _tell_board(desk: Desk, fact: facts.ApplicationSubmitted, delivery: Delivery) -> None:
    board = await desk.programs.find_board(fact.program_id)
    if board is None:
        raise DependencyMissingError(f"program {fact.program_id}")
    await notify(
        desk,
        [user_id for user_id in board if user_id != fact.user_id],
        NotificationKind.REVIEW_REQUESTED,
        cause_id=delivery.event.id,
        link=f"/executive/applications/{fact.application_id}",
        program_id=fact.program_id,
    )


def subscribe(subscriptions: Subscriptions, open_desk: DeskOpener) -> None:
    async def on_fact(fact: AboutApplication, delivery: Delivery) -> None:
        await _tell_owner(open_desk(delivery.work), fact, delivery)

    async def on_submitted(fact: facts.ApplicationSubmitted, delivery: Delivery) -> None:
        await _tell_board(open_desk(delivery.work), fact, delivery)

    for kind in _TOLD_TO_OWNER:
        subscriptions.on(kind, on_fact)
    subscriptions.on(facts.ApplicationSubmitted, on_submitted)
