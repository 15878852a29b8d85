"""What the ledger says: money reserved or refused, payments and what became of them, blocks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from applications.domain.refusals import NotFoundError
from applications.use_cases.confirm_award import confirm_award, refuse_award
from applications.use_cases.disburse import settle_disbursement
from applications.use_cases.ports import Desk
from chassis.database import UnitOfWork
from chassis.subscriptions import Delivery, DependencyMissingError, Subscriptions
from contracts import ledger


class LedgerListener:
    """Handlers of the ledger's facts. What they answer to was said by us, so it is there or about to be."""

    def __init__(self, open_desk: Callable[[UnitOfWork], Desk]) -> None:
        self._open_desk = open_desk

    async def on_reserved(self, fact: ledger.CommitmentReserved, delivery: Delivery) -> None:
        with _waiting_for(f"award {fact.award_id}"):
            await confirm_award(self._open_desk(delivery.work), fact.application_id, fact.award_id)

    async def on_refused(self, fact: ledger.CommitmentRefused, delivery: Delivery) -> None:
        with _waiting_for(f"award {fact.award_id}"):
            await refuse_award(self._open_desk(delivery.work), fact.application_id, fact.award_id, fact.code)

    async def on_completed(self, fact: ledger.DisbursementCompleted, delivery: Delivery) -> None:
        with _waiting_for(f"disbursement request {fact.request_id}"):
            desk = self._open_desk(delivery.work)
            await settle_disbursement(desk, fact.request_id, "paid", transaction_id=fact.transaction_id)

    async def on_failed(self, fact: ledger.DisbursementFailed, delivery: Delivery) -> None:
        with _waiting_for(f"disbursement request {fact.request_id}"):
            await settle_disbursement(
                self._open_desk(delivery.work),
                fact.request_id,
                "failed",
                transaction_id=fact.transaction_id,
                code=fact.code,
            )

    async def on_reversed(self, fact: ledger.DisbursementReversed, delivery: Delivery) -> None:
        with _waiting_for(f"disbursement request {fact.request_id}"):
            await settle_disbursement(
                self._open_desk(delivery.work),
                fact.request_id,
                "reversed",
                transaction_id=fact.transaction_id,
                code=fact.code,
            )

    async def on_blocks(self, fact: ledger.BlocksAppended, delivery: Delivery) -> None:
        recorded = ((_event_id(block.transaction_id), block.hash) for block in fact.blocks)
        hashes = {event_id: block_hash for event_id, block_hash in recorded if event_id is not None}
        await self._open_desk(delivery.work).applications.set_blocks(hashes)


def subscribe(subscriptions: Subscriptions, open_desk: Callable[[UnitOfWork], Desk]) -> None:
    """Listen to `ledger`."""
    listener = LedgerListener(open_desk)
    subscriptions.on(ledger.CommitmentReserved, listener.on_reserved)
    subscriptions.on(ledger.CommitmentRefused, listener.on_refused)
    subscriptions.on(ledger.DisbursementCompleted, listener.on_completed)
    subscriptions.on(ledger.DisbursementFailed, listener.on_failed)
    subscriptions.on(ledger.DisbursementReversed, listener.on_reversed)
    subscriptions.on(ledger.BlocksAppended, listener.on_blocks)


@contextmanager
def _waiting_for(what: str) -> Iterator[None]:
    """What is not here yet is waited for."""
    try:
        yield
    except NotFoundError as error:
        raise DependencyMissingError(what) from error


def _event_id(transaction_id: str) -> UUID | None:
    """The event that a block records; None for money that moves in steps (`<transaction id>:<step>`) and the like."""
    try:
        return UUID(transaction_id)
    except ValueError:
        return None
