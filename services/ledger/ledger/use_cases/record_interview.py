"""An interview ended: a block fixes the hash of its transcript."""

from uuid import UUID

from ledger.domain import drafts
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books


async def record_interview(
    books: Books,
    source: Source,
    *,
    application_id: UUID,
    transcript_sha256: str,
    messages: int,
    model: str,
    prompt_version: str,
) -> None:
    draft = drafts.interview(
        source.event_id,
        application_id=application_id,
        transcript_sha256=transcript_sha256,
        messages=messages,
        model=model,
        prompt_version=prompt_version,
    )
    await books.chain.append(draft)
