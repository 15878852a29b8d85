"""What makes a stored block true: its bytes, its columns, its postings, its place behind its predecessor."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from ledger.domain.accounts import Posting
from ledger.domain.block import NO_PREVIOUS_HASH, Block, parse_preimage
from ledger.domain.block_data import MONEY_TYPES, check_shape, entry_of
from ledger.domain.moves import accounts_of
from ledger.domain.refusals import RefusalError


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block as the database holds it, column by column, each of which could have been changed by someone."""

    block_index: int
    timestamp: datetime
    transaction_type: str
    transaction_id: str
    data: Mapping[str, Any]
    previous_hash: str
    hash: str
    nonce: int
    preimage: bytes
    postings: tuple[tuple[str, Posting], ...] = ()  # (currency, posting), in the order of their lines


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `ok` is None where there was nothing to look at yet."""

    name: str
    ok: bool | None
    detail: str | None = None


class _BrokenError(Exception):
    pass


def check_block(stored: StoredBlock, previous: StoredBlock | None) -> list[Check]:
    """`bytes`, `columns`, `postings` and `link`, in this order; the first that fails says what is wrong."""
    parsed: Block | None = None
    checks: list[Check] = []
    try:
        parsed = _check_bytes(stored)
        checks.append(Check("bytes", ok=True))
    except (_BrokenError, RefusalError) as error:
        checks.append(Check("bytes", ok=False, detail=str(error)))
    for name, look in (("columns", _check_columns), ("postings", _check_postings)):
        if parsed is None:
            checks.append(Check(name, ok=False, detail="the bytes are not those of a block"))
            continue
        try:
            look(stored, parsed)
            checks.append(Check(name, ok=True))
        except (_BrokenError, RefusalError) as error:
            checks.append(Check(name, ok=False, detail=str(error)))
    try:
        _check_link(stored, previous)
        checks.append(Check("link", ok=True))
    except _BrokenError as error:
        checks.append(Check("link", ok=False, detail=str(error)))
    return checks


def first_failure(checks: Sequence[Check]) -> Check | None:
    return next((check for check in checks if check.ok is False), None)


def _check_bytes(stored: StoredBlock) -> Block:
    if sha256(stored.preimage).hexdigest() != stored.hash:
        raise _BrokenError("the hash is not that of the stored bytes")
    parsed = parse_preimage(stored.preimage)
    try:
        check_shape(parsed.transaction_type, parsed.data)
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        # Bytes of anybody's making: a list where a name belongs, a number where an amount does.
        raise _BrokenError("the fields are not of their kinds") from error
    return parsed


def _check_columns(stored: StoredBlock, parsed: Block) -> None:
    for field in ("block_index", "timestamp", "transaction_type", "transaction_id", "data", "previous_hash", "nonce"):
        if getattr(stored, field) != getattr(parsed, field):
            raise _BrokenError(f"the column {field} differs from the bytes")


def _check_postings(stored: StoredBlock, parsed: Block) -> None:
    if parsed.transaction_type not in MONEY_TYPES:
        if stored.postings:
            raise _BrokenError("postings of a block that moves no money")
        return
    entry = entry_of(parsed.data)
    if stored.postings != tuple((entry.currency, posting) for posting in entry.postings):
        raise _BrokenError("the postings differ from the bytes")
    source, target = accounts_of(parsed.transaction_type, parsed.data)
    moved: defaultdict[str, Decimal] = defaultdict(Decimal)
    for posting in entry.postings:
        moved[posting.account] += posting.amount
    amount = Decimal(parsed.data["amount"])
    if {account: change for account, change in moved.items() if change} != {source: -amount, target: amount}:
        raise _BrokenError(f"its money goes from {source} to {target}, and the postings say otherwise")


def _check_link(stored: StoredBlock, previous: StoredBlock | None) -> None:
    if previous is None:
        if stored.block_index != 0 or stored.previous_hash != NO_PREVIOUS_HASH:
            raise _BrokenError("the block before it is missing")
        return
    if previous.block_index != stored.block_index - 1:
        raise _BrokenError("the block before it is missing")
    if stored.previous_hash != sha256(previous.preimage).hexdigest():
        raise _BrokenError("it does not carry the hash of the block before it")
    if stored.timestamp <= previous.timestamp or stored.nonce < previous.nonce:
        raise _BrokenError("time or epoch went backwards")
