"""Types of values in bodies: texts without control characters, money as strings, currencies."""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

# ISO 4217 minor units of the currencies we keep books in; the ledger's genesis block fixes the table.
CURRENCY_DIGITS: Final = {"NGN": 2}
# 15 digits before the point: a thousand times Nigeria's GDP, and far inside numeric(20,2).
AMOUNT_DIGITS_MAX: Final = 15
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]*")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EARLIEST: Final = date(1900, 1, 1)
_LATEST: Final = date(2999, 12, 31)


class Body(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Answer(BaseModel):
    """A response body."""

    model_config = ConfigDict(from_attributes=True)


def _printable(value: str) -> str:
    for character in value:
        # Cc: control, Cs: surrogate. Line breaks and tabs are what people type.
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\r\t":
            raise PydanticCustomError("control_character", "must not hold control characters")
    return value


def _amount(value: str) -> str:
    if not _AMOUNT.fullmatch(value):
        raise PydanticCustomError("amount_malformed", "must be a decimal string such as 150000.00")
    if len(value.partition(".")[0]) > AMOUNT_DIGITS_MAX:
        raise PydanticCustomError("amount_too_large", "must have at most 15 digits before the point")
    if len(value.partition(".")[2]) > 2:  # noqa: PLR2004 -- the digits of every currency in CURRENCY_DIGITS
        raise PydanticCustomError("amount_too_precise", "must have at most 2 decimals")
    return f"{Decimal(value):.2f}"


def _positive(value: str) -> str:
    if Decimal(value) <= 0:
        raise PydanticCustomError("amount_not_positive", "must be more than zero")
    return value


def _currency(value: str) -> str:
    if value not in CURRENCY_DIGITS:
        raise PydanticCustomError("currency_unknown", f"must be one of {', '.join(sorted(CURRENCY_DIGITS))}")
    return value


def _plain_digits(value: Any) -> Any:
    # What else Python reads as a number ("1_0", "1.0", "+1", " 1") would give one thing many names.
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise PydanticCustomError("int_parsing", "must be a whole number")
    return value


def _plain_day(value: Any) -> Any:
    # pydantic takes a day out of seconds since 1970 as well, and out of a midnight anywhere on earth.
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise PydanticCustomError("date_malformed", "must be a day such as 2026-01-31")
    return value


def _sane_date(value: date) -> date:
    if not _EARLIEST <= value <= _LATEST:
        raise PydanticCustomError("date_out_of_range", "must lie between 1900 and 2999")
    return value


# A whole number in a path or a query.
WholeNumber = Annotated[int, BeforeValidator(_plain_digits)]
# 09-values, "field sizes": names 200, recipient name 255, texts 10,000, URLs 500.
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_printable)]
RequiredText = Annotated[str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(_printable)]
ShortText = Annotated[str, StringConstraints(max_length=255), AfterValidator(_printable)]
RecipientName = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_printable)]
# Money is exactly what it says: no blanks are taken off it.
_Exact = Annotated[str, StringConstraints(strip_whitespace=False)]
Money = Annotated[_Exact, AfterValidator(_amount)]
PositiveMoney = Annotated[_Exact, AfterValidator(_amount), AfterValidator(_positive)]
CurrencyCode = Annotated[_Exact, AfterValidator(_currency)]
SaneDate = Annotated[date, BeforeValidator(_plain_day), AfterValidator(_sane_date)]


class Reason(Body):
    """A body that only says why."""

    reason: Annotated[RequiredText, Field(description="Why; kept with the decision.")]


class Empty(Body):
    """`{}`."""


def money(amount: Decimal) -> str:
    """A decimal as bodies show it: exactly two digits."""
    return f"{amount:.2f}"


Json = dict[str, Any]
