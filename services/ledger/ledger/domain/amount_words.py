"""Amounts in words, as receipts and cheques have them: "One million naira and fifty kobo"."""

from decimal import Decimal
from types import MappingProxyType
from typing import Final

from ledger.domain.money import CURRENCIES, INTEGER_DIGITS_MAX, currency_digits, format_amount
from ledger.domain.refusals import AmountInvalidError

_SMALL: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GROUPS: Final = ("", " thousand", " million", " billion", " trillion", " quadrillion")
_HUNDRED: Final = 100
_THOUSAND: Final = 1000
# What the units of each currency are called, the whole and the part; and the sign before its figures.
_UNITS: Final = MappingProxyType({"NGN": ("naira", "kobo")})
_SIGNS: Final = MappingProxyType({"NGN": "₦"})


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, _HUNDRED)
    parts = [f"{_SMALL[hundreds]} hundred"] if hundreds else []
    if rest:
        tens, ones = divmod(rest, 10)
        small = _SMALL[rest] if rest < len(_SMALL) else _TENS[tens] + (f"-{_SMALL[ones]}" if ones else "")
        parts.append(small)
    return " and ".join(parts)


def number_words(number: int) -> str:
    """A whole number of up to 18 digits in British English; raises AmountInvalidError for others."""
    if not 0 <= number < 10**INTEGER_DIGITS_MAX:
        raise AmountInvalidError(f"{number} has no words here")
    if number == 0:
        return _SMALL[0]
    groups = []
    left = number
    for name in _GROUPS:
        left, group = divmod(left, _THOUSAND)
        if group:
            groups.append(_below_thousand(group) + name)
    groups.reverse()
    # "one thousand and five", for the last group has no hundreds of its own to carry the "and".
    if len(groups) > 1 and 0 < number % _THOUSAND < _HUNDRED:
        *before, last = groups
        return f"{', '.join(before)} and {last}"
    return ", ".join(groups)


def amount_words(amount: Decimal, currency: str) -> str:
    """The amount as a sentence's beginning, in the currency's own units; "only" where one of its units is enough."""
    written = format_amount(amount, currency)
    whole, _, part = written.partition(".")
    unit, small_unit = _UNITS.get(currency, (currency, f"1/{10 ** currency_digits(currency)} {currency}"))
    names = [
        f"{number_words(int(count))} {name}" for count, name in ((whole, unit), (part or "0", small_unit)) if int(count)
    ]
    text = " and ".join(names) if len(names) > 1 else f"{names[0] if names else f'zero {unit}'} only"
    return text[0].upper() + text[1:]


def amount_figures(amount: Decimal, currency: str) -> str:
    """The amount with its sign and thousands apart, for reading: ₦1,000,000.00."""
    written = format_amount(amount, currency)
    return f"{_SIGNS.get(currency, currency + ' ')}{Decimal(written):,.{CURRENCIES[currency]}f}"
