"""What is asked of the books, in few statements: blocks that many of the questions read are read once for them."""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from ledger.adapters.evidence_rows import BOOKED, ROW_CHECKS, spell_out
from ledger.adapters.evidence_steps import STEPS_OF_ALL, STEPS_OF_BLOCKS
from ledger.adapters.evidence_sums import STATEMENTS_OF_ALL, STATEMENTS_OF_BLOCKS
from ledger.adapters.evidence_totals import COUNTS, STATEMENTS_OF_TOTALS
from ledger.use_cases.verification_ports import Seen

# All questions, by the place at which their answers are told. What is asked of a stretch comes first.
QUESTIONS_OF_BLOCKS: Final = (*(check.statement for check in ROW_CHECKS), *STATEMENTS_OF_BLOCKS, *STEPS_OF_BLOCKS)
QUESTIONS: Final = (*QUESTIONS_OF_BLOCKS, *STATEMENTS_OF_ALL, *STEPS_OF_ALL, *STATEMENTS_OF_TOTALS)

_BOOKED_AT: Final = ROW_CHECKS.index(BOOKED)
_COUNTS_AT: Final = QUESTIONS.index(COUNTS)
# The blocks of each kind, as they were counted when they were looked at.
_COUNTED: Final = "(SELECT key AS transaction_type, value::bigint AS number FROM jsonb_each_text($1::text::jsonb))"

# What many of the questions read from a block's data is read once: each kind's shape has seen to it that it can be.
_TYPED: Final = {
    "uuid": ("program_id", "award_id", "tranche_id", "donation_id", "earmark", "donor_id", "beneficiary_id"),
    "numeric": ("amount",),
}
_READ_ONCE: Final = {f"(b.data->>'{name}')::{kind}": name for kind, names in _TYPED.items() for name in names}
# Most blocks are neither money's nor a programme's, and only `booked_events` has rows for them. Of postings nothing is
# asked: they are compared with the bytes, block by block.
_PICKED: Final = f"""WITH picked_blocks AS MATERIALIZED (
    SELECT block_index, transaction_type, transaction_id, data - 'postings' AS data, previous_hash, hash,
        {", ".join(f"{read} AS {name}" for read, name in _READ_ONCE.items())}
    FROM blocks AS b WHERE transaction_type <> 'interview' AND transaction_type <> 'decision'),
picked_moves AS MATERIALIZED (
    SELECT * FROM picked_blocks WHERE transaction_type IN ('disbursement', 'refund', 'reversal'))
"""  # noqa: S608 -- made of constants
# Looked for in everything and then cut short: with the limit inside, the plan would be made for finding one at once.
# NULL counts as the highest.
_FIRST: Final = """(WITH wrong (block_index, detail) AS MATERIALIZED ({})
    SELECT {} AS place, block_index::bigint, detail::text FROM wrong ORDER BY block_index LIMIT 1)"""


def _spell_picked(question: str) -> str:
    """`b` is a picked block wherever such a question reads one."""
    spelled = spell_out(question, BLOCKS="picked_blocks", MOVED="picked_moves")
    for read, name in _READ_ONCE.items():
        spelled = spelled.replace(read, f"b.{name}")
    return spelled


_TOGETHER: Final = {
    place: spelled for place, spelled in enumerate(map(_spell_picked, QUESTIONS)) if "picked_" in spelled
}
# A statement, which gives (place, block index, detail) of each question to which there is an answer, its first one;
# and its arguments.
Asked = tuple[str, tuple[Any, ...]]


def ask_of_stretch(start: int, end: int, seen: Seen | None) -> Iterator[Asked]:
    """Each question by itself, so that few blocks are found by their index."""
    for place, question in enumerate(QUESTIONS_OF_BLOCKS):
        if not (place == _BOOKED_AT and seen is not None and seen.is_booked):
            yield _FIRST.format(spell_out(question), place), (start, end)


def ask_beforehand(start: int, end: int) -> Iterator[Asked]:
    """Of everything, what need not wait for what is seen of the blocks.

    First what is asked of the picked blocks, which takes the longest: so several readers end at one time.
    """
    parts = [_FIRST.format(question, place) for place, question in _TOGETHER.items()]
    yield _PICKED + " UNION ALL ".join(parts), (start, end)
    for place in sorted({*range(len(QUESTIONS))} - _TOGETHER.keys() - {_BOOKED_AT, _COUNTS_AT}):
        arguments = (start, end) if place < len(QUESTIONS_OF_BLOCKS) else ()
        yield _FIRST.format(spell_out(QUESTIONS[place]), place), arguments


def ask_afterwards(start: int, end: int, seen: Seen | None) -> Iterator[Asked]:
    """The rest: what was `seen` spares two more readings of all blocks."""
    if seen is None or not seen.is_booked:
        yield _FIRST.format(spell_out(QUESTIONS[_BOOKED_AT]), _BOOKED_AT), (start, end)
    if seen is None:
        yield _FIRST.format(spell_out(COUNTS), _COUNTS_AT), ()
    else:
        counted = orjson.dumps(dict(seen.kinds)).decode()
        yield _FIRST.format(spell_out(COUNTS, COUNTED=_COUNTED), _COUNTS_AT), (counted,)
