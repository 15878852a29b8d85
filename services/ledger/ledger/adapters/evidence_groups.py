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

# Most blocks are neither money's nor a programme's, and only `booked_events` has rows for them.
_PICKED: Final = """WITH picked AS MATERIALIZED (
    SELECT block_index, transaction_type, transaction_id, data, previous_hash, hash
    FROM blocks WHERE transaction_type NOT IN ('interview', 'decision'))
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
    by_themselves = [place for place, question in enumerate(QUESTIONS) if "BLOCKS" not in spell_out(question, "BLOCKS")]
    together = [place for place in range(len(QUESTIONS)) if place not in by_themselves]
    parts = [_FIRST.format(spell_out(QUESTIONS[place], "picked"), place) for place in together]
    yield Asked(_PICKED + " UNION ALL ".join(parts), is_of_stretch=True)
    for place in by_themselves:
        yield Asked(_FIRST.format(spell_out(QUESTIONS[place]), place), is_of_stretch=place < of_stretch)
