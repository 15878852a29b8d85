"""What is asked of the books, in few statements: blocks that many of the questions read are read once for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ledger.adapters.evidence_rows import ROW_CHECKS, spell_out
from ledger.adapters.evidence_sums import STATEMENTS_OF_ALL, STATEMENTS_OF_BLOCKS
from ledger.adapters.evidence_totals import STATEMENTS_OF_TOTALS

# All questions, by the place at which their answers are told. What is asked of a stretch comes first.
QUESTIONS_OF_BLOCKS: Final = (*(check.statement for check in ROW_CHECKS), *STATEMENTS_OF_BLOCKS)
QUESTIONS: Final = (*QUESTIONS_OF_BLOCKS, *STATEMENTS_OF_ALL, *STATEMENTS_OF_TOTALS)

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


@dataclass(frozen=True, slots=True)
class Asked:
    """`statement` gives (place, block index, detail) of each question to which there is an answer, its first one."""

    statement: str
    is_of_stretch: bool  # blocks $1..$2-1


def ask_of_stretch() -> Iterator[Asked]:
    """Each question by itself, so that few blocks are found by their index."""
    for place, question in enumerate(QUESTIONS_OF_BLOCKS):
        yield Asked(_FIRST.format(spell_out(question), place), is_of_stretch=True)


def ask_of_everything() -> Iterator[Asked]:
    """Questions that read the picked blocks together; the longest first, so that several readers end at one time."""
    of_stretch = len(QUESTIONS_OF_BLOCKS)
    spelled = [spell_out(question, BLOCKS="picked_blocks", MOVED="picked_moves") for question in QUESTIONS]
    together = [place for place, question in enumerate(spelled) if "picked_" in question]
    parts = [_FIRST.format(spelled[place], place) for place in together]
    yield Asked(_PICKED + " UNION ALL ".join(parts), is_of_stretch=True)
    for place in sorted({*range(len(QUESTIONS))} - {*together}):
        yield Asked(_FIRST.format(spell_out(QUESTIONS[place]), place), is_of_stretch=place < of_stretch)
