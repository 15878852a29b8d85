"""Screens stored blocks at speed: what passes is sound, and what does not is looked at by `check_block`, exactly."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final, NamedTuple

from ledger.domain.canonical import INTEGER_MAX, SIZE_BYTES_MAX

_ID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SHA256: Final = "[0-9a-f]{64}"
_CODE: Final = "[A-Za-z0-9_.:/-]{1,100}"
_ACCOUNT: Final = "[a-z0-9:-]++"
# Above zero, canonical, with the two digits of every currency in the genesis block.
_AMOUNT: Final = r"(?!0\.00)(?:0|[1-9][0-9]{0,17})\.[0-9]{2}"
_COUNT: Final = "0|[1-9][0-9]{0,15}"

_MONEY: Final = {"amount": _AMOUNT, "currency": "NGN", "postings": ""}
_AWARD: Final = {"award_id": _ID, "program_id": _ID, "beneficiary_id": _ID}
_STEP: Final = "sent|completed|failed"
_DECISION: Final = {
    "application_id": _ID,
    "program_id": _ID,
    "outcome": "approved|rejected",
    "submission_sha256": _SHA256,
    "reviews": _COUNT,
    "final_score": r"(?:0|[1-9][0-9]{0,2})\.[0-9]{2}",
    "decider_id": _ID,
}
# The shapes of `block_data`, as far as what this ledger writes goes. Narrower is slower, never wrong.
_FORMS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("program_create", {"program_id": _ID, "currency": "[A-Za-z]{1,3}"}),
    ("donation", _MONEY | {"donor_id": _ID, "program_id": _ID}),
    ("donation", _MONEY | {"donor_id": _ID, "program_id": _ID, "earmark": _ID}),
    ("commitment", _MONEY | _AWARD),
    ("decommitment", _MONEY | _AWARD),
    ("decision", _DECISION),
    ("decision", _DECISION | {"award_id": _ID}),
    (
        "interview",
        {
            "application_id": _ID,
            "transcript_sha256": _SHA256,
            "messages": _COUNT,
            "model": _CODE,
            "prompt_version": _CODE,
        },
    ),
    (
        "disbursement",
        _MONEY | _AWARD | {"transaction_id": _ID, "step": _STEP, "tranche_id": _ID, "payee_commitment": _SHA256},
    ),
    (
        "refund",
        _MONEY | {"transaction_id": _ID, "step": _STEP, "donation_id": _ID, "donor_id": _ID, "program_id": _ID},
    ),
    ("reversal", _MONEY | _AWARD | {"disbursement_id": _ID, "code": _CODE}),
    ("exception", {"event_id": _ID, "event_type": _CODE, "event_hash": _SHA256, "code": _CODE}),
)
_MOMENT_LENGTH: Final = len("2026-01-01T00:00:00.000000")
_MOVE: Final = ("currency", "amount", "source", "target")
_NUMBERS: Final = frozenset({"reviews", "messages"})


class BlockRow(NamedTuple):
    """A row of `blocks` with `timestamp` and `data` as PostgreSQL writes them as text (ISO dates, UTC)."""

    block_index: int
    timestamp: str
    transaction_type: str
    transaction_id: str
    data: str
    previous_hash: str
    hash: str
    nonce: int
    preimage: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """What the next block has to continue; `moment` is RFC 3339 without its `Z`."""

    hash: str
    moment: str
    nonce: int


@dataclass(slots=True)
class Screening:
    """What was seen.

    `leaves` are those of all rows, `suspects` the positions of rows that did not pass. `moves` has (index, (currency,
    amount, source account, target account)) for each row that passed and moves money.
    """

    leaves: list[bytes]
    moves: list[tuple[int, tuple[str, ...]]]
    suspects: list[int]
    last: Link


class _Form(NamedTuple):
    match: Callable[[str], re.Match[str] | None]
    order: tuple[str, ...]
    layout: str
    move: Callable[[tuple[str, ...]], tuple[str, ...]] | None  # currency, amount, source, target


def _form(fields: dict[str, str]) -> _Form:
    """A pattern over JSONB's own text of `data`, and the canonical text that its parts make up.

    JSONB keeps keys by length, then by bytes; the canonical encoding by bytes alone.
    """
    stored: list[str] = []
    canonical: list[str] = []
    order: list[str] = []
    for name in sorted(fields, key=lambda key: (len(key), key)):
        if name == "postings":
            line = '{{"amount": "{sign}(?P=amount)", "account": "(?P<{role}>{account})"}}'
            source = line.format(sign="-", role="source", account=_ACCOUNT)
            target = line.format(sign="", role="target", account=_ACCOUNT)
            stored.append(f'"postings": \\[{source}, {target}\\]')
        elif name in _NUMBERS:
            stored.append(f'"{name}": (?P<{name}>{fields[name]})')
        else:
            stored.append(f'"{name}": "(?P<{name}>{fields[name]})"')
    for name in sorted(fields):
        if name == "postings":
            canonical.append('"postings":[{"account":"%s","amount":"-%s"},{"account":"%s","amount":"%s"}]')
            order += ["source", "amount", "target", "amount"]
        else:
            canonical.append(f'"{name}":%s' if name in _NUMBERS else f'"{name}":"%s"')
            order.append(name)
    pattern = re.compile("\\{" + ", ".join(stored) + "\\}", re.ASCII)
    move = itemgetter(*(order.index(name) for name in _MOVE)) if "postings" in fields else None
    return _Form(pattern.fullmatch, tuple(order), "{" + ",".join(canonical) + "}", move)


_BY_TYPE: Final[dict[str, list[_Form]]] = {}
for _name, _fields in _FORMS:
    _BY_TYPE.setdefault(_name, []).append(_form(_fields))


def moment_of(stamp: str) -> str:
    """`2026-01-01 00:00:00.5+00` as `2026-01-01T00:00:00.500000`: PostgreSQL leaves out zeros at the end."""
    whole, _, fraction = stamp.removesuffix("+00").partition(".")
    return f"{whole.replace(' ', 'T', 1)}.{fraction.ljust(6, '0')}"


def screen(rows: Iterable[Any], before: Link) -> Screening:
    """Looks at bytes, columns, shape and link of each row; rows are as `BlockRow`, neighbours in the chain.

    Sound because the canonical bytes are rebuilt from the columns: equal bytes have equal columns, and a form accepts
    nothing that `check_shape` refuses. A posting's two amounts are the block's own, so that entries balance by form.
    """
    leaves: list[bytes] = []
    moves: list[tuple[int, tuple[str, ...]]] = []
    suspects: list[int] = []
    tip, last_moment, last_nonce = before.hash, before.moment, before.nonce
    for position, row in enumerate(rows):
        index, stamp, kind, identity, data, previous_hash, stored_hash, nonce, preimage = row
        leaves.append(sha256(b"\x00" + preimage).digest())
        found = sha256(preimage).hexdigest()
        moment = f"{stamp[:10]}T{stamp[11:26]}" if stamp[26:] == "+00" else moment_of(stamp)
        values: tuple[str, ...] | None = None
        for matches, order, layout, move in _BY_TYPE.get(kind, ()):  # noqa: B007 -- used below: those of the match
            match = matches(data)
            if match is not None:
                values = match.group(*order)
                break
        if (
            values is None
            or found != stored_hash
            or previous_hash != tip
            or moment <= last_moment
            # A year of four digits and all that follows: no other time is one that a block can have.
            or stamp[10:11] != " "
            or len(moment) != _MOMENT_LENGTH
            or not last_nonce <= nonce <= INTEGER_MAX
            # JSON writes the id as it stands.
            or not identity.isascii()
            or not identity.isprintable()
            or '"' in identity
            or "\\" in identity
            or len(preimage) > SIZE_BYTES_MAX
            or (
                f'{{"block_index":{index},"data":{layout % values},"nonce":{nonce},'
                f'"previous_hash":"{previous_hash}","timestamp":"{moment}Z","transaction_id":"{identity}",'
                f'"transaction_type":"{kind}"}}'
            ).encode()
            != preimage
        ):
            suspects.append(position)
        elif move is not None:
            moves.append((index, move(values)))
        tip, last_moment, last_nonce = found, moment, nonce
    return Screening(leaves, moves, suspects, Link(tip, last_moment, last_nonce))
