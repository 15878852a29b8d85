"""The series of receipts in PostgreSQL, numbered without gaps; and the office that issues them, one at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import func, insert, select
from sqlalchemy.sql import Select

from chassis.database import Database, UnitOfWork
from chassis.leases import acquire_or_renew, holder_name
from chassis.object_storage import StorageUnavailableError
from chassis.personal_data import Vault
from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.people_books import NAME_PURPOSE
from ledger.adapters.tables.chain import blocks
from ledger.adapters.tables.money import programs, receipts, transactions
from ledger.adapters.tables.people import donors
from ledger.domain.receipts import PARTIES, IssuedReceipt, Receipt
from ledger.domain.transactions import Status
from ledger.use_cases.issue_receipt import issue_next_receipt
from ledger.use_cases.produce_receipt import ReceiptRoom
from ledger.use_cases.prove import prove_inclusion

log = structlog.get_logger(__name__)

DAMAGED: Final = Counter(
    "impactnet_ledger_receipts_damaged", "Receipts found missing or altered in storage, or lost for good.", ["how"]
)
WAITING: Final = Gauge("impactnet_ledger_receipts_wait_for_storage", "1 while receipts wait for object storage.")
# Any constant: whoever holds it gives numbers away. The database refuses gaps without it; with it, nobody has to fail.
_SERIES_LOCK: Final = 7_312_001
# One worker prints; the others need not print the same. What keeps the series whole is the database, not this.
_LEASE: Final = "ledger-receipts"


class PostgresReceiptSeries:
    """Keeps `receipt_ports.ReceiptSeries`."""

    def __init__(self, work: UnitOfWork, vault: Vault, public_url: str) -> None:
        self._work = work
        self._connection = work.connection
        self._vault = vault
        self._public_url = public_url

    async def next_due(self, *, overlooked: bool) -> Receipt | None:
        reader = ChainReader(self._connection)
        checkpoint = await reader.latest_checkpoint()
        row = None if checkpoint is None else await self._next_row(checkpoint.size, overlooked=overlooked)
        if checkpoint is None or row is None:
            return None
        block = await reader.find_by_index(row.block_index)
        if block is None:
            raise LookupError(row.block_index)
        return Receipt(
            number=await self._last_number() + 1,
            proof=(await prove_inclusion(reader, block, checkpoint.note)).as_file(),
            program_title=row.title,
            donor_name=await self._name(row.donor_id, row.sealed_name),
            public_url=self._public_url,
        )

    async def _next_row(self, size: int, *, overlooked: bool) -> Any:
        last = await self._connection.scalar(select(func.max(receipts.c.block_index)))
        after = -1 if last is None else last
        place = transactions.c.block_index
        statement = (
            select(transactions.c.block_index, programs.c.title, donors.c.donor_id, donors.c.sealed_name)
            .join(blocks, blocks.c.block_index == transactions.c.block_index)
            .join(programs, programs.c.program_id == transactions.c.program_id, isouter=True)
            .join(donors, donors.c.donor_id == transactions.c.donor_id, isouter=True)
            .join(receipts, receipts.c.transaction_id == transactions.c.id, isouter=True)
            .where(
                transactions.c.transaction_type.in_(list(PARTIES)),
                transactions.c.status == Status.COMPLETED,
                # Two bounds on an index: what has its receipt is not looked at again.
                place < min(size, after) if overlooked else (place > after) & (place < size),
                receipts.c.transaction_id.is_(None),
                # The block by which the money arrived, not one of the steps before it.
                func.coalesce(blocks.c.data["step"].astext, Status.COMPLETED) == Status.COMPLETED,
                blocks.c.transaction_type == transactions.c.transaction_type,
            )
            .order_by(place)
            .limit(1)
        )
        return (await self._connection.execute(statement)).one_or_none()

    async def _last_number(self) -> int:
        return int(await self._connection.scalar(select(func.coalesce(func.max(receipts.c.number), 0))) or 0)

    async def _name(self, donor_id: UUID | None, sealed: bytes | None) -> str | None:
        """The name that an admin recorded; None where there is none, or no longer."""
        if donor_id is None or sealed is None:
            return None
        return await self._vault.find(self._connection, donor_id, sealed, NAME_PURPOSE)

    async def add(self, receipt: Receipt, digest: str, object_key: str) -> bool:
        await self._connection.execute(select(func.pg_advisory_xact_lock(_SERIES_LOCK)))
        known = select(receipts.c.number).where(receipts.c.transaction_id == receipt.transaction_id)
        if await self._last_number() + 1 != receipt.number or await self._connection.scalar(known) is not None:
            return False
        await self._connection.execute(
            insert(receipts).values(
                transaction_id=receipt.transaction_id,
                number=receipt.number,
                object_key=object_key,
                sha256=digest,
                block_index=receipt.block.block_index,
                layout=receipt.layout,
                proof=receipt.proof,
                program_title=receipt.program_title,
                public_url=receipt.public_url,
            )
        )
        return True

    async def find(self, transaction_id: UUID) -> IssuedReceipt | None:
        found = await self._read(_rows().where(receipts.c.transaction_id == transaction_id))
        return found[0] if found else None

    async def page(self, after: int, limit: int) -> list[IssuedReceipt]:
        return await self._read(_rows().where(receipts.c.number > after).order_by(receipts.c.number).limit(limit))

    async def _read(self, statement: Select[Any]) -> list[IssuedReceipt]:
        return [await self._issued(row) for row in (await self._connection.execute(statement)).all()]

    async def _issued(self, row: Any) -> IssuedReceipt:
        source = None
        if row.proof is not None:
            source = Receipt(
                number=row.number,
                proof=row.proof,
                program_title=row.program_title,
                donor_name=await self._name(row.donor_id, row.sealed_name),
                public_url=row.public_url,
                layout=row.layout,
            )
        content = None if row.content is None else bytes(row.content)
        return IssuedReceipt(row.number, row.transaction_id, row.sha256, row.object_key, source, content)


def _rows() -> Select[Any]:
    return (
        select(receipts, donors.c.donor_id, donors.c.sealed_name)
        .join(transactions, transactions.c.id == receipts.c.transaction_id)
        .join(donors, donors.c.donor_id == transactions.c.donor_id, isouter=True)
    )


class LoudAlarm:
    """Keeps `receipt_ports.ReceiptAlarm`: an error in the log and a counter that an alert watches."""

    def missing(self, receipt: IssuedReceipt) -> None:
        self._raise("missing", receipt)

    def altered(self, receipt: IssuedReceipt) -> None:
        self._raise("altered", receipt)

    def lost(self, receipt: IssuedReceipt) -> None:
        self._raise("lost", receipt)

    @staticmethod
    def _raise(how: str, receipt: IssuedReceipt) -> None:
        DAMAGED.labels(how).inc()
        log.error("receipt_damaged", how=how, number=receipt.number, object_key=receipt.object_key)


class ReceiptOffice:
    """Issues what is due, and opens the series for those who ask."""

    def __init__(self, database: Database, vault: Vault, public_url: str, room: ReceiptRoom) -> None:
        self.room = room
        self._database = database
        self._vault = vault
        self._public_url = public_url
        self._name = holder_name()

    @asynccontextmanager
    async def open_series(self) -> AsyncIterator[PostgresReceiptSeries]:
        async with self._database.unit_of_work() as work:
            yield self.series_within(work)

    def series_within(self, work: UnitOfWork) -> PostgresReceiptSeries:
        return PostgresReceiptSeries(work, self._vault, self._public_url)

    async def issue_next(self) -> bool:
        """Issues one receipt; False when none is due, another worker issues, or storage is away."""
        return await self._issue(overlooked=False)

    async def issue_overlooked(self) -> bool:
        """The same for money that was disputed when its turn came."""
        return await self._issue(overlooked=True)

    async def _issue(self, *, overlooked: bool) -> bool:
        if await acquire_or_renew(self._database, _LEASE, self._name) is None:
            return False
        room = self.room
        try:
            issued = await issue_next_receipt(self.open_series, room.press, room.archive, overlooked=overlooked)
        except StorageUnavailableError:
            WAITING.set(1)
            log.warning("receipts_wait_for_storage")
            return False
        WAITING.set(0)
        return issued
