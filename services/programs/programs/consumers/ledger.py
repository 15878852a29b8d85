"""From ledger: which programmes hold money."""

from chassis.subscriptions import Delivery, Subscriptions
from contracts.ledger import DonationReceived
from programs.use_cases.note_use import note_funding
from programs.use_cases.ports import DeskOpener


def subscribe(subscriptions: Subscriptions, open_desk: DeskOpener) -> None:
    async def on_donation(fact: DonationReceived, delivery: Delivery) -> None:
        await note_funding(open_desk(delivery.work), fact.program_id)

    subscriptions.on(DonationReceived, on_donation)
