"""The board decided, the applicant may know: a block says what, on which submission, by whom (as a random id)."""

from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from ledger.domain import drafts
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books


class Decision(NamedTuple):
    application_id: UUID
    program_id: UUID
    outcome: str
    submission_sha256: str
    reviews: int
    final_score: Decimal
    decided_by: UUID
    award_id: UUID | None


async def record_decision(books: Books, source: Source, decision: Decision) -> None:
    decider_id = await books.people.decider_of(decision.decided_by)
    draft = drafts.decision(
        source.event_id,
        application_id=decision.application_id,
        program_id=decision.program_id,
        outcome=decision.outcome,
        submission_sha256=decision.submission_sha256,
        reviews=decision.reviews,
        final_score=decision.final_score,
        decider_id=decider_id,
        award_id=decision.award_id,
    )
    await books.chain.append(draft)
