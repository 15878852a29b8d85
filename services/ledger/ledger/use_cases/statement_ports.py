"""What importing statements and comparing them needs from the outside."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from chassis.database import UnitOfWork
from ledger.domain.bank_accounts import BankAccount
from ledger.domain.bank_statements import Statement
from ledger.domain.reconciliation import BankLine, Finding, KnownPayment, Movement
from ledger.domain.reconciliation_report import BankBalances, BooksPosition, Evidence, Report


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What the person who imports says about a CSV file; MT940 says it all itself."""

    mapping: str | None = None
    account: str | None = None
    covers_from: date | None = None
    covers_to: date | None = None


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read and checked, before anything is opened for writing."""

    sha256: str
    format: str
    mapping: str | None
    size_bytes: int
    statements: Sequence[Statement]


class StatementReader(Protocol):
    def read(self, content: bytes, file_format: str, options: ReadingOptions, *, today: date) -> ReadFile:
        """The statements of a file (`mt940` or `csv`). Takes seconds for large ones: call it in a thread.

        Raises:
            FieldRefusalError: names line, field and rule.
        """
        ...


class ReportRenderer(Protocol):
    """The same report gives the same bytes."""

    def pdf(self, report: Report) -> bytes: ...
    def csv(self, report: Report) -> bytes: ...


class Reconciliations(Protocol):
    async def report(self, day: date, height: int | None) -> Report:
        """Raises BeyondTipError."""
        ...


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is fit to be kept. `imported_by` is None on the command line, `mapping` for formats without one."""

    sha256: str
    format: str
    mapping: str | None
    size_bytes: int
    statements: Sequence[Statement]
    imported_by: UUID | None


@dataclass(frozen=True, slots=True)
class StatementView:
    statement_id: UUID
    account: str
    currency: str
    statement_number: str | None
    covers_from: date
    covers_to: date
    opening: Decimal | None
    closing: Decimal | None
    line_count: int


@dataclass(frozen=True, slots=True)
class FileView:
    """A file as kept. `new_lines`: those that no file before it had."""

    file_id: UUID
    number: int
    sha256: str
    format: str
    mapping: str | None
    size_bytes: int
    line_count: int
    new_lines: int
    imported_by: UUID | None
    imported_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: UUID | None
    withdrawn_because: str | None
    statements: Sequence[StatementView]


@dataclass(frozen=True, slots=True)
class LineView:
    """A line with what the bank wrote (None after its retention), and the movement it was found to be."""

    statement_id: UUID
    ordinal: int
    position: int
    file_row: int
    account: str
    currency: str
    entry_date: date
    value_date: date
    amount: Decimal
    is_reversal: bool
    bank_reference: str | None
    payment_id: UUID | None
    text: str | None
    match_kind: Literal["matched", "different"] | None
    match_block: int | None


class StatementShelf(Protocol):
    """Statements, for ever; within one unit of work."""

    async def find_live(self, sha256: str) -> UUID | None:
        """The file with these bytes that counts, if there is one; holds off whoever imports meanwhile."""
        ...

    async def add(self, new: NewFile) -> UUID: ...
    async def find(self, file_id: UUID) -> FileView | None: ...
    async def page(self, *, before: int | None, limit: int) -> list[FileView]:
        """The newest first, and one more than `limit` if there is."""
        ...

    async def lines(self, file_id: UUID, *, after: tuple[int, int] | None, limit: int) -> list[LineView]:
        """In the order of the file, after (ordinal, position); one more than `limit` if there is."""
        ...

    async def withdraw(self, file_id: UUID, reason: str, withdrawn_by: UUID) -> None: ...


class ReconciliationReading(Protocol):
    """Lines that count, and movements of the books up to a height, on one view of the database."""

    @property
    def accounts(self) -> Sequence[BankAccount]: ...
    async def height(self) -> int: ...
    async def checkpoint(self, height: int) -> tuple[int, str] | None:
        """Size and root (hex) of the newest checkpoint that is not beyond the height."""
        ...

    async def lines_on(self, day: date) -> list[BankLine]: ...
    async def movements_on(self, day: date, height: int) -> list[Movement]: ...
    async def payments_named(self, lines: Collection[BankLine], height: int) -> list[BankLine]:
        """The lines with the payments that their bank references prove, where the text names none."""
        ...

    async def lines_of(self, payment_ids: Collection[UUID], height: int) -> list[BankLine]: ...
    async def movements_of(self, payment_ids: Collection[UUID], height: int) -> list[Movement]: ...
    async def known(self, payment_ids: Collection[UUID], height: int) -> Mapping[UUID, KnownPayment]: ...
    async def coverage(self) -> Mapping[str, Sequence[tuple[date, date]]]: ...
    async def balances(self, account: BankAccount, day: date) -> tuple[Sequence[BankBalances], tuple[Evidence, ...]]:
        """What each statement that covers the day says of it, the shortest first, and what the report rests on."""
        ...

    async def positions(self, day: date, height: int) -> list[BooksPosition]: ...


@dataclass(frozen=True, slots=True)
class DayCounts:
    """What comparing a day of an account found: lines and pairs by the bank's day, else by the books'."""

    account: str
    currency: str
    day: date
    matched: int
    different: int
    missing: int
    extra: int
    duplicate: int
    reversal_without_payment: int


class ReconciliationBook(Protocol):
    """The projections: which line is which movement, and what each day's comparison found."""

    async def replace_matches(self, findings: Sequence[Finding]) -> None: ...
    async def put_day(self, counts: DayCounts, *, overdue_on: date, height: int) -> None: ...
    async def forget_day(self, account: BankAccount, day: date) -> None: ...


@dataclass(frozen=True, slots=True)
class StatementWiring:
    """What the API needs for statements and reports."""

    statements: Callable[[UnitOfWork], StatementShelf]
    reader: StatementReader
    renderer: ReportRenderer
    reconciliations: Reconciliations
