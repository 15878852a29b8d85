"""From identity: who has asked to be forgotten."""

from chassis.subscriptions import Delivery, Subscriptions
from contracts.identity import UserErased
from feed.use_cases.forget_person import forget_person
from feed.use_cases.ports import DeskOpener


def subscribe(subscriptions: Subscriptions, open_desk: DeskOpener) -> None:
    async def on_erased(fact: UserErased, delivery: Delivery) -> None:
        await forget_person(open_desk(delivery.work), fact.user_id)

    subscriptions.on(UserErased, on_erased)
