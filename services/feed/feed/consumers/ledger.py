"""From ledger: payments for their payees, donations for their givers, impact for everybody."""

from decimal import Decimal
from uuid import UUID

from chassis.subscriptions import Delivery, Subscriptions
from contracts import ledger as facts
from feed.domain.notification import NotificationKind
from feed.use_cases.notify import notify
from feed.use_cases.ports import Desk, DeskOpener
from feed.use_cases.publish_impact import publish_impact, withdraw_impact

AboutDisbursement = facts.DisbursementCompleted | facts.DisbursementFailed | facts.DisbursementReversed
AboutGiving = facts.DonationReceived | facts.RefundCompleted


async def _tell(
    desk: Desk, fact: AboutDisbursement | AboutGiving, delivery: Delivery, user_id: UUID, link: str
) -> None:
    await notify(
        desk,
        [user_id],
        NotificationKind(fact.event_name()),
        cause_id=delivery.event.id,
        link=link,
        program_id=fact.program_id,
        amount=Decimal(fact.amount),
        currency=fact.currency,
        code=getattr(fact, "code", None),
    )


async def _show_impact(desk: Desk, fact: AboutDisbursement) -> None:
    if isinstance(fact, facts.DisbursementReversed):
        await withdraw_impact(desk, request_id=fact.request_id)
    elif isinstance(fact, facts.DisbursementCompleted) and fact.transaction_id is not None:
        await publish_impact(
            desk,
            program_id=fact.program_id,
            transaction_id=fact.transaction_id,
            request_id=fact.request_id,
            amount=Decimal(fact.amount),
            currency=fact.currency,
        )


def subscribe(subscriptions: Subscriptions, open_desk: DeskOpener) -> None:
    async def on_disbursement(fact: AboutDisbursement, delivery: Delivery) -> None:
        desk = open_desk(delivery.work)
        await _tell(desk, fact, delivery, fact.user_id, f"/applications/{fact.application_id}")
        await _show_impact(desk, fact)

    async def on_giving(fact: AboutGiving, delivery: Delivery) -> None:
        if fact.user_id is not None:
            desk = open_desk(delivery.work)
            await _tell(desk, fact, delivery, fact.user_id, f"/transactions/{fact.transaction_id}")

    subscriptions.on(facts.DisbursementCompleted, on_disbursement)
    subscriptions.on(facts.DisbursementFailed, on_disbursement)
    subscriptions.on(facts.DisbursementReversed, on_disbursement)
    subscriptions.on(facts.DonationReceived, on_giving)
    subscriptions.on(facts.RefundCompleted, on_giving)
