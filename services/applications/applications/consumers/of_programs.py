"""Programmes as this service needs them: the last snapshot, the status, the board."""

from collections.abc import Callable

from applications.use_cases.ports import Desk
from chassis.database import UnitOfWork
from chassis.subscriptions import Delivery, Subscriptions
from contracts import programs


def subscribe(subscriptions: Subscriptions, open_desk: Callable[[UnitOfWork], Desk]) -> None:
    """Listen to `programs`."""

    async def created(fact: programs.ProgramCreated, delivery: Delivery) -> None:
        await open_desk(delivery.work).programs.keep_new(fact.program_id, fact.currency)

    async def changed(fact: programs.ProgramPublished | programs.ProgramUpdated, delivery: Delivery) -> None:
        kept = open_desk(delivery.work).programs
        snapshot = fact.model_dump(mode="json")
        if await kept.keep_snapshot(fact.program_id, fact.status, fact.currency, fact.revision, snapshot):
            board = [(seat.executive_id, seat.user_id, seat.is_chair) for seat in fact.executives]
            await kept.keep_board(fact.program_id, board)

    async def closed(fact: programs.ProgramClosed, delivery: Delivery) -> None:
        await open_desk(delivery.work).programs.set_status(fact.program_id, "closed")

    async def archived(fact: programs.ProgramArchived, delivery: Delivery) -> None:
        await open_desk(delivery.work).programs.set_status(fact.program_id, "archived")

    async def deleted(fact: programs.ProgramDeleted, delivery: Delivery) -> None:
        await open_desk(delivery.work).programs.forget(fact.program_id)

    async def seated(fact: programs.ExecutiveAdded, delivery: Delivery) -> None:
        kept = open_desk(delivery.work).programs
        await kept.add_seat(fact.program_id, fact.executive_id, fact.user_id, is_chair=fact.is_chair)

    async def left(fact: programs.ExecutiveRemoved, delivery: Delivery) -> None:
        await open_desk(delivery.work).programs.remove_seat(fact.executive_id)

    subscriptions.on(programs.ProgramCreated, created)
    subscriptions.on(programs.ProgramPublished, changed)
    subscriptions.on(programs.ProgramUpdated, changed)
    subscriptions.on(programs.ProgramClosed, closed)
    subscriptions.on(programs.ProgramArchived, archived)
    subscriptions.on(programs.ProgramDeleted, deleted)
    subscriptions.on(programs.ExecutiveAdded, seated)
    subscriptions.on(programs.ExecutiveRemoved, left)
