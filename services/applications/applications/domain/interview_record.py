"""An interview as it is kept, and its messages with what was found in them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from applications.domain.interview import (
    AnswerInFlightError,
    Caps,
    Exchange,
    Finding,
    Progress,
    Said,
    Turn,
    TurnsExhaustedError,
)

# The interviewer has 60 s (06-security); whoever asked and is silent for longer has died, and another may ask.
ANSWERING: Final = timedelta(seconds=65)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message as it was recorded, what the interviewer found in it, and whether its author contests that."""

    said: Said
    position: int
    finding: Finding = field(default_factory=Finding)
    contested_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """The AI's opinion as it is kept."""

    score: Decimal
    recommendation: str
    summary: str
    quotes: list[dict[str, str]]
    provenance: dict[str, Any]


@dataclass(slots=True)
class Interview:
    """`turns` counts the applicant's messages; `answering_until` is the claim of the request that asks just now."""

    id: UUID
    application_id: UUID
    status: Literal["in_progress", "paused", "completed"]
    model: str
    prompt_version: str
    parameters: dict[str, Any]
    questions_total: int
    started_at: datetime
    question_number: int = 1
    turns: int = 0
    tokens_used: int = 0
    answering_until: datetime | None = None
    completed_at: datetime | None = None
    transcript_sha256: str | None = None
    scored_at: datetime | None = None
    scoring_due_at: datetime | None = None
    scoring_attempts: int = 0

    @property
    def progress(self) -> Progress:
        return Progress(self.question_number, self.questions_total, self.turns, self.tokens_used, self.started_at)

    def take_answer(self, content: str, recorded: list[Recorded], now: datetime, caps: Caps) -> bool:
        """Claim the next turn for an answer; False when it is recorded already and only waits for its reply.

        Raises:
            AnswerInFlightError: another request is asking the interviewer just now.
            TurnsExhaustedError
        """
        if self.answering_until is not None and self.answering_until > now:
            raise AnswerInFlightError
        last = recorded[-1].said
        is_new = last.role == "assistant" or last.content != content
        if is_new:
            if self.turns >= caps.turns:
                raise TurnsExhaustedError
            self.turns += 1
        self.status = "in_progress"
        self.answering_until = now + ANSWERING
        return is_new

    def take_turn(self, turn: Turn, exchange: Exchange) -> None:
        """The interviewer has answered: the claim is given back and the interview goes on."""
        self.answering_until = None
        self.tokens_used += turn.provenance.tokens
        stays = exchange.is_last or (turn.is_follow_up and exchange.may_follow_up)
        if not stays:
            self.question_number = min(self.questions_total, self.question_number + 1)

    def pause(self) -> None:
        """The interviewer does not answer: what was said stays, and the same message may be sent again."""
        self.status = "paused"
        self.answering_until = None

    def complete(self, now: datetime, transcript_sha256: str) -> None:
        self.status = "completed"
        self.completed_at = now
        self.transcript_sha256 = transcript_sha256
        self.scoring_due_at = now
