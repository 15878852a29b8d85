"""Finds our payment references in what banks make of them: upper case, cut into lines, spaces in between."""

import re
from itertools import chain
from typing import Final
from uuid import UUID

# `payment_reference`: the word and the transaction's id in hex.
_REFERENCE: Final = re.compile("impact([0-9a-f]{32})")
# Subfield marks of structured :86: fields (`?20`, `?21`, …) may stand in the middle of a reference.
_SUBFIELD: Final = re.compile(r"\?[0-9]{2}")
_OTHER: Final = re.compile("[^0-9a-z]+")
BANK_REFERENCE_CHARACTERS_MAX: Final = 64


def find_payments(*fields: str) -> frozenset[UUID]:
    """The transactions that a statement line's fields name by our reference.

    A reference is recognized wherever a bank breaks or decorates it, as long as its 32 hex digits are all there. One
    that goes on in the next field counts only where none stands in a field alone: else what a short field has left of
    one would be completed by whatever digits follow.
    """
    alone = frozenset(chain.from_iterable(_find(field) for field in fields))
    return alone or _find("\n".join(fields))


def _find(text: str) -> frozenset[UUID]:
    lowered = text.lower()
    if "?" not in lowered:
        return _named(lowered)
    # A question mark before two digits is a subfield's mark, unless a reference only stands there when it is not.
    return _named(_SUBFIELD.sub("", lowered)) or _named(lowered)


def _named(text: str) -> frozenset[UUID]:
    return frozenset(UUID(digits) for digits in _REFERENCE.findall(_OTHER.sub("", text)))


def normalized(bank_reference: str) -> str:
    """A bank's own reference for comparing: upper case, no spaces; `NONREF` is SWIFT for none."""
    joined = "".join(bank_reference.split()).upper()[:BANK_REFERENCE_CHARACTERS_MAX]
    return "" if joined == "NONREF" else joined
