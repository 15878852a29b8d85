"""One block from its exact bytes: the seven fields, the shape of its data, and the money it moves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from impactnet_verify import canonical
from impactnet_verify.failures import NotVerifiedError, require
from impactnet_verify.shapes import ACCOUNT, AMOUNT, COUNT, CURRENCIES, HASH, NO_STEP, SHAPES, Shape

GENESIS: Final = (
    b'{"block_index":0,"data":{"currencies":{"NGN":2},"profile":"impactnet-jcs-1"},"nonce":0,'
    b'"previous_hash":"0000000000000000000000000000000000000000000000000000000000000000",'
    b'"timestamp":"2026-01-01T00:00:00.000000Z","transaction_id":"genesis","transaction_type":"genesis"}'
)
FIELDS: Final = frozenset(
    {"block_index", "timestamp", "transaction_type", "transaction_id", "data", "previous_hash", "nonce"}
)
TRANSACTION_ID: Final = r"[A-Za-z0-9_.:-]{1,100}"
TIMESTAMP: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
_OF_AWARD: Final = ("amount", "currency", "award_id", "beneficiary_id", "program_id")
# Kind and fields; every kind's program is at one place. A reversal knows less than its disbursement: as much as the
# disbursement's begin with.
TERMS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "donation": ("donation", ("amount", "currency", "earmark", "donor_id", "program_id")),
    "commitment": ("commitment", _OF_AWARD),
    "decommitment": ("decommitment", _OF_AWARD),
    "disbursement": ("disbursement", (*_OF_AWARD, "tranche_id", "payee_commitment")),
    "reversal": ("disbursement", _OF_AWARD),
    "refund": ("refund", ("amount", "currency", "donation_id", "donor_id", "program_id")),
}
_POSTINGS_MIN: Final = 2  # money comes from somewhere and goes somewhere
DATE_CHARACTERS: Final = 10


class Movement(NamedTuple):
    """`amount` in the currency's smallest unit goes from `source` to `target`.

    `payment` is the id of what moves in steps, `step` which of them this is, and `terms` what all of them share; both
    are empty for what moves at once. An earmark that is left out is an empty text among the terms.
    """

    currency: str
    amount: int
    source: str
    target: str
    step: str
    payment: str
    terms: tuple[str, ...]


class Block(NamedTuple):
    block_index: int
    timestamp: str
    transaction_type: str
    transaction_id: str
    previous_hash: str
    nonce: int
    movement: Movement | None
    decided: tuple[str, str] | None = None  # award and application, of a decision that names an award


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """A block together with its data as it stands there."""

    block: Block
    data: Mapping[str, Any]


@lru_cache(maxsize=4096)  # blocks of one day stand together
def is_date(text: str) -> bool:
    """Whether `YYYY-MM-DD` is a day of the calendar."""
    try:
        datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def read_block(preimage: bytes) -> ReadBlock:
    """Raises NotVerifiedError, naming the field, unless these bytes are a block that keeps every rule of its own.

    What depends on other blocks (links, order, balances, steps) is not looked at here.
    """
    value = canonical.decode(preimage)
    require(isinstance(value, dict) and value.keys() == FIELDS, "fields: a block has exactly its seven")
    for name in ("block_index", "nonce"):
        require(type(value[name]) is int and value[name] >= 0, f"{name}: not an integer from zero up")
    timestamp = value["timestamp"]
    _check_text(value, "timestamp", TIMESTAMP)
    require(is_date(timestamp[:DATE_CHARACTERS]), "timestamp: no such day")
    _check_text(value, "previous_hash", HASH)
    _check_text(value, "transaction_id", TRANSACTION_ID)
    transaction_type, data = value["transaction_type"], value["data"]
    if transaction_type == "genesis":
        require(preimage == GENESIS, "genesis: not the one that every ImpactNet ledger begins with")
        movement = None
    else:
        movement = _check_data(transaction_type, value["transaction_id"], data)
    block = Block(
        value["block_index"],
        timestamp,
        transaction_type,
        value["transaction_id"],
        value["previous_hash"],
        value["nonce"],
        movement,
        (data["award_id"], data["application_id"]) if transaction_type == "decision" and "award_id" in data else None,
    )
    return ReadBlock(block, data)


def _check_text(fields: Mapping[str, Any], name: str, form: str, prefix: str = "") -> None:
    text = fields[name]
    require(isinstance(text, str) and re.fullmatch(form, text), f"{prefix}{name}: not of its form")


def _check_data(transaction_type: object, transaction_id: str, data: object) -> Movement | None:
    shape = SHAPES.get(transaction_type) if isinstance(transaction_type, str) else None
    if shape is None or not isinstance(transaction_type, str):
        raise NotVerifiedError(f"transaction_type: {str(transaction_type)[:40]!r} is none of the known ones")
    if not isinstance(data, dict):
        raise NotVerifiedError("data: not an object")
    money = {"amount", "currency", "postings"} if shape.moves_money else set()
    missing = (shape.fields.keys() | money) - data.keys()
    require(not missing, f"data.{min(missing, default='')}: missing in a {transaction_type}")
    unknown = data.keys() - shape.fields.keys() - shape.optional.keys() - money
    require(not unknown, f"data.{min(unknown, default='')}: does not belong into a {transaction_type}")
    for name, form in (shape.fields | shape.optional).items():
        if name not in data:
            continue
        if form == COUNT:
            require(type(data[name]) is int and data[name] >= 0, f"data.{name}: not an integer from zero up")
        else:
            _check_text(data, name, form, "data.")
    return _read_movement(transaction_type, shape, transaction_id, data) if shape.moves_money else None


def _read_movement(transaction_type: str, shape: Shape, transaction_id: str, data: Mapping[str, Any]) -> Movement:
    step = data.get("step", NO_STEP)
    if step:
        expected = f"{data['transaction_id']}:{step}"
        require(transaction_id == expected, f"transaction_id: a {transaction_type} has {expected} here")
    currency = data["currency"]
    require(isinstance(currency, str) and currency in CURRENCIES, "data.currency: not one of the genesis block's")
    amount = _read_amount(data["amount"], currency, "data.amount")
    require(amount > 0, "data.amount: not more than zero")
    source, target = (template.format_map(data) for template in shape.moves[step])
    changes = _read_postings(data["postings"], currency)
    wanted = {source: -amount, target: amount}
    what = f"{transaction_type} {step}".rstrip()
    require(
        changes == wanted,
        f"postings: not {data['amount']} {currency} from {source} to {target}, as in a {what}",
    )
    payment = data["transaction_id"] if step else data.get("disbursement_id", "")
    return Movement(currency, amount, source, target, step, payment, terms_of(transaction_type, data))


def terms_of(transaction_type: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """What every step of one payment has to repeat, and first of all what kind of movement it is."""
    kind, names = TERMS[transaction_type]
    return (kind, *(data.get(name, "") for name in names))


def _read_amount(text: object, currency: str, what: str) -> int:
    """In the smallest unit; raises unless written with exactly the currency's digits."""
    require(
        isinstance(text, str) and re.fullmatch(AMOUNT[currency], text),
        f"{what}: not a decimal with exactly {CURRENCIES[currency]} digits behind the point",
    )
    return int(str(text).replace(".", ""))


def _read_postings(postings: object, currency: str) -> dict[str, int]:
    """The change of each account; the changes sum to zero."""
    if not isinstance(postings, list) or len(postings) < _POSTINGS_MIN:
        raise NotVerifiedError(f"postings: not a list of at least {_POSTINGS_MIN}")
    changes: dict[str, int] = {}
    for line in postings:
        require(isinstance(line, dict) and line.keys() == {"account", "amount"}, "postings: not account and amount")
        _check_text(line, "account", ACCOUNT, "postings: ")
        text = line["amount"]
        sign = -1 if isinstance(text, str) and text.startswith("-") else 1
        change = sign * _read_amount(text.removeprefix("-") if sign < 0 else text, currency, "postings: amount")
        require(change, "postings: an amount of zero")
        changes[line["account"]] = changes.get(line["account"], 0) + change
    total = sum(changes.values())
    require(total == 0, f"postings: they sum to {total} of the smallest unit, not to zero")
    return {account: change for account, change in changes.items() if change}
