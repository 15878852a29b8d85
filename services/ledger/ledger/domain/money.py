"""Money: exact decimals with exactly the currency's digits, never a float."""

import re
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from ledger.domain.refusals import AmountInvalidError, CurrencyUnsupportedError

# The currency table is fixed by the genesis block: adding a currency is a new profile, not a setting.
CURRENCIES: Final = MappingProxyType({"NGN": 2})
INTEGER_DIGITS_MAX: Final = 18  # numeric(20,2) in the database holds 18 digits before the point
# What `str` gives for an amount that has exactly its currency's digits.
_EXACT: Final = {
    currency: re.compile(rf"(?!-0\.0+$)-?(?:0|[1-9][0-9]*)\.[0-9]{{{digits}}}")
    for currency, digits in CURRENCIES.items()
}
_QUANTA: Final = {digits: Decimal(1).scaleb(-digits) for digits in CURRENCIES.values()}
_AMOUNT: Final = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")


def currency_digits(currency: str) -> int:
    try:
        return CURRENCIES[currency]
    except KeyError:
        raise CurrencyUnsupportedError(f"{currency!r} is not one of {', '.join(CURRENCIES)}") from None


def parse_amount(text: str, currency: str) -> Decimal:
    """The exact amount of a decimal string; more digits than the currency has are refused, never rounded."""
    digits = currency_digits(currency)
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise AmountInvalidError(f"{text!r} is not a plain decimal number")
    _, whole, fraction = match.groups()
    if len(whole) > INTEGER_DIGITS_MAX:
        raise AmountInvalidError(f"more than {INTEGER_DIGITS_MAX} digits before the point")
    if len(fraction or "") > digits:
        raise AmountInvalidError(f"{currency} has {digits} digits after the point")
    return Decimal(text).quantize(_QUANTA[digits])


def parse_positive(text: str, currency: str) -> Decimal:
    amount = parse_amount(text, currency)
    if amount <= 0:
        raise AmountInvalidError("an amount is more than zero")
    return amount


def format_amount(amount: Decimal, currency: str) -> str:
    """The decimal string with exactly the currency's digits, as blocks and bodies carry it."""
    text = str(amount)
    exact = _EXACT.get(currency)
    if exact is not None and exact.fullmatch(text):
        return text  # as nearly every amount is
    digits = currency_digits(currency)
    text = f"{amount or Decimal(0):.{digits}f}"  # `or` turns -0.00 into 0.00
    if Decimal(text) != amount:
        raise AmountInvalidError(f"{amount} has more than {digits} digits after the point")
    return text
