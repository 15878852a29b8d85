"""What `data` of each block type holds, to the field: a stranger's verifier relies on these shapes."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import call
from typing import Any, Final

from ledger.domain.accounts import Entry, Posting, check_balanced
from ledger.domain.money import currency_digits, format_amount, parse_amount
from ledger.domain.refusals import BadShapeError, RefusalError

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256: Final = re.compile("[0-9a-f]{64}")
_CODE: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,100}")
_SCORE: Final = re.compile(r"(0|[1-9][0-9]{0,2})\.[0-9]{2}")
_AMOUNT_SIGNED: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")

Check = Callable[[Any], object]


def _matches(pattern: re.Pattern[str]) -> Check:
    # Raises TypeError for what is no text: who calls it knows.
    return pattern.fullmatch


def _one_of(*values: str) -> Check:
    return lambda value: value in values


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _postings(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(line, dict) and set(line) == {"account", "amount"} and isinstance(line["account"], str)
        for line in value
    )


_id, _sha256, _code = _matches(_ID), _matches(_SHA256), _matches(_CODE)
_money: Final[dict[str, Check]] = {"amount": _matches(_AMOUNT_SIGNED), "currency": _code, "postings": _postings}
_step: Final = _one_of("sent", "completed", "failed")
_award: Final[dict[str, Check]] = {"award_id": _id, "program_id": _id, "beneficiary_id": _id}

# A name that ends in `?` may be left out. Nothing else may be there.
SHAPES: Final[dict[str, dict[str, Check]]] = {
    "genesis": {"profile": _code, "currencies": lambda value: isinstance(value, dict)},
    "program_create": {"program_id": _id, "currency": _code},
    "donation": _money | {"donor_id": _id, "program_id": _id, "earmark?": _id},
    "commitment": _money | _award,
    "decommitment": _money | _award,
    "decision": {
        "application_id": _id,
        "program_id": _id,
        "outcome": _one_of("approved", "rejected"),
        "submission_sha256": _sha256,
        "reviews": _count,
        "final_score": _matches(_SCORE),
        "decider_id": _id,
        "award_id?": _id,
    },
    "interview": {
        "application_id": _id,
        "transcript_sha256": _sha256,
        "messages": _count,
        "model": _code,
        "prompt_version": _code,
    },
    "disbursement": _money
    | _award
    | {"transaction_id": _id, "step": _step, "tranche_id": _id, "payee_commitment": _sha256},
    "refund": _money | {"transaction_id": _id, "step": _step, "donation_id": _id, "donor_id": _id, "program_id": _id},
    "reversal": _money | _award | {"disbursement_id": _id, "code": _code},
    "exception": {"event_id": _id, "event_type": _code, "event_hash": _sha256, "code": _code},
}
# The same, as it is looked at for every block: the fields there must be, those there may be, and the checks of all.
_FIELDS: Final = {
    name: (
        frozenset(field for field in shape if not field.endswith("?")),
        frozenset(field.removesuffix("?") for field in shape),
        {field.removesuffix("?"): check for field, check in shape.items()},
    )
    for name, shape in SHAPES.items()
}
MONEY_TYPES: Final = frozenset(name for name, shape in SHAPES.items() if "postings" in shape)


def check_shape(transaction_type: str, data: Mapping[str, Any]) -> None:
    """Raises BadShapeError unless `data` has exactly the fields of its type, each of its form, and balances."""
    check_fields(transaction_type, data)
    if transaction_type in MONEY_TYPES:
        entry_of(data)


def check_fields(transaction_type: str, data: Mapping[str, Any]) -> None:
    """The same without the balance, for data that was written from an entry, which is balanced."""
    if transaction_type not in _FIELDS:
        raise BadShapeError(f"{transaction_type!r} is not a block type")
    required, allowed, checks = _FIELDS[transaction_type]
    if not required <= data.keys() <= allowed:
        if missing := required - data.keys():
            raise BadShapeError(f"{transaction_type}: {', '.join(sorted(missing))} is missing")
        left = ", ".join(sorted(data.keys() - allowed))
        raise BadShapeError(f"{transaction_type}: {left} does not belong here")
    try:
        are_right = all(map(call, map(checks.__getitem__, data), data.values()))
    except TypeError:
        are_right = False
    if not are_right:
        wrong = next(field for field, value in data.items() if not _is_right(checks[field], value))
        raise BadShapeError(f"{transaction_type}: {wrong} is not of its form")


def _is_right(check: Check, value: Any) -> bool:
    try:
        return bool(check(value))
    except TypeError:
        return False


def entry_of(data: Mapping[str, Any]) -> Entry:
    """The entry of a money block; raises BadShapeError when it does not balance or is not written canonically."""
    currency = data["currency"]
    try:
        currency_digits(currency)
        amount = _exact(data["amount"], currency)
        postings = tuple(Posting(line["account"], _exact(line["amount"], currency)) for line in data["postings"])
        check_balanced(postings)
    except RefusalError as refusal:
        raise BadShapeError(f"postings: {refusal.detail}") from refusal
    if amount <= 0 or sum((line.amount for line in postings if line.amount > 0), Decimal(0)) != amount:
        raise BadShapeError("postings: what arrives is not the block's amount")
    return Entry(currency, postings)


def _exact(text: str, currency: str) -> Decimal:
    amount = parse_amount(text, currency)
    if format_amount(amount, currency) != text:
        raise BadShapeError(f"{text!r} is not written with exactly the currency's digits")
    return amount


def money_data(amount: Decimal, entry: Entry, **fields: str | None) -> dict[str, Any]:
    """`data` of a money block: amount, currency, postings, and the named fields that have a value."""
    named = {name: value for name, value in fields.items() if value is not None}
    return named | {
        "amount": format_amount(amount, entry.currency),
        "currency": entry.currency,
        "postings": entry.as_data(),
    }
