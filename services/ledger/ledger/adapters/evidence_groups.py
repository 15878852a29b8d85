"""What is asked of the books, in few statements: blocks that many of the questions read are read once for them."""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from ledger.adapters.evidence_rows import BOOKED, ROW_CHECKS, spell_out
from ledger.adapters.evidence_sums import STATEMENTS_OF_ALL, STATEMENTS_OF_BLOCKS
from ledger.adapters.evidence_totals import COUNTS, STATEMENTS_OF_TOTALS
from ledger.use_cases.verification_ports import Seen

# All questions, by the place at which their answers are told. What is asked of a stretch comes first.
QUESTIONS_OF_BLOCKS: Final = (*(check.statement for check in ROW_CHECKS), *STATEMENTS_OF_BLOCKS)
QUESTIONS: Final = (*QUESTIONS_OF_BLOCKS, *STATEMENTS_OF_ALL, *STATEMENTS_OF_TOTALS)

_BOOKED_AT: Final = ROW_CHECKS.index(BOOKED)
_COUNTS_AT: Final = QUESTIONS.index(COUNTS)
# The blocks of each kind, as they were counted when they were looked at.
_COUNTED: Final = "(SELECT key AS transaction_type, value::bigint AS number FROM jsonb_each_text($1::text::jsonb))"

# Most blocks are neither money's nor a programme's, and only `booked_events` has rows for them. Of postings nothing is
# asked: they are compared with the bytes, block by block.
_PICKED: Final = """WITH picked_blocks AS MATERIALIZED (
    SELECT block_index, transaction_type, transaction_id, data - 'postings' AS data, previous_hash, hash
    FROM blocks WHERE transaction_type <> 'interview' AND transaction_type <> 'decision'),
picked_moves AS MATERIALIZED (
    SELECT * FROM picked_blocks WHERE transaction_type IN ('disbursement', 'refund', 'reversal'))
"""
# Looked for in everything and then cut short: with the limit inside, the plan would be made for finding one at once.
# NULL counts as the highest.
_FIRST: Final = """(WITH wrong (block_index, detail) AS MATERIALIZED ({})
    SELECT {} AS place, block_index::bigint, detail::text FROM wrong ORDER BY block_index LIMIT 1)"""


# A statement, which gives (place, block index, detail) of each question to which there is an answer, its first one;
# and its arguments.
Asked = tuple[str, tuple[Any, ...]]


def ask_of_stretch(start: int, end: int, seen: Seen | None) -> Iterator[Asked]:
    """Each question by itself, so that few blocks are found by their index."""
    for place, question in enumerate(QUESTIONS_OF_BLOCKS):
        if not (place == _BOOKED_AT and seen is not None and seen.is_booked):
            yield _FIRST.format(spell_out(question), place), (start, end)


def ask_of_everything(start: int, end: int, seen: Seen | None) -> Iterator[Asked]:
    """Questions that read the picked blocks together; the longest first, so that several readers end at one time.

    What was `seen` of all blocks spares two more readings of all of them.
    """
    of_stretch = len(QUESTIONS_OF_BLOCKS)
    spelled = [spell_out(question, BLOCKS="picked_blocks", MOVED="picked_moves") for question in QUESTIONS]
    together = [place for place, question in enumerate(spelled) if "picked_" in question]
    parts = [_FIRST.format(spelled[place], place) for place in together]
    yield _PICKED + " UNION ALL ".join(parts), (start, end)
    for place in sorted({*range(len(QUESTIONS))} - {*together}):
        if seen is not None and place == _COUNTS_AT:
            counted = orjson.dumps(dict(seen.kinds)).decode()
            yield _FIRST.format(spell_out(QUESTIONS[place], COUNTED=_COUNTED), place), (counted,)
        elif not (seen is not None and seen.is_booked and place == _BOOKED_AT):
            yield _FIRST.format(spell_out(QUESTIONS[place]), place), (start, end) if place < of_stretch else ()
