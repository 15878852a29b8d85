"""Looks at the bytes of stored blocks at speed: what passes is sound, what does not is for `check_block`, exactly."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise, starmap
from operator import itemgetter, le, lt
from typing import Any, Final, NamedTuple

from ledger.domain.merkle import HASH_BYTES
from ledger.domain.moves import MOVES, NO_STEP

ID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SHA256: Final = "[0-9a-f]{64}"
_CODE: Final = "[A-Za-z0-9_.:/-]{1,100}"
_ACCOUNT: Final = "[a-z0-9:-]++"
# Above zero, canonical, with the two digits of every currency in the genesis block.
_AMOUNT: Final = r"(?!0\.00)(?:0|[1-9][0-9]{0,17})\.[0-9]{2}"
# Fifteen digits: every one of these is exact in JSON (RFC 8785, 3.2.2.3).
_COUNT: Final = "0|[1-9][0-9]{0,14}"

_MONEY: Final = {"amount": _AMOUNT, "currency": "NGN", "postings": ""}
_AWARD: Final = {"award_id": ID, "program_id": ID, "beneficiary_id": ID}
_STEP: Final = "sent|completed|failed"
_DECISION: Final = {
    "application_id": ID,
    "program_id": ID,
    "outcome": "approved|rejected",
    "submission_sha256": _SHA256,
    "reviews": _COUNT,
    "final_score": r"(?:0|[1-9][0-9]{0,2})\.[0-9]{2}",
    "decider_id": ID,
}
# The shapes of `block_data`, as far as what this ledger writes goes. Narrower is slower, never wrong.
FORMS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("program_create", {"program_id": ID, "currency": _CODE}),
    ("donation", _MONEY | {"donor_id": ID, "program_id": ID}),
    ("donation", _MONEY | {"donor_id": ID, "program_id": ID, "earmark": ID}),
    ("commitment", _MONEY | _AWARD),
    ("decommitment", _MONEY | _AWARD),
    ("decision", _DECISION),
    ("decision", _DECISION | {"award_id": ID}),
    (
        "interview",
        {
            "application_id": ID,
            "transcript_sha256": _SHA256,
            "messages": _COUNT,
            "model": _CODE,
            "prompt_version": _CODE,
        },
    ),
    (
        "disbursement",
        _MONEY | _AWARD | {"transaction_id": ID, "step": _STEP, "tranche_id": ID, "payee_commitment": _SHA256},
    ),
    (
        "refund",
        _MONEY | {"transaction_id": ID, "step": _STEP, "donation_id": ID, "donor_id": ID, "program_id": ID},
    ),
    ("reversal", _MONEY | _AWARD | {"disbursement_id": ID, "code": _CODE}),
    ("exception", {"event_id": ID, "event_type": _CODE, "event_hash": _SHA256, "code": _CODE}),
)
NUMBERS: Final = frozenset({"reviews", "messages"})
_IS_ID: Final = re.compile(ID.encode()).fullmatch
# Between the preimages of a stretch: no byte of canonical JSON.
SEPARATOR: Final = b"\x00"

# Bytes that differ only in which digits and letters of hexadecimal they have are outlined the same.
_OUTLINE: Final = bytes.maketrans(b"0123456789abcdef", b"0" * 16)
# Forms that do not take every such digit for every other: these fields are looked at in each block.
_EXACT: Final = frozenset({"amount", "final_score", "outcome", "step"})
# Outlines that are remembered, of some 500 bytes each. There are as many as lengths of numbers and names of models.
_KNOWN_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Link:
    """What the next block has to continue; `moment` is RFC 3339 without its `Z`."""

    hash: str
    moment: str
    nonce: int


class Move(NamedTuple):
    """Money of a block, in NGN, from one account to another; all as it is written."""

    block_index: str
    amount: str
    source: str
    target: str


# Kind and outcome ('' where it has none) of blocks whose ids are UUIDs; None in its place for those with other ids.
Sort = tuple[str, str | None]


@dataclass(slots=True)
class Screening:
    """What was seen.

    `leaves` are the hashes of the bytes in the tree, of all blocks; `suspects` the indexes of those that did not pass,
    `moves` those of blocks that move money. `ids` are the transaction ids of all blocks but the `strangers`, whose form
    is not known. `last` is None where the last block is one.
    """

    leaves: list[bytes]
    moves: list[Move]
    suspects: set[int]
    ids: dict[Sort, list[bytes]]
    strangers: list[int]
    last: Link | None


class _Plan(NamedTuple):
    """Where things stand in bytes of one outline."""

    place: Callable[[bytes], tuple[bytes, ...]]  # index, previous hash, moment, nonce
    exact: tuple[tuple[slice, Callable[[bytes], Any]], ...]
    move: Callable[[bytes], tuple[bytes, ...]] | None  # index, amount, source, target, what leaves and what arrives
    accounts: Callable[[bytes], bytes] | None  # source and target, as the fields say
    sort: Sort
    id: slice


# The names in what `MOVES` says.
_FIELD: Final = re.compile(r"\{(\w+)\}")
# Of a block of no form; what follows it is looked at exactly.
_NOWHERE: Final = (b"", b"", b"", b"-1")
_PLACES: Final = len(_NOWHERE)


def _pattern(kind: str, fields: dict[str, str]) -> re.Pattern[bytes]:
    data: list[str] = []
    for name in sorted(fields):
        if name == "postings":
            source = f'{{"account":"(?P<source>{_ACCOUNT})","amount":"-(?P<left>(?P=amount))"}}'
            target = f'{{"account":"(?P<target>{_ACCOUNT})","amount":"(?P<arrived>(?P=amount))"}}'
            data.append(f'"postings":\\[{source},{target}\\]')
        elif name in NUMBERS:
            data.append(f'"{name}":(?P<{name}>{fields[name]})')
        else:
            data.append(f'"{name}":"(?P<{name}>{fields[name]})"')
    text = (
        f'\\{{"block_index":(?P<index>{_COUNT}),"data":\\{{{",".join(data)}\\}},"nonce":(?P<nonce>{_COUNT}),'
        f'"previous_hash":"(?P<previous>{_SHA256})",'
        r'"timestamp":"(?P<moment>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6})Z",'
        # JSON writes the id as it stands.
        f'"transaction_id":"(?P<id>[ !#-\\[\\]-~]*)","transaction_type":"{kind}"\\}}'
    )
    return re.compile(text.encode())


_PATTERNS: Final = tuple((kind, fields, _pattern(kind, fields)) for kind, fields in FORMS)
_known: Final[dict[bytes, _Plan]] = {}


def _learn(outline: bytes, preimage: bytes) -> _Plan | None:
    """The plan for all bytes of this outline, from one of them; None when it is of no form."""
    for kind, fields, pattern in _PATTERNS:
        match = pattern.fullmatch(preimage)
        if match is None:
            continue

        def places(*names: str, match: re.Match[bytes] = match) -> Callable[[bytes], tuple[bytes, ...]]:
            return itemgetter(*(slice(*match.span(name)) for name in names))

        exact = tuple(
            (slice(*match.span(name)), re.compile(fields[name].encode()).fullmatch)
            for name in sorted(_EXACT & fields.keys())
        )
        move = places("index", "amount", "source", "target", "left", "arrived") if "postings" in fields else None
        accounts = _accounts(kind, match) if "postings" in fields else None
        outcome = match["outcome"].decode() if "outcome" in fields else ""
        sort = (kind, outcome if _IS_ID(match["id"]) else None)
        linked = places("index", "previous", "moment", "nonce")
        plan = _Plan(linked, exact, move, accounts, sort, slice(*match.span("id")))
        if len(_known) < _KNOWN_MAX:
            _known[outline] = plan
        return plan
    return None


def _accounts(kind: str, match: re.Match[bytes]) -> Callable[[bytes], bytes]:
    """Reads from bytes of this outline between which accounts their fields say that the money goes."""
    step = match["step"].decode() if "step" in match.re.groupindex else NO_STEP
    both = " ".join(MOVES.get((kind, step), ()))
    written = _FIELD.sub("%b", both).encode()
    fields = [slice(*match.span(name)) for name in _FIELD.findall(both)]
    return lambda preimage: written % tuple([preimage[each] for each in fields])


def screen(joined: bytes, hashes: str, count: int, start: int, before: Link) -> Screening | None:
    """Looks at shape, hash and link of `count` neighbours in the chain, from `start` on.

    `joined` is their bytes with separators between them, `hashes` their hashes with blanks. None when there are not so
    many. It is sound for bytes that are what the columns say, in JSON with the keys of their kind: whoever reads them
    sees to that (`adapters/block_columns.py`).

    A form is looked for once among all bytes of the same outline, for it takes any hexadecimal digit for any other,
    but in the fields of `_EXACT`; a number that is JSON has no letters in it and no zero before it.
    """
    preimages = joined.split(SEPARATOR)
    if len(preimages) != count:
        return None
    digests = b"".join([sha256(preimage).digest() for preimage in preimages]).hex(" ", HASH_BYTES)
    leaves = [sha256(b"\x00" + preimage).digest() for preimage in preimages]
    moves: list[Move] = []
    suspects: set[int] = set()
    strangers: list[int] = []
    ids: dict[Sort, list[bytes]] = {}
    alike: list[bytes] = []  # of these the ids of blocks like the one before
    places: list[bytes] = []
    outlines = joined.translate(_OUTLINE)
    last_outline, plan, end = b"", None, -1
    for index, preimage in enumerate(preimages, start):
        begin = end + 1  # of a second split would come the same, for three times as much
        end = begin + len(preimage)
        outline = outlines[begin:end]
        if outline != last_outline:  # neighbours are often alike, and comparing is less than looking up
            plan = _known.get(outline) or _learn(outline, preimage)
            last_outline = outline
            alike = ids.setdefault(plan.sort, []) if plan else []
        if plan is None:
            suspects.add(index)
            strangers.append(index)
            places += _NOWHERE
            continue
        for where, fits in plan.exact:
            if not fits(preimage[where]):
                suspects.add(index)
        if plan.move is not None and plan.accounts is not None:
            *move, left, arrived = plan.move(preimage)
            if left == arrived == move[1] and plan.accounts(preimage) == b"%b %b" % (move[2], move[3]):
                moves.append(Move(*map(bytes.decode, move)))
            else:
                suspects.add(index)
        places += plan.place(preimage)
        alike.append(preimage[plan.id])
    if digests != hashes or not _are_linked(places, digests, start, before):
        suspects.update(range(start, start + count))  # which of them it is, is found exactly
    moment, nonce = places[-2:]
    last = None if plan is None else Link(digests[-2 * HASH_BYTES :], moment.decode(), int(nonce))
    return Screening(leaves, moves, suspects, ids, strangers, last)


def _are_linked(places: Sequence[bytes], digests: str, start: int, before: Link) -> bool:
    """That each continues the one before it."""
    indexes, previous, moments, nonces = (places[at::_PLACES] for at in range(_PLACES))
    numbers = [before.nonce, *map(int, nonces)]
    tips = f"{before.hash} {digests}"
    return (
        # The last one's hash is for who comes after.
        b" ".join(previous) == tips[: -2 * HASH_BYTES - 1].encode()
        and indexes == [b"%d" % index for index in range(start, start + len(indexes))]
        and all(map(lt, (before.moment.encode(), *moments[:-1]), moments))
        and all(starmap(le, pairwise(numbers)))
    )
