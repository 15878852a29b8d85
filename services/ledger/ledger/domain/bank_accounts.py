"""Our own accounts at banks: which statement is about which, and which rail's money moves there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final

from ledger.domain.money import CURRENCIES

# Nigeria has one time zone and no summer time: a bank's day there.
BANK_TIME: Final = timezone(timedelta(hours=1), "WAT")
# An IBAN has at most 34 characters (ISO 13616), a NUBAN ten digits.
_NUMBER: Final = re.compile(r"[A-Z0-9]{5,34}")
_RAIL: Final = re.compile(r"[a-z][a-z0-9_]{0,19}")
_NOISE: Final = re.compile(r"[\s.-]")


def bank_day(at: datetime) -> date:
    """The day at the bank that an instant belongs to."""
    return at.astimezone(BANK_TIME).date()


def day_starts(day: date) -> datetime:
    """The first instant of a day at the bank."""
    return datetime(day.year, day.month, day.day, tzinfo=BANK_TIME)


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account of ours: its IBAN or NUBAN, its currency, and the rails whose money it holds."""

    number: str
    currency: str
    rails: frozenset[str]

    @property
    def masked(self) -> str:
        """For logs and metrics."""
        return f"***{self.number[-4:]}"

    def is_meant_by(self, identification: str) -> bool:
        """Whether a statement's account field names this account: `NUMBER`, `BANK/NUMBER`, with or without currency."""
        named = _NOISE.sub("", identification).upper().rpartition("/")[2]
        return named in (self.number, self.number + self.currency)


def parse_bank_account(text: str) -> BankAccount:
    """An account as the settings write it: `NUMBER:CURRENCY:rail+rail`.

    Raises:
        ValueError: says what is wrong.
    """
    parts = text.split(":")
    if len(parts) != 3:  # noqa: PLR2004 -- number, currency, rails
        raise ValueError("a bank account is written NUMBER:CURRENCY:rail+rail")
    number, currency, rails = _NOISE.sub("", parts[0]).upper(), parts[1], parts[2].split("+")
    if not _NUMBER.fullmatch(number):
        raise ValueError("an account number has 5 to 34 letters and digits")
    if currency not in CURRENCIES:
        raise ValueError(f"the books are kept in {', '.join(CURRENCIES)}")
    if not all(_RAIL.fullmatch(rail) for rail in rails):
        raise ValueError("a bank account names the rails whose money it holds")
    return BankAccount(number, currency, frozenset(rails))


def parse_bank_accounts(texts: Iterable[str]) -> tuple[BankAccount, ...]:
    """All accounts; none twice, and no rail in two of one currency.

    Raises:
        ValueError: says what is wrong.
    """
    found = tuple(parse_bank_account(text) for text in texts)
    if len({account.number for account in found}) != len(found):
        raise ValueError("a bank account is listed once")
    rails = [(account.currency, rail) for account in found for rail in account.rails]
    if len(set(rails)) != len(rails):
        raise ValueError("the money of a rail is in one account per currency")
    return found
