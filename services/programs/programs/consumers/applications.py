"""From applications: who has applied, and who has submitted."""

from chassis.subscriptions import Delivery, Subscriptions
from contracts.applications import ApplicationStarted, ApplicationSubmitted
from programs.use_cases.note_use import freeze_criteria, note_application
from programs.use_cases.ports import DeskOpener


def subscribe(subscriptions: Subscriptions, open_desk: DeskOpener) -> None:
    async def on_started(fact: ApplicationStarted, delivery: Delivery) -> None:
        await note_application(open_desk(delivery.work), fact.program_id)

    async def on_submitted(fact: ApplicationSubmitted, delivery: Delivery) -> None:
        await freeze_criteria(open_desk(delivery.work), fact.program_id)

    subscriptions.on(ApplicationStarted, on_started)
    subscriptions.on(ApplicationSubmitted, on_submitted)
