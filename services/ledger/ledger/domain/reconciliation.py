"""Compares a bank's lines with the movements in our books: every line and every movement is in exactly one finding."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID


class Kind(StrEnum):
    """What comparing found; the first two have a line and a movement, `missing` no line, the others no movement."""

    MATCHED = "matched"
    # The same reference, but another amount, currency, direction, account or a day too far off.
    DIFFERENT = "different"
    # In the books, and the bank does not show it.
    MISSING = "missing"
    # In the books, on a day for which no statement of that account is here.
    NOT_COVERED = "not_covered"
    # At the bank, and not in the books.
    EXTRA = "extra"
    # A payment that has its line, and here is another: a second debit, or a donation twice.
    DUPLICATE = "duplicate"
    # Money that came back (or was taken back) of a payment that the bank never showed.
    REVERSAL_WITHOUT_PAYMENT = "reversal_without_payment"


@dataclass(frozen=True, slots=True)
class BankLine:
    """A line that counts. `payment_id` is the payment it names, if it is one of ours."""

    identity: bytes
    account: str
    currency: str
    day: date
    amount: Decimal
    is_reversal: bool
    payment_id: UUID | None
    bank_reference: str = ""
    file_number: int = 0
    file_row: int = 0


@dataclass(frozen=True, slots=True)
class Movement:
    """What a block says about money at the bank; more than zero came in, less went out.

    `payment_id` is the payment whose reference the bank knows; `is_return` when it came back. `account` is None for a
    rail that has no account of ours. A correction by hand is booked long after the bank moved: any day is right.
    """

    block_index: int
    payment_id: UUID
    account: str | None
    currency: str
    day: date
    amount: Decimal
    is_return: bool = False
    is_correction: bool = False
    reference: str = ""


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """A payment that a line may name: whether it brings money in, and whether the books say that it failed."""

    comes_in: bool
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    line: BankLine | None = None
    movement: Movement | None = None
    reasons: tuple[str, ...] = ()


Covered = Callable[[str, date], bool]
_NO_REFERENCE: Final = "no_known_reference"


def reconcile(
    lines: Iterable[BankLine],
    movements: Iterable[Movement],
    known: Mapping[UUID, KnownPayment],
    *,
    covered: Covered,
    window_days: int,
) -> list[Finding]:
    """Every line and every movement in exactly one finding; the same whatever order they come in.

    Payments do not influence each other: what one payment's lines and movements are found to be is the same whether
    they are compared alone or with all others.
    """
    lines_of: dict[UUID, list[BankLine]] = defaultdict(list)
    movements_of: dict[UUID, list[Movement]] = defaultdict(list)
    findings = []
    for line in sorted(lines, key=lambda line: (line.day, line.identity)):
        if line.payment_id in known and line.payment_id is not None:
            lines_of[line.payment_id].append(line)
        else:
            kind = Kind.REVERSAL_WITHOUT_PAYMENT if line.is_reversal else Kind.EXTRA
            findings.append(Finding(kind, line, reasons=(_NO_REFERENCE,)))
    for movement in sorted(movements, key=lambda movement: movement.block_index):
        movements_of[movement.payment_id].append(movement)
    for payment_id in sorted(lines_of.keys() | movements_of.keys()):
        comparison = _Comparison(movements_of[payment_id], covered, window_days)
        findings += comparison.run(lines_of[payment_id], known.get(payment_id))
    return findings


class _Comparison:
    """One payment's lines and movements."""

    def __init__(self, movements: Sequence[Movement], covered: Covered, window_days: int) -> None:
        self._open = list(movements)
        self._paired: list[Movement] = []
        self._covered = covered
        self._window_days = window_days

    def run(self, lines: Sequence[BankLine], payment: KnownPayment | None) -> list[Finding]:
        findings, left = [], []
        # What fits exactly first, so that a wrong line never takes the movement of a right one.
        for line in lines:
            exact = next((movement for movement in self._open if not self._differences(line, movement)), None)
            if exact is None:
                left.append(line)
            else:
                findings.append(self._pair(Kind.MATCHED, line, exact))
        if payment is not None:
            # A payment before its return: what came back can only be understood once we know whether it left.
            left.sort(key=lambda line: (line.amount > 0) is not payment.comes_in)
            findings += [self._classify(line, payment) for line in left]
        return findings + [self._without_line(movement) for movement in self._open]

    def _differences(self, line: BankLine, movement: Movement) -> tuple[str, ...]:
        differs = {
            "amount": abs(line.amount) != abs(movement.amount),
            "currency": line.currency != movement.currency,
            "direction": (line.amount > 0) != (movement.amount > 0),
            "account": movement.account not in (None, line.account),
            "day": not movement.is_correction and abs((line.day - movement.day).days) > self._window_days,
            # A bank marks what it takes back; that is never the payment itself.
            "reversal_mark": line.is_reversal and not movement.is_return,
        }
        return tuple(name for name, is_so in differs.items() if is_so)

    def _pair(self, kind: Kind, line: BankLine, movement: Movement) -> Finding:
        self._open.remove(movement)
        self._paired.append(movement)
        return Finding(kind, line, movement, self._differences(line, movement))

    def _classify(self, line: BankLine, payment: KnownPayment) -> Finding:
        """A line that names a payment and fits none of its movements exactly."""
        if line.amount == 0:
            return Finding(Kind.EXTRA, line, reasons=("amount_zero",))
        goes_its_way = (line.amount > 0) == payment.comes_in
        same_way = [movement for movement in self._open if movement.is_return is not goes_its_way]
        if same_way:
            return self._pair(Kind.DIFFERENT, line, same_way[0])
        return self._more_of_it(line, payment) if goes_its_way else self._came_back(line)

    def _more_of_it(self, line: BankLine, payment: KnownPayment) -> Finding:
        """A line in the payment's direction, for which no movement is left."""
        if self._payment_seen:
            return Finding(Kind.DUPLICATE, line, reasons=("second_line",))
        return Finding(Kind.EXTRA, line, reasons=("payment_failed" if payment.failed else "payment_not_completed",))

    def _came_back(self, line: BankLine) -> Finding:
        """A line against the payment's direction, for which no return is left in the books."""
        if any(movement.is_return for movement in self._paired):
            return Finding(Kind.DUPLICATE, line, reasons=("second_return",))
        if self._payment_seen:
            return Finding(Kind.EXTRA, line, reasons=("return_not_in_books",))
        if self._open and not line.is_reversal:
            return self._pair(Kind.DIFFERENT, line, self._open[0])
        return Finding(Kind.REVERSAL_WITHOUT_PAYMENT, line, reasons=("payment_never_shown",))

    @property
    def _payment_seen(self) -> bool:
        return any(not movement.is_return for movement in self._paired)

    def _without_line(self, movement: Movement) -> Finding:
        has_statement = movement.account is not None and self._covered(movement.account, movement.day)
        return Finding(Kind.MISSING if has_statement else Kind.NOT_COVERED, movement=movement)
