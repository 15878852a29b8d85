"""A quick way to read blocks as the ledger writes them: one regular expression instead of a JSON parser.

It may only say yes, and only where the careful way (`blocks.read_block`) says the same; what it does not recognise is
left to the careful way. A block type's expression is the canonical text of such a block, made from the table of
shapes: whatever matches it is canonical, has the right fields, and moves its money between the right accounts.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from impactnet_verify.blocks import DATE_CHARACTERS, TERMS, TIMESTAMP, TRANSACTION_ID, Block, Movement, is_date
from impactnet_verify.canonical import SIZE_BYTES_MAX
from impactnet_verify.shapes import AMOUNT, COUNT, HASH, NO_STEP, SHAPES, WORD, Shape

_INTEGER: Final = "(?:0|[1-9][0-9]{0,14})"  # a digit less than the profile's largest
_PLAIN_WORD: Final = r"[ !#-\[\]-~]{1,200}"  # needs no escape in JSON
_FIELD: Final = re.compile(r"\{([a-z_]+)\}")
_new: Final = tuple.__new__


class _Reader(NamedTuple):
    """An expression, and where in its match to find what a block is made of."""

    match: Callable[[str], re.Match[str] | None]
    head: tuple[int, ...]  # index, time, id, previous hash, nonce
    money: tuple[int, ...]  # amount, source, target; empty where no money moves
    payment: int  # its id; 0 where nothing moves in steps
    terms: tuple[int, ...]
    decided: tuple[int, ...]
    kind: str
    step: str
    currency: str


class _Expression:
    """Builds one expression; a field that comes up again has to have the same text again."""

    def __init__(self, shape: Shape) -> None:
        self._forms = shape.fields | shape.optional
        self._known: set[str] = set()

    def once(self, name: str, form: str) -> str:
        if name in self._known:
            return f"(?P={name})"
        self._known.add(name)
        return f"(?P<{name}>{form})"

    def field(self, name: str) -> str:
        form = self._forms[name]
        return self.once(name, _INTEGER if form == COUNT else _PLAIN_WORD if form == WORD else form)

    def account(self, group: str, template: str) -> str:
        parts = _FIELD.split(template)
        text = "".join(self.field(part) if position % 2 else re.escape(part) for position, part in enumerate(parts))
        return f"(?P<{group}>{text})"


def _expression(transaction_type: str, shape: Shape, step: str, currency: str) -> str:
    made = _Expression(shape)
    names = [*shape.fields, *shape.optional, *(("amount", "currency", "postings") if shape.moves_money else ())]
    entries = []
    for name in sorted(names):
        if name == "amount":
            value = f'"(?!0\\.0*"){made.once("amount", AMOUNT[currency])}"'
        elif name == "currency" and shape.moves_money:
            value = f'"{made.once("currency", currency)}"'
        elif name == "postings":
            source, target = shape.moves[step]
            value = (
                rf'\[\{{"account":"{made.account("source", source)}","amount":"-(?P=amount)"\}},'
                rf'\{{"account":"{made.account("target", target)}","amount":"(?P=amount)"\}}\]'
            )
        elif name == "step":
            value = f'"{made.once("step", step)}"'
        else:
            value = made.field(name) if shape.fields.get(name) == COUNT else f'"{made.field(name)}"'
        entry = f'"{name}":{value},'
        entries.append(f"(?:{entry})?" if name in shape.optional else entry)
    # An optional field is never the last: the comma behind it stays.
    data = "".join(entries).removesuffix(",")
    # What a step is added to may have become too long.
    transaction_id = f'(?={TRANSACTION_ID}")(?P<id>(?P=transaction_id):{step})' if step else f"(?P<id>{TRANSACTION_ID})"
    return (
        rf'\{{"block_index":(?P<index>{_INTEGER}),"data":\{{{data}\}},"nonce":(?P<nonce>{_INTEGER}),'
        rf'"previous_hash":"(?P<previous>{HASH})","timestamp":"(?P<time>{TIMESTAMP})",'
        rf'"transaction_id":"{transaction_id}","transaction_type":"{transaction_type}"\}}'
    )


def _reader(transaction_type: str, shape: Shape, step: str, currency: str) -> _Reader:
    pattern = re.compile(_expression(transaction_type, shape, step, currency))

    def places(*names: str) -> tuple[int, ...]:
        return tuple(pattern.groupindex[name] for name in names)

    kind, terms = TERMS.get(transaction_type, ("", ()))
    return _Reader(
        pattern.fullmatch,
        places("index", "time", "id", "previous", "nonce"),
        places("amount", "source", "target") if shape.moves_money else (),
        places("transaction_id")[0] if step else pattern.groupindex.get("disbursement_id", 0),
        places(*terms),
        places("award_id", "application_id") if transaction_type == "decision" else (),
        kind,
        step,
        currency,
    )


_READERS: Final[dict[str, dict[str, list[_Reader]]]] = {
    transaction_type: {
        step: [_reader(transaction_type, shape, step, currency) for currency in AMOUNT]
        for step in (*shape.moves,) or (NO_STEP,)
    }
    for transaction_type, shape in SHAPES.items()
}
_STEP_BEGINS: Final = '"step":"'


def find_block(preimage: bytes) -> Block | None:
    """The block, if it is one of those that are written plainly; None says nothing about it."""
    try:
        text = preimage.decode()
    except UnicodeDecodeError:
        return None
    transaction_type = text[text.rfind('"', 0, -2) + 1 : -2]
    by_step = _READERS.get(transaction_type)
    if by_step is None or len(preimage) > SIZE_BYTES_MAX:
        return None
    readers = by_step.get(NO_STEP)
    if readers is None:
        begin = text.find(_STEP_BEGINS) + len(_STEP_BEGINS)
        readers = by_step.get(text[begin : text.find('"', begin)], [])
    for reader in readers:
        match = reader.match(text)
        if match is not None:
            return _block(transaction_type, reader, match)
    return None


def _block(transaction_type: str, reader: _Reader, match: re.Match[str]) -> Block | None:
    index, timestamp, transaction_id, previous, nonce = match.group(*reader.head)
    if not is_date(timestamp[:DATE_CHARACTERS]):
        return None
    movement = None
    if reader.money:
        amount, source, target = match.group(*reader.money)
        units = int(amount.replace(".", ""))
        payment = ""
        terms = (reader.kind, *match.group(*reader.terms))
        if None in terms:
            terms = tuple(each or "" for each in terms)
        if reader.payment:
            payment = match[reader.payment]
        # The tuple's own constructor: a named tuple's takes twice as long, and this runs once per block.
        movement = _new(Movement, (reader.currency, units, source, target, reader.step, payment, terms))
    decided = match.group(*reader.decided) if reader.decided and match[reader.decided[0]] else None
    return _new(
        Block, (int(index), timestamp, transaction_type, transaction_id, previous, int(nonce), movement, decided)
    )
