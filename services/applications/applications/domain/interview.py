"""The rules of the AI interview: its caps, when it ends, what counts as evidence, the hash of its transcript."""

import hashlib
import json
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from applications.domain.program import Criterion
from chassis.refusals import RefusalError

# A shorter passage is found in any text by chance; a whole answer may be shorter.
QUOTE_CHARACTERS_MIN: Final = 8
# A quote is there to be looked up, not to repeat the answer.
QUOTE_CHARACTERS_MAX: Final = 300

Role = Literal["user", "assistant"]
Recommendation = Literal["approve", "reject", "revise"]
Source = Literal["video", "form", "interview"]


@dataclass(frozen=True, slots=True)
class Caps:
    """What bounds an interview; 09-values has these numbers."""

    questions: int = 5
    turns: int = 12
    message_characters: int = 4_000
    minutes: int = 60
    tokens: int = 30_000


class InterviewerUnavailableError(RefusalError):
    """The interviewer does not answer right now: the interview is paused, and nothing that you sent is lost."""

    CODE = "interviewer_unavailable"


class AnswerInFlightError(RefusalError):
    """The interviewer is still answering your last message: ask again in a moment."""

    CODE = "answer_in_flight"


class TurnsExhaustedError(RefusalError):
    """You have sent as many messages as an interview has room for: send the last one again to have it answered."""

    CODE = "turns_exhausted"


class NotFlaggedError(RefusalError):
    """Only a flagged message can be contested."""

    CODE = "not_flagged"


class AlreadyContestedError(RefusalError):
    """You have contested this flag already; the board sees what you wrote."""

    CODE = "already_contested"


@dataclass(frozen=True, slots=True)
class Said:
    """One message of an interview."""

    id: UUID
    role: Role
    content: str
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage, and where it stands."""

    source: Source
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What the interviewer made of an answer. Without a quote there is neither verification nor flag."""

    answer_verified: bool = False
    flag_reason: str | None = None
    quotes: tuple[Quote, ...] = ()

    @property
    def flagged_for_review(self) -> bool:
        return self.flag_reason is not None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What said something, and how it was asked: recorded with each turn and each score."""

    model: str
    prompt_version: str
    parameters: dict[str, Any]
    response_id: str | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Dossier:
    """What the interviewer may know. All but the programme's part was written or said by the applicant: it is data.

    `answers` are the form's; `speech` is the video's transcript, None when there is none.
    """

    program_title: str
    criteria: tuple[Criterion, ...]
    answers: dict[str, Any]
    speech: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an interview is. `turns` counts the applicant's messages, the one just sent included."""

    question_number: int
    questions_total: int
    turns: int
    tokens_used: int
    started_at: datetime

    def ends_with_this_answer(self, now: datetime, caps: Caps) -> bool:
        """Whether the answer just given is the last: the questions are through, or a cap is reached.

        A cap never throws an answer away: what was sent last still counts, and then the interview is complete.
        """
        return (
            self.question_number >= self.questions_total
            or self.turns >= caps.turns
            or self.tokens_used >= caps.tokens
            or (now - self.started_at).total_seconds() >= caps.minutes * 60
        )

    def may_follow_up(self, caps: Caps) -> bool:
        """Whether there are turns to spare for asking more about the same question."""
        return caps.turns - self.turns > self.questions_total - self.question_number


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the interviewer is given: the dossier, what was said so far, and what it is to do now."""

    dossier: Dossier
    said: tuple[Said, ...]
    question_number: int
    questions_total: int
    is_last: bool = False
    may_follow_up: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What the interviewer says next, and what it found in the last answer (None before the first question)."""

    reply: str
    finding: Finding | None
    provenance: Provenance
    is_follow_up: bool = False


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The AI's opinion, shown beside the board's and never mixed in. `score` is 0..100 with two digits."""

    score: Decimal
    recommendation: Recommendation
    summary: str
    quotes: tuple[Quote, ...]
    provenance: Provenance


class Interviewer(Protocol):
    """Asks, and scores what was answered. It moves nothing."""

    @property
    def model(self) -> str: ...

    @property
    def prompt_version(self) -> str: ...

    def speak(self, exchange: Exchange) -> AsyncGenerator[str | Turn, None]:
        """Pieces of the reply as they come, and at the very end the whole `Turn`.

        Raises:
            InterviewerUnavailableError: at any point; what came before it is void.
        """
        ...

    async def score(self, dossier: Dossier, said: Sequence[Said], findings: dict[UUID, Finding]) -> Scorecard:
        """An opinion on a completed interview; `findings` by message id.

        Raises:
            InterviewerUnavailableError
        """
        ...


def _plain(text: str) -> str:
    """For comparing passages: case, spaces and typographic quotes do not count."""
    return re.sub(r"\s+", " ", text.replace("\u2019", "'").replace("\u2018", "'")).strip().casefold()


def form_text(answers: dict[str, Any]) -> str:
    """Every value of a form as text, one a line."""
    lines: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            lines.append(str(value))

    walk(answers)
    return "\n".join(lines)


def is_found(quote: Quote, dossier: Dossier, said: Sequence[Said]) -> bool:
    """Whether the passage stands where the quote says it does."""
    wanted = _plain(quote.text)
    own_words = [_plain(message.content) for message in said if message.role == "user"]
    if quote.source == "interview":
        if wanted in own_words:
            return bool(wanted)
        haystack = own_words
    else:
        haystack = [_plain((dossier.speech or "") if quote.source == "video" else form_text(dossier.answers))]
    return len(wanted) >= QUOTE_CHARACTERS_MIN and any(wanted in text for text in haystack)


def with_evidence_only(finding: Finding, dossier: Dossier, said: Sequence[Said]) -> Finding:
    """The finding as far as code finds its quotes: an answer is verified by video or form, never by itself."""
    found = tuple(
        replace(quote, text=quote.text[:QUOTE_CHARACTERS_MAX])
        for quote in finding.quotes
        if is_found(quote, dossier, said)
    )
    verified = finding.answer_verified and any(quote.source != "interview" for quote in found)
    flag_reason = finding.flag_reason if found else None
    return Finding(verified, flag_reason, found if verified or flag_reason else ())


def transcript_of(said: Sequence[Said]) -> bytes:
    """The full transcript `[{role, message, timestamp}]` in canonical JSON (RFC 8785: strings only, sorted keys)."""
    items = [
        {
            "message": message.content,
            "role": message.role,
            "timestamp": message.timestamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        for message in said
    ]
    return json.dumps(items, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def transcript_sha256(salt: bytes, transcript: bytes) -> str:
    """The salted commitment that goes into a block: without the salt (gone with the person's key) it says nothing."""
    return hashlib.sha256(salt + transcript).hexdigest()
