"""What `data` of each block type holds, to the field: a stranger's verifier relies on these shapes."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import call
from typing import Any, Final
from uuid import UUID

import orjson

from ledger.domain import canonical
from ledger.domain.accounts import Entry, Posting, check_balanced
from ledger.domain.money import currency_digits, format_amount, parse_amount
from ledger.domain.refusals import BadShapeError, NotCanonicalError, RefusalError

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
_outcome: Final = _one_of("approved", "rejected")
_score: Final = _matches(_SCORE)
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
        "outcome": _outcome,
        "submission_sha256": _sha256,
        "reviews": _count,
        "final_score": _score,
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

# The values of those checks as canonical JSON: without an escape and within the profile's numbers. What is written
# otherwise is looked at field by field.
_WRITTEN: Final[dict[Check, str]] = {
    _id: f'"{_ID.pattern}"',
    _sha256: f'"{_SHA256.pattern}"',
    _code: f'"{_CODE.pattern}"',
    _count: "(0|[1-9][0-9]{0,14})",
    _step: '"(sent|completed|failed)"',
    _money["amount"]: f'"{_AMOUNT_SIGNED.pattern}"',
    _postings: r'\[(\{"account":"[a-z0-9:-]+","amount":"-?[0-9.]+"\},?)*(?<!,)\]',
    _outcome: '"(approved|rejected)"',
    _score: f'"{_SCORE.pattern}"',
}


def _written_form(shape: Mapping[str, Check]) -> Callable[[str], object]:
    """Matches the canonical text of data of this shape. The first field in order is never one that may be left out."""
    parts: list[str] = []
    for name in sorted(shape, key=lambda name: name.removesuffix("?")):
        part = f'{"," if parts else ""}"{name.removesuffix("?")}":{_WRITTEN[shape[name]]}'
        parts.append(f"({part})?" if name.endswith("?") else part)
    return re.compile("\\{" + "".join(parts) + "\\}", re.ASCII).fullmatch


_WRITTEN_FORMS: Final = {name: _written_form(shape) for name, shape in SHAPES.items() if name != "genesis"}


def encode_data(transaction_type: str, data: Mapping[str, Any]) -> str:
    """The canonical text of `data`, in which ids may stand as UUIDs.

    One pattern over the whole text says what `check_fields` and the profile say of each field, in half of the time;
    only what it does not know is looked at by these.

    Raises:
        BadShapeError: `data` does not have exactly the fields of its type, each of its form.
        NotCanonicalError: it cannot be expressed in the profile.
    """
    matches = _WRITTEN_FORMS.get(transaction_type)
    try:
        # `default` is for UUIDs of the database's driver, which are a class of their own.
        text = orjson.dumps(data, default=_id_text, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError as error:
        raise NotCanonicalError(str(error)) from error
    if matches is None or matches(text) is None:
        plain = orjson.loads(text)
        check_fields(transaction_type, plain)
        text = canonical.encode(plain).decode()
    return text


def _id_text(value: object) -> str:
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that a block holds")


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


def money_data(amount: Decimal, entry: Entry, **fields: str | UUID | None) -> dict[str, Any]:
    """`data` of a money block: amount, currency, postings, and the named fields that have a value."""
    data: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    data["amount"] = format_amount(amount, entry.currency)
    data["currency"] = entry.currency
    data["postings"] = entry.as_data()
    return data
