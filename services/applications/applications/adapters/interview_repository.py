"""Interviews in PostgreSQL: what was said is appended, never changed, and sealed under the applicant's key."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row

from applications.adapters.tables import interview_findings, interview_messages, interviews, message_contests
from applications.domain.interview import AlreadyContestedError, Finding, Provenance, Quote, Said
from applications.domain.interview_record import Interview, Opinion, Recorded
from chassis.database import UnitOfWork
from chassis.ids import new_id
from chassis.personal_data import Vault

CONTENT: Final = "interview_messages.content"
DETAILS: Final = "interview_findings.details"
TRANSCRIPT: Final = "interviews.transcript"
SALT: Final = "interviews.transcript_salt"
OPINION: Final = "interviews.ai_recommendation"
CONTEST: Final = "message_contests.reason"
_FIXED: Final = ("id", "application_id", "questions_total", "started_at")
_CHANGING: Final = (
    "status",
    "model",
    "prompt_version",
    "parameters",
    "question_number",
    "turns",
    "tokens_used",
    "answering_until",
    "completed_at",
    "transcript_sha256",
    "scoring_due_at",
)
_COPIED: Final = (*_FIXED, *_CHANGING, "scored_at", "scoring_attempts")


class InterviewRepository:
    """Keeps the promises of `use_cases.media_ports.Interviews`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._connection = work.connection
        self._vault = vault

    async def find(self, application_id: UUID) -> Interview | None:
        statement = select(interviews).where(interviews.c.application_id == application_id)
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _interview(row)

    async def find_opinion(self, interview: Interview, owner_id: UUID) -> Opinion | None:
        columns = (interviews.c.ai_score, interviews.c.sealed_ai_recommendation)
        row = (await self._connection.execute(select(*columns).where(interviews.c.id == interview.id))).one()
        opened = await self._vault.find(self._connection, owner_id, row.sealed_ai_recommendation, OPINION)
        return None if opened is None else Opinion(score=row.ai_score or Decimal(0), **orjson.loads(opened))

    async def add(self, interview: Interview) -> None:
        values = {name: getattr(interview, name) for name in (*_FIXED, *_CHANGING)}
        await self._connection.execute(insert(interviews).values(values))

    async def save(self, interview: Interview) -> None:
        values = {name: getattr(interview, name) for name in _CHANGING}
        statement = update(interviews).where(interviews.c.id == interview.id)
        await self._connection.execute(
            statement.values(**values, version=interviews.c.version + 1, updated_at=self._work.now)
        )

    async def recorded(self, interview: Interview, owner_id: UUID) -> list[Recorded]:
        statement = (
            select(interview_messages, interview_findings, message_contests.c.created_at.label("contested_at"))
            .outerjoin(interview_findings, interview_findings.c.message_id == interview_messages.c.id)
            .outerjoin(message_contests, message_contests.c.message_id == interview_messages.c.id)
            .where(interview_messages.c.interview_id == interview.id)
            .order_by(interview_messages.c.position)
        )
        return [await self._read(row, owner_id) for row in (await self._connection.execute(statement)).all()]

    async def add_message(
        self, interview: Interview, position: int, said: Said, owner_id: UUID, provenance: Provenance | None = None
    ) -> None:
        values: dict[str, Any] = {
            "id": said.id,
            "interview_id": interview.id,
            "position": position,
            "role": said.role,
            "sealed_content": await self._vault.seal(self._connection, owner_id, said.content, CONTENT),
            "timestamp": said.timestamp,
        }
        if provenance is not None:
            values |= {
                "model": provenance.model,
                "prompt_version": provenance.prompt_version,
                "parameters": provenance.parameters,
                "response_id": provenance.response_id,
                "tokens": provenance.tokens,
            }
        await self._connection.execute(insert(interview_messages).values(values))

    async def add_finding(self, message_id: UUID, finding: Finding, owner_id: UUID) -> None:
        quotes = [{"source": quote.source, "text": quote.text} for quote in finding.quotes]
        details = orjson.dumps({"flag_reason": finding.flag_reason, "quotes": quotes})
        await self._connection.execute(
            insert(interview_findings).values(
                message_id=message_id,
                answer_verified=finding.answer_verified,
                flagged_for_review=finding.flagged_for_review,
                sealed_details=await self._vault.seal(self._connection, owner_id, details, DETAILS),
            )
        )

    async def keep_transcript(self, interview: Interview, transcript: bytes, salt: bytes, owner_id: UUID) -> None:
        values = {
            "sealed_transcript": await self._vault.seal(self._connection, owner_id, transcript, TRANSCRIPT),
            # As text: what the vault opens is text.
            "sealed_transcript_salt": await self._vault.seal(self._connection, owner_id, salt.hex(), SALT),
        }
        await self._connection.execute(update(interviews).where(interviews.c.id == interview.id).values(**values))

    async def find_salt(self, interview: Interview, owner_id: UUID) -> bytes | None:
        statement = select(interviews.c.sealed_transcript_salt).where(interviews.c.id == interview.id)
        sealed = await self._connection.scalar(statement)
        opened = await self._vault.find(self._connection, owner_id, sealed, SALT)
        return None if opened is None else bytes.fromhex(opened)

    async def find_transcript_sha256(self, application_id: UUID) -> str | None:
        statement = select(interviews.c.transcript_sha256).where(interviews.c.application_id == application_id)
        found: str | None = await self._connection.scalar(statement)
        return found

    async def contest(self, message_id: UUID, reason: str, owner_id: UUID) -> None:
        statement = upsert(message_contests).values(
            id=new_id(),
            message_id=message_id,
            sealed_reason=await self._vault.seal(self._connection, owner_id, reason, CONTEST),
            created_at=self._work.now,
        )
        statement = statement.on_conflict_do_nothing(index_elements=[message_contests.c.message_id])
        if (await self._connection.execute(statement)).rowcount == 0:
            raise AlreadyContestedError

    async def contests(self, interview: Interview, owner_id: UUID) -> dict[UUID, str | None]:
        """What the applicant wrote against each contested flag, by message id."""
        statement = (
            select(message_contests.c.message_id, message_contests.c.sealed_reason)
            .join(interview_messages, interview_messages.c.id == message_contests.c.message_id)
            .where(interview_messages.c.interview_id == interview.id)
        )
        return {
            row.message_id: await self._vault.find(self._connection, owner_id, row.sealed_reason, CONTEST)
            for row in (await self._connection.execute(statement)).all()
        }

    async def claim_scoring(self, until: datetime) -> Interview | None:
        due = (
            select(interviews.c.id)
            .where(interviews.c.scoring_due_at <= self._work.now, interviews.c.scored_at.is_(None))
            .order_by(interviews.c.scoring_due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(interviews)
            .where(interviews.c.id == due.scalar_subquery())
            .values(scoring_due_at=until, scoring_attempts=interviews.c.scoring_attempts + 1)
            .returning(interviews)
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _interview(row)

    async def keep_opinion(self, interview: Interview, opinion: Opinion, owner_id: UUID) -> bool:
        told = {
            "recommendation": opinion.recommendation,
            "summary": opinion.summary,
            "quotes": opinion.quotes,
            "provenance": opinion.provenance,
        }
        sealed = await self._vault.seal(self._connection, owner_id, orjson.dumps(told), OPINION)
        statement = update(interviews).where(interviews.c.id == interview.id, interviews.c.scored_at.is_(None))
        values = {"ai_score": opinion.score, "sealed_ai_recommendation": sealed, "scored_at": self._work.now}
        return (await self._connection.execute(statement.values(**values, scoring_due_at=None))).rowcount == 1

    async def postpone_scoring(self, interview: Interview, due_at: datetime | None) -> None:
        statement = update(interviews).where(
            interviews.c.id == interview.id, interviews.c.scoring_attempts == interview.scoring_attempts
        )
        await self._connection.execute(statement.values(scoring_due_at=due_at))

    async def _read(self, row: Row[Any], owner_id: UUID) -> Recorded:
        content = await self._vault.find(self._connection, owner_id, row.sealed_content, CONTENT)
        finding = Finding()
        if row.sealed_details is not None:
            opened = await self._vault.find(self._connection, owner_id, row.sealed_details, DETAILS)
            details = {"flag_reason": None, "quotes": []} if opened is None else orjson.loads(opened)
            quotes = tuple(Quote(quote["source"], quote["text"]) for quote in details["quotes"])
            finding = Finding(row.answer_verified, details["flag_reason"], quotes)
        said = Said(row.id, row.role, content or "", row.timestamp)
        return Recorded(said, row.position, finding, row.contested_at)


def _interview(row: Row[Any]) -> Interview:
    return Interview(**{name: getattr(row, name) for name in _COPIED})
