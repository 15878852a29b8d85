"""What applications says, as far as a user's counts follow from it."""

from collections.abc import Callable

from chassis.database import UnitOfWork
from chassis.subscriptions import Delivery, Subscriptions
from contracts.applications import ApplicationApproved, ApplicationSubmitted
from identity.use_cases.ports import Directory


def subscribe(subscriptions: Subscriptions, directory_of: Callable[[UnitOfWork], Directory]) -> None:
    """Count first submissions and approvals, each application once."""

    async def on_submitted(fact: ApplicationSubmitted, delivery: Delivery) -> None:
        if fact.first_submission:
            counts = directory_of(delivery.work).application_counts
            await counts.add(fact.user_id, fact.application_id, "submitted")

    async def on_approved(fact: ApplicationApproved, delivery: Delivery) -> None:
        counts = directory_of(delivery.work).application_counts
        await counts.add(fact.user_id, fact.application_id, "approved")

    subscriptions.on(ApplicationSubmitted, on_submitted)
    subscriptions.on(ApplicationApproved, on_approved)
