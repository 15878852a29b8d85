"""Issues receipts, numbered without gaps in the order of the chain, once a signed checkpoint covers the block."""

from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, insert, select

from chassis.database import Database, UnitOfWork
from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.receipt_document import ReceiptContent, render_receipt
from ledger.adapters.tables.money import programs, receipts, transactions
from ledger.domain.block import format_timestamp
from ledger.domain.money import format_amount
from ledger.domain.transactions import Status, TransactionType
from ledger.use_cases.prove import prove_inclusion
from ledger.use_cases.readings import StoredCheckpoint

# Any constant: whoever holds it numbers receipts, so that two workers leave no gap.
_SERIES_LOCK: Final = 7_312_001
_TITLES: Final = {TransactionType.DONATION: "Donation received", TransactionType.DISBURSEMENT: "Disbursement paid"}


class ReceiptOffice:
    def __init__(self, database: Database, public_url: str) -> None:
        self._database = database
        self._public_url = public_url.rstrip("/")

    async def issue_next(self) -> bool:
        """Issues one receipt; False when none is due or another worker is at it."""
        async with self._database.unit_of_work() as work:
            if not await work.connection.scalar(select(func.pg_try_advisory_xact_lock(_SERIES_LOCK))):
                return False
            checkpoint = await ChainReader(work.connection).latest_checkpoint()
            row = None if checkpoint is None else await self._next_due(work, checkpoint.size)
            if checkpoint is None or row is None:
                return False
            number = int(await work.connection.scalar(select(func.coalesce(func.max(receipts.c.number), 0))) or 0) + 1
            document = render_receipt(await self._content(work, row, checkpoint, number))
            digest = sha256(document).hexdigest()
            await work.connection.execute(
                insert(receipts).values(
                    transaction_id=row.id,
                    number=number,
                    object_key=f"receipts/{digest}.pdf",
                    sha256=digest,
                    content=document,
                )
            )
        return True

    @staticmethod
    async def _next_due(work: UnitOfWork, size: int) -> Any:
        statement = (
            select(transactions, programs.c.title)
            .join(programs, programs.c.program_id == transactions.c.program_id, isouter=True)
            .join(receipts, receipts.c.transaction_id == transactions.c.id, isouter=True)
            .where(
                transactions.c.transaction_type.in_(list(_TITLES)),
                transactions.c.status == Status.COMPLETED,
                transactions.c.block_index < size,
                receipts.c.transaction_id.is_(None),
            )
            .order_by(transactions.c.block_index)
            .limit(1)
        )
        return (await work.connection.execute(statement)).one_or_none()

    async def _content(self, work: UnitOfWork, row: Any, checkpoint: StoredCheckpoint, number: int) -> ReceiptContent:
        reader = ChainReader(work.connection)
        block = await reader.find_by_index(row.block_index)
        if block is None:
            raise LookupError(row.block_index)
        proof = await prove_inclusion(reader, block, checkpoint.note)
        transaction_id: UUID = row.id
        return ReceiptContent(
            number=number,
            issued_at=work.now,
            title=_TITLES[TransactionType(row.transaction_type)],
            lines=(
                ("Amount", f"{row.currency} {format_amount(row.amount, row.currency)}"),
                ("Program", row.title or str(row.program_id)),
                ("Transaction", str(transaction_id)),
                ("Completed", format_timestamp(row.completed_at)),
                ("Block", str(block.block_index)),
                ("Block hash", block.hash),
            ),
            verify_url=f"{self._public_url}/api/v1/blockchain/verify/{block.hash}/",
            proof_file=proof.as_file(),
            checkpoint=checkpoint.note,
        )
