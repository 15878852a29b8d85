"""People who are erased. Roles, sessions and suspensions are kept by the chassis."""

from collections.abc import Callable

from applications.use_cases.forget_person import forget_person
from applications.use_cases.ports import Desk
from chassis.database import UnitOfWork
from chassis.subscriptions import Delivery, Subscriptions
from contracts import identity


def subscribe(subscriptions: Subscriptions, open_desk: Callable[[UnitOfWork], Desk]) -> None:
    """Listen to `identity`."""

    async def erased(fact: identity.UserErased, delivery: Delivery) -> None:
        await forget_person(open_desk(delivery.work), fact.user_id)

    subscriptions.on(identity.UserErased, erased)
