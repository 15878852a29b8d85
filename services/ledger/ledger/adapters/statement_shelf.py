"""Statements in PostgreSQL: appended in one transaction, with what banks wrote sealed under a key of the file."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import LargeBinary, Row, Select, any_, bindparam, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import UnitOfWork
from chassis.ids import new_id
from chassis.inserting import Rows
from chassis.personal_data import Vault
from ledger.adapters.arrays import among
from ledger.adapters.erasure import actor_of
from ledger.adapters.tables.people import actors
from ledger.adapters.tables.statements import (
    bank_statements,
    statement_files,
    statement_lines,
    statement_matches,
    statement_texts,
    statement_withdrawals,
)
from ledger.domain.bank_statements import Statement
from ledger.use_cases.statement_ports import FileView, LineView, NewFile, StatementView

# Texts sealed together: a page of lines opens two chunks at most, and a large file needs a few hundred seals.
CHUNK_LINES: Final = 500
# Any constant: one file after the other, for the same bytes count once, and what is new in one is not new in the next.
_IMPORTS_LOCK: Final = 7_312_003
_PURPOSE: Final = "statement_texts.sealed"
_LINE_COLUMNS: Final = (
    "statement_id", "position", "file_row", "identity", "entry_date", "value_date", "amount", "is_reversal",
    "bank_reference", "payment_id",
)  # fmt: skip


class PostgresStatementShelf:
    """Keeps `statement_ports.StatementShelf`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault

    async def find_live(self, sha256: str) -> UUID | None:
        await self._work.connection.execute(select(func.pg_advisory_xact_lock(_IMPORTS_LOCK)))
        statement = (
            select(statement_files.c.file_id)
            .join(statement_withdrawals, statement_withdrawals.c.file_id == statement_files.c.file_id, isouter=True)
            .where(statement_files.c.sha256 == sha256, statement_withdrawals.c.file_id.is_(None))
        )
        found: UUID | None = await self._work.connection.scalar(statement)
        return found

    async def add(self, new: NewFile) -> UUID:
        file_id = new_id()
        identities = [line.identity for statement in new.statements for line in statement.lines]
        occurrence = select(func.count() + 1).where(statement_files.c.sha256 == new.sha256).scalar_subquery()
        await self._work.connection.execute(
            insert(statement_files).values(
                file_id=file_id,
                sha256=new.sha256,
                occurrence=occurrence,
                format=new.format,
                mapping=new.mapping,
                size_bytes=new.size_bytes,
                line_count=len(identities),
                new_line_count=len(identities) - await self._known(identities),
                imported_by=await self._actor(new.imported_by),
            )
        )
        for ordinal, statement in enumerate(new.statements):
            await self._add_statement(file_id, ordinal, statement)
        return file_id

    async def _known(self, identities: Sequence[bytes]) -> int:
        """How many of these lines a file that counts has already."""
        given = bindparam(None, identities, type_=ARRAY(LargeBinary), unique=True)
        statement = (
            select(func.count(func.distinct(statement_lines.c.identity)))
            .join(bank_statements, bank_statements.c.statement_id == statement_lines.c.statement_id)
            .join(statement_withdrawals, statement_withdrawals.c.file_id == bank_statements.c.file_id, isouter=True)
            .where(statement_withdrawals.c.file_id.is_(None), statement_lines.c.identity == any_(given))
        )
        return int(await self._work.connection.scalar(statement) or 0) if identities else 0

    async def _add_statement(self, file_id: UUID, ordinal: int, statement: Statement) -> None:
        statement_id = new_id()
        await self._work.connection.execute(
            insert(bank_statements).values(
                statement_id=statement_id,
                file_id=file_id,
                ordinal=ordinal,
                account=statement.account.number,
                currency=statement.account.currency,
                statement_number=statement.number,
                covers_from=statement.covers_from,
                covers_to=statement.covers_to,
                opening=statement.opening,
                closing=statement.closing,
                line_count=len(statement.lines),
            )
        )
        if not statement.lines:
            return
        records = [
            (
                statement_id, line.position, line.row, line.identity, line.entry_date, line.value_date, line.amount,
                line.is_reversal, line.bank_reference or None, line.payment_id,
            )
            for line in statement.lines
        ]  # fmt: skip
        await self._work.insert(Rows(statement_lines.name, _LINE_COLUMNS, records))
        texts = [(statement_id, chunk, sealed) async for chunk, sealed in self._sealed(file_id, statement)]
        await self._work.insert(Rows(statement_texts.name, ("statement_id", "chunk", "sealed"), texts))

    async def _sealed(self, file_id: UUID, statement: Statement) -> Any:
        for chunk, lines in enumerate(_chunks(statement.lines)):
            text = orjson.dumps([line.text for line in lines])
            yield chunk, await self._vault.seal(self._work.connection, file_id, text, _PURPOSE)

    async def find(self, file_id: UUID) -> FileView | None:
        views = await self._views(_files().where(statement_files.c.file_id == file_id))
        return views[0] if views else None

    async def page(self, *, before: int | None, limit: int) -> list[FileView]:
        statement = _files().order_by(statement_files.c.number.desc()).limit(limit + 1)
        return await self._views(statement if before is None else statement.where(statement_files.c.number < before))

    async def _views(self, statement: Select[Any]) -> list[FileView]:
        files = (await self._work.connection.execute(statement)).all()
        rows = await self._work.connection.execute(
            select(bank_statements)
            .where(among(bank_statements.c.file_id, [row.file_id for row in files]))
            .order_by(bank_statements.c.ordinal)
        )
        statements: dict[UUID, list[StatementView]] = defaultdict(list)
        for row in rows:
            statements[row.file_id].append(_statement_view(row))
        return [_file_view(row, statements[row.file_id]) for row in files]

    async def lines(self, file_id: UUID, *, after: tuple[int, int] | None, limit: int) -> list[LineView]:
        statement = (
            select(
                statement_lines,
                bank_statements.c.ordinal,
                bank_statements.c.account,
                bank_statements.c.currency,
                statement_matches.c.kind,
                statement_matches.c.block_index,
            )
            .join(bank_statements, bank_statements.c.statement_id == statement_lines.c.statement_id)
            .join(statement_matches, statement_matches.c.identity == statement_lines.c.identity, isouter=True)
            .where(bank_statements.c.file_id == file_id)
            .order_by(bank_statements.c.ordinal, statement_lines.c.position)
            .limit(limit + 1)
        )
        if after is not None:
            place = tuple_(bank_statements.c.ordinal, statement_lines.c.position)
            statement = statement.where(place > after)
        rows = (await self._work.connection.execute(statement)).all()
        texts = await self._texts(file_id, {(row.statement_id, row.position // CHUNK_LINES) for row in rows})
        return [_line_view(row, texts.get((row.statement_id, row.position))) for row in rows]

    async def _texts(self, file_id: UUID, chunks: set[tuple[UUID, int]]) -> dict[tuple[UUID, int], str]:
        found = {}
        for statement_id, chunk in sorted(chunks, key=lambda place: (place[0].int, place[1])):
            statement = select(statement_texts.c.sealed).where(
                statement_texts.c.statement_id == statement_id, statement_texts.c.chunk == chunk
            )
            sealed = await self._work.connection.scalar(statement)
            opened = await self._vault.find(self._work.connection, file_id, sealed, _PURPOSE)
            for offset, text in enumerate(orjson.loads(opened) if opened is not None else ()):
                found[(statement_id, chunk * CHUNK_LINES + offset)] = text
        return found

    async def withdraw(self, file_id: UUID, reason: str, withdrawn_by: UUID) -> None:
        row = {"file_id": file_id, "reason": reason, "withdrawn_by": await self._actor(withdrawn_by)}
        await self._work.connection.execute(insert(statement_withdrawals).values(row))

    async def _actor(self, user_id: UUID | None) -> UUID | None:
        return None if user_id is None else await actor_of(self._work.connection, user_id)


def _chunks(lines: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(lines), CHUNK_LINES):
        yield lines[start : start + CHUNK_LINES]


def _files() -> Select[Any]:
    """With people as others know them, and with the ledger's own ids in the place of those who were erased."""
    gone, importer, withdrawer = statement_withdrawals, actors.alias("importer"), actors.alias("withdrawer")
    return (
        select(
            statement_files,
            gone.c.withdrawn_at,
            gone.c.reason,
            func.coalesce(importer.c.user_id, importer.c.actor_id).label("importer"),
            func.coalesce(withdrawer.c.user_id, withdrawer.c.actor_id).label("withdrawer"),
        )
        .join(gone, gone.c.file_id == statement_files.c.file_id, isouter=True)
        .join(importer, importer.c.actor_id == statement_files.c.imported_by, isouter=True)
        .join(withdrawer, withdrawer.c.actor_id == gone.c.withdrawn_by, isouter=True)
    )


def _file_view(row: Row[Any], statements: Sequence[StatementView]) -> FileView:
    return FileView(
        file_id=row.file_id,
        number=row.number,
        sha256=row.sha256,
        format=row.format,
        mapping=row.mapping,
        size_bytes=row.size_bytes,
        line_count=row.line_count,
        new_lines=row.new_line_count,
        imported_by=row.importer,
        imported_at=row.imported_at,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawer,
        withdrawn_because=row.reason,
        statements=statements,
    )


def _statement_view(row: Row[Any]) -> StatementView:
    return StatementView(
        statement_id=row.statement_id,
        account=row.account,
        currency=row.currency,
        statement_number=row.statement_number,
        covers_from=row.covers_from,
        covers_to=row.covers_to,
        opening=row.opening,
        closing=row.closing,
        line_count=row.line_count,
    )


def _line_view(row: Row[Any], text: str | None) -> LineView:
    return LineView(
        statement_id=row.statement_id,
        ordinal=row.ordinal,
        position=row.position,
        file_row=row.file_row,
        account=row.account,
        currency=row.currency,
        entry_date=row.entry_date,
        value_date=row.value_date,
        amount=row.amount,
        is_reversal=row.is_reversal,
        bank_reference=row.bank_reference,
        payment_id=row.payment_id,
        text=text,
        match_kind=row.kind,
        match_block=row.block_index,
    )
