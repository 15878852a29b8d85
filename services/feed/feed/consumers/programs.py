"""From programs: titles and boards, and news to lead to."""

from chassis.subscriptions import Delivery, Subscriptions
from contracts.programs import ProgramPublished, ProgramUpdated, UpdatePosted
from feed.use_cases.ports import DeskOpener
from feed.use_cases.publish_update import publish_update


def subscribe(subscriptions: Subscriptions, open_desk: DeskOpener) -> None:
    async def on_snapshot(fact: ProgramPublished | ProgramUpdated, delivery: Delivery) -> None:
        await open_desk(delivery.work).programs.put(
            fact.program_id,
            revision=fact.revision,
            title=fact.title,
            board=[seat.user_id for seat in fact.executives],
        )

    async def on_update(fact: UpdatePosted, delivery: Delivery) -> None:
        desk = open_desk(delivery.work)
        await publish_update(desk, program_id=fact.program_id, update_id=fact.update_id)

    subscriptions.on(ProgramPublished, on_snapshot)
    subscriptions.on(ProgramUpdated, on_snapshot)
    subscriptions.on(UpdatePosted, on_update)
