"""Erasure in PostgreSQL: who asked, approved or recorded stays two people, under ids that lead to nobody."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import (
    Column,
    Select,
    Table,
    Text,
    Uuid,
    cast,
    column,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from chassis.database import Database
from chassis.tables import user_standings
from chassis.timers import Timer
from ledger.adapters.tables.chain import quarantined_events
from ledger.adapters.tables.money import awards, payments, transactions
from ledger.adapters.tables.payments import disputes, manual_transfer_notes, manual_transfers
from ledger.adapters.tables.people import actors, beneficiaries, deciders, donors, payees
from ledger.use_cases.ports import BooksOpener

# Who did something, in rows that may change. Rows that may not have had the actor's id from the start.
DOERS: Final[Sequence[tuple[Table, Column[UUID]]]] = (
    (transactions, transactions.c.requested_by),
    (transactions, transactions.c.approved_by),
    (payments, payments.c.confirmed_by),
    (disputes, disputes.c.proposed_by),
    (disputes, disputes.c.approved_by),
)
# Whose it is: these become null, or the row goes.
OWNERS: Final[Sequence[Column[UUID]]] = (
    transactions.c.user_id,
    awards.c.user_id,
    donors.c.user_id,
    deciders.c.user_id,
    beneficiaries.c.user_id,
    payees.c.user_id,
    actors.c.user_id,
)
# An event that was sent before an erasure can be read after it; whatever it brought back stays this long at most.
SWEEP_SECONDS: Final = 3600
# People per sweep and transaction; when there are more it goes on at once.
SWEEP_PEOPLE_MAX: Final = 50
# An id as events write it, in small letters.
_ID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


async def actor_of(connection: AsyncConnection, user_id: UUID) -> UUID:
    """The ledger's own id of whoever does something, made at first sight; random, so that it tells no time."""
    fresh = upsert(actors).values(actor_id=uuid4(), user_id=user_id)
    await connection.execute(fresh.on_conflict_do_nothing(index_elements=[actors.c.user_id]))
    found: UUID | None = await connection.scalar(select(actors.c.actor_id).where(actors.c.user_id == user_id))
    if found is None:
        raise LookupError("actors")
    return found


async def words_about(connection: AsyncConnection, transaction_id: UUID, words: str | None) -> str | None:
    """What is written about somebody's money, to be kept; None once they are erased: nothing would find it any more.

    An organisation that an admin recorded has no account, and no erasure. The transaction is locked by the caller, so
    that an erasure is either seen here or sees what is written.
    """
    recorded = exists().where(donors.c.donor_id == transactions.c.donor_id, donors.c.reference.is_not(None))
    is_nobodys = (transactions.c.id == transaction_id) & transactions.c.user_id.is_(None) & ~recorded
    return None if await connection.scalar(select(exists().where(is_nobodys))) else words


async def hold_money_of(connection: AsyncConnection, user_id: UUID) -> None:
    """Locks a person's transactions before anything else of theirs, as whoever books them does.

    Whoever is just writing about their money has it locked: what they write is there afterwards, and forgotten too.
    """
    own = select(transactions.c.id).where(transactions.c.user_id == user_id)
    await connection.execute(own.order_by(transactions.c.id).with_for_update())


async def forget_deeds(connection: AsyncConnection, user_id: UUID) -> None:
    """Takes a person out of transactions, payments, disputes, records and contradicting events.

    What they did stays told of one and the same actor everywhere; then the way from the actor to them is cut. The
    caller holds their money.
    """
    await _forget_words(connection, user_id)
    if await connection.scalar(select(or_(*(exists().where(column == user_id) for _, column in DOERS)))):
        actor_id = await actor_of(connection, user_id)
        for table, column in DOERS:
            await connection.execute(update(table).where(column == user_id).values({column: actor_id}))
    await connection.execute(update(transactions).where(transactions.c.user_id == user_id).values(user_id=None))
    await connection.execute(update(actors).where(actors.c.user_id == user_id).values(user_id=None))


async def _forget_words(connection: AsyncConnection, user_id: UUID) -> None:
    """What was written about the person's money, and events that name them."""
    own = select(transactions.c.id).where(transactions.c.user_id == user_id)
    told = transactions.c.reason.is_not(None)
    await connection.execute(update(transactions).where(transactions.c.user_id == user_id, told).values(reason=None))
    theirs = disputes.c.transaction_id.in_(own)
    await connection.execute(update(disputes).where(theirs, disputes.c.reason.is_not(None)).values(reason=None))
    transfers = select(manual_transfers.c.id).where(manual_transfers.c.transaction_id.in_(own))
    await connection.execute(delete(manual_transfer_notes).where(manual_transfer_notes.c.transfer_id.in_(transfers)))
    await connection.execute(update(quarantined_events).where(_names(literal(str(user_id)))).values(payload=b""))


def _names(user_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a contradicting event speaks of a person."""
    # Whatever wrote the event may have written ids in capitals; bytes that are no text never stop an erasure.
    text = func.lower(func.encode(quarantined_events.c.payload, "escape"))
    return func.strpos(text, user_id) > 0


def _named_by_events() -> Select[Any]:
    """Every id that a contradicting event speaks of: each is read once, however many people were erased."""
    text = func.lower(func.encode(quarantined_events.c.payload, "escape"))
    found = func.regexp_matches(text, _ID, "g").table_valued(column("id", ARRAY(Text))).render_derived().lateral()
    return select(cast(found.c.id[1], Uuid)).select_from(quarantined_events).join(found, true())


class ErasureSweep:
    """Erases again whom something that was still on its way has brought back."""

    def __init__(self, database: Database, open_books: BooksOpener) -> None:
        self._database = database
        self._open_books = open_books

    @property
    def timers(self) -> Sequence[Timer]:
        return (Timer("forget_again", SWEEP_SECONDS, self.run),)

    async def run(self) -> bool:
        """True when there may be more."""
        async with self._database.reading() as connection:
            found: Sequence[UUID] = (await connection.scalars(_returned(SWEEP_PEOPLE_MAX))).all()
        for user_id in found:
            async with self._open_books() as books:
                await books.people.forget(user_id)
        return len(found) == SWEEP_PEOPLE_MAX


def _returned(limit: int) -> Select[Any]:
    """People who were erased and are in a table again."""
    gone = select(user_standings.c.user_id).where(user_standings.c.erased)
    columns = (*(column for _, column in DOERS), *OWNERS)
    ways = [exists().where(column == user_standings.c.user_id) for column in columns]
    named = gone.where(user_standings.c.user_id.in_(_named_by_events()))
    found = union(*(gone.where(way) for way in ways), named).subquery()
    return select(found.c.user_id).limit(limit)
