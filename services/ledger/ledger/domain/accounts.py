"""Accounts and the entries that move money between them; every entry sums to zero per currency."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from ledger.domain.money import format_amount
from ledger.domain.refusals import UnbalancedError

BANK_CLEARING: Final = "bank:clearing"


def never_negative(account: str) -> bool:
    """Program money is real money: these accounts may not go below zero, in the database too."""
    return account.startswith("program:")


class Posting(NamedTuple):
    """One line of an entry: money arrives at `account` (positive) or leaves it (negative)."""

    account: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """Postings of one money block, in one currency, summing to zero."""

    currency: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        check_balanced(self.postings)

    def as_data(self) -> list[dict[str, str]]:
        return [
            {"account": posting.account, "amount": format_amount(posting.amount, self.currency)}
            for posting in self.postings
        ]


def check_balanced(postings: Iterable[Posting]) -> None:
    """Raises UnbalancedError unless there are at least two lines, none of them zero, which sum to exactly zero."""
    lines = list(postings)
    if len(lines) < 2:  # noqa: PLR2004 -- money comes from somewhere and goes somewhere
        raise UnbalancedError("an entry has at least two postings")
    total = Decimal(0)
    for line in lines:
        if not line.amount:
            raise UnbalancedError("a posting of zero says nothing")
        total += line.amount
    if total != 0:
        raise UnbalancedError(f"postings sum to {total}, not to zero")


def move(amount: Decimal, currency: str, *, source: str, target: str) -> Entry:
    """The entry that moves `amount` (> 0) from `source` to `target`."""
    return Entry(currency, (Posting(source, -amount), Posting(target, amount)))
