"""Compares a day of our bank accounts with the books: for a report that is signed, and for the counts that alert."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from ledger.domain.bank_accounts import BankAccount
from ledger.domain.reconciliation import Finding, Kind, Movement, reconcile
from ledger.domain.reconciliation_report import Report, Sheet, Total, balances_of, entries_of
from ledger.domain.refusals import BeyondTipError
from ledger.use_cases.statement_ports import DayCounts, ReconciliationBook, ReconciliationReading


class Coverage:
    """For which days there are statements of which account; `periods` have a first and a last day, both covered.

    Asked of every movement that no line shows, while the periods of years are as many as their days: what follows on
    or overlaps is one stretch, and the one before a day is found by halving.
    """

    def __init__(self, periods: Mapping[str, Iterable[tuple[date, date]]]) -> None:
        self._starts: dict[str, list[date]] = {}
        self._ends: dict[str, list[date]] = {}
        for account, known in periods.items():
            starts = self._starts[account] = []
            ends = self._ends[account] = []
            for first, last in sorted(known):
                if not starts or (first - ends[-1]).days > 1:
                    starts.append(first)
                    ends.append(last)
                else:
                    ends[-1] = max(ends[-1], last)

    def __call__(self, account: str, day: date) -> bool:
        place = bisect_right(self._starts.get(account, ()), day) - 1
        return place >= 0 and day <= self._ends[account][place]


async def compare_day(
    books: ReconciliationReading, day: date, height: int, *, window_days: int
) -> tuple[list[Finding], Coverage]:
    """All findings about payments that have a line or a movement on that day, and about its lines without one.

    Everything that concerns these payments is looked at, whatever its day, so that each is found to be the same from
    wherever one looks.
    """
    coverage = Coverage(await books.coverage())
    lines = await books.payments_named(await books.lines_on(day), height)
    movements = await books.movements_on(day, height)
    named = {line.payment_id for line in lines if line.payment_id is not None}
    known = await books.known(named | {movement.payment_id for movement in movements}, height)
    groups = known.keys()
    own = [line for line in lines if line.payment_id not in groups]
    together = {line.identity: line for line in [*own, *await books.lines_of(groups, height)]}
    moved = await books.movements_of(groups, height)
    findings = reconcile(together.values(), moved, known, covered=coverage, window_days=window_days)
    return findings, coverage


async def report_day(books: ReconciliationReading, day: date, *, height: int | None, window_days: int) -> Report:
    """The report about a day, as of the first `height` blocks (all there are, when None).

    Raises:
        BeyondTipError: the chain has not that many blocks.
    """
    tip = await books.height()
    if height is not None and height > tip:
        raise BeyondTipError(f"The chain has {tip} blocks.")
    seen = tip if height is None else height
    findings, _ = await compare_day(books, day, seen, window_days=window_days)
    sheets = []
    for account in books.accounts:
        said, evidence = await books.balances(account, day)
        entries = entries_of(findings, account.number, account.currency, day)
        balances = balances_of(said, sum((entry.bank for entry in entries), Decimal(0)))
        sheets.append(Sheet(account.number, account.currency, day, balances, evidence, entries))
    homeless = [finding.movement for finding in findings if finding.movement and finding.movement.account is None]
    return Report(
        day=day,
        height=seen,
        checkpoint=await books.checkpoint(seen),
        window_days=window_days,
        positions=await books.positions(day, seen),
        sheets=sheets,
        unassigned=_unassigned([movement for movement in homeless if movement.day == day]),
    )


def _unassigned(movements: Sequence[Movement]) -> dict[str, Total]:
    amounts: dict[str, list[Decimal]] = defaultdict(list)
    for movement in movements:
        amounts[movement.currency].append(movement.amount)
    return {currency: Total(len(found), Decimal(0), sum(found, Decimal(0))) for currency, found in amounts.items()}


async def project_day(
    books: ReconciliationReading, book: ReconciliationBook, day: date, *, window_days: int
) -> list[DayCounts]:
    """Writes anew which lines are which movements, and the day's counts; answers the counts of the covered accounts."""
    height = await books.height()
    findings, covered = await compare_day(books, day, height, window_days=window_days)
    await book.replace_matches(findings)
    written = []
    for account in books.accounts:
        if not covered(account.number, day):
            await book.forget_day(account, day)
            continue
        counts = _counts(findings, account, day)
        # A line may come as long as the window is open; only then is what is missing overdue.
        await book.put_day(counts, overdue_on=day + timedelta(days=window_days + 1), height=height)
        written.append(counts)
    return written


def _counts(findings: Sequence[Finding], account: BankAccount, day: date) -> DayCounts:
    found: Counter[Kind] = Counter()
    for finding in findings:
        # Where a line is, there is a statement; the movement's own day and account may have none, and count nothing.
        side = finding.line if finding.line is not None else finding.movement
        if side is not None and (side.account, side.currency, side.day) == (account.number, account.currency, day):
            found[finding.kind] += 1
    return DayCounts(
        account.number,
        account.currency,
        day,
        matched=found[Kind.MATCHED],
        different=found[Kind.DIFFERENT],
        missing=found[Kind.MISSING],
        extra=found[Kind.EXTRA],
        duplicate=found[Kind.DUPLICATE],
        reversal_without_payment=found[Kind.REVERSAL_WITHOUT_PAYMENT],
    )


async def days_of_payments(books: ReconciliationReading, payment_ids: set[UUID], height: int) -> set[date]:
    """The days on which the books moved money of these payments."""
    return {movement.day for movement in await books.movements_of(payment_ids, height)}
