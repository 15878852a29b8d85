"""From identity: who may no longer sit on a board. Roles themselves are kept by the chassis."""

from chassis.subscriptions import Delivery, Subscriptions
from contracts.identity import RoleChanged, UserErased, UserSuspended
from programs.use_cases.ports import DeskOpener
from programs.use_cases.unseat_executive import forget_executive, vacate_seats


def subscribe(subscriptions: Subscriptions, open_desk: DeskOpener) -> None:
    async def on_role_changed(fact: RoleChanged, delivery: Delivery) -> None:
        if fact.role != "executive":
            await vacate_seats(open_desk(delivery.work), fact.user_id)

    async def on_suspended(fact: UserSuspended, delivery: Delivery) -> None:
        await vacate_seats(open_desk(delivery.work), fact.user_id)

    async def on_erased(fact: UserErased, delivery: Delivery) -> None:
        await forget_executive(open_desk(delivery.work), fact.user_id)

    subscriptions.on(RoleChanged, on_role_changed)
    subscriptions.on(UserSuspended, on_suspended)
    subscriptions.on(UserErased, on_erased)
