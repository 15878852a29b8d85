"""The interviewer with a language model: OpenAI's chat completions or any compatible, streamed, parsed by a schema."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, Literal, TypeVar, cast
from uuid import UUID

import openai
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from applications.adapters.interviewers.prompts import PROMPT_VERSION, interview_prompt, score_prompt
from applications.domain.interview import (
    Dossier,
    Exchange,
    Finding,
    InterviewerUnavailableError,
    Provenance,
    Quote,
    Said,
    Scorecard,
    Turn,
    is_found,
    with_evidence_only,
)
from applications.domain.program import Criterion

log = structlog.get_logger(__name__)

# The gateway gives an interview's answer 60 s; whatever comes later, nobody hears.
TURN_TIMEOUT_SECONDS: Final = 50
# One answer of the API, its retries aside.
REQUEST_TIMEOUT_SECONDS: Final = 30
RETRIES_MAX: Final = 1
# A question and its findings, or a scorecard: some 500 tokens; models that think need room for that too.
COMPLETION_TOKENS_MAX: Final = 2_000
REPLY_CHARACTERS_MAX: Final = 2_000
SUMMARY_CHARACTERS_MAX: Final = 2_000
# When an endpoint does not count tokens: four characters each is the usual measure of English.
CHARACTERS_PER_TOKEN: Final = 4

M = TypeVar("M", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Quote(_Strict):
    source: Literal["video", "form", "interview"]
    text: str


class _Reply(_Strict):
    """`reply` comes first, so that it can be shown while the rest is still being written."""

    reply: str
    is_follow_up: bool
    answer_verified: bool
    flag_reason: str | None
    quotes: list[_Quote]


class _CriterionScore(_Strict):
    criterion_id: str
    score: int


class _Opinion(_Strict):
    criteria: list[_CriterionScore]
    recommendation: Literal["approve", "reject", "revise"]
    summary: str
    quotes: list[_Quote]


class OpenAIInterviewer:
    """`client` carries key and address; the model is recorded with each turn."""

    prompt_version: str = PROMPT_VERSION

    def __init__(self, client: openai.AsyncOpenAI, model: str) -> None:
        self._client = client.with_options(timeout=REQUEST_TIMEOUT_SECONDS, max_retries=RETRIES_MAX)
        self.model = model
        self._parameters: dict[str, Any] = {"max_completion_tokens": COMPLETION_TOKENS_MAX}

    async def speak(self, exchange: Exchange) -> AsyncGenerator[str | Turn, None]:
        answer = _Answer()
        shown = ""
        async for _ in self._stream(interview_prompt(exchange), _Reply, answer):
            reply = _partial_reply(answer.text)
            if len(reply) > len(shown) and reply.startswith(shown):
                yield reply[len(shown) :]
                shown = reply
        parsed = _parse(answer.text, _Reply)
        reply = parsed.reply.replace("\x00", "").strip()[:REPLY_CHARACTERS_MAX]
        if not reply:
            raise InterviewerUnavailableError
        finding = None
        if exchange.said:
            claimed = Finding(parsed.answer_verified, parsed.flag_reason or None, _quotes(parsed.quotes))
            finding = with_evidence_only(claimed, exchange.dossier, exchange.said)
        yield Turn(reply, finding, self._provenance(answer), is_follow_up=parsed.is_follow_up)

    async def score(self, dossier: Dossier, said: Sequence[Said], findings: dict[UUID, Finding]) -> Scorecard:
        del findings  # the model reads the answers afresh
        answer = _Answer()
        async for _ in self._stream(score_prompt(dossier, said), _Opinion, answer):
            continue
        opinion = _parse(answer.text, _Opinion)
        quotes = tuple(quote for quote in _quotes(opinion.quotes) if is_found(quote, dossier, said))
        return Scorecard(
            _weighted(opinion.criteria, dossier.criteria),
            opinion.recommendation,
            opinion.summary.replace("\x00", "").strip()[:SUMMARY_CHARACTERS_MAX],
            quotes,
            self._provenance(answer),
        )

    async def _stream(
        self, prompt: list[dict[str, str]], schema: type[BaseModel], answer: "_Answer"
    ) -> AsyncGenerator[None, None]:
        """Fill `answer` as the model writes, yielding after each piece."""
        answer.prompt_characters = sum(len(message["content"]) for message in prompt)
        json_schema = {"name": schema.__name__.strip("_").lower(), "strict": True, "schema": schema.model_json_schema()}
        try:
            async with asyncio.timeout(TURN_TIMEOUT_SECONDS):
                stream = await self._client.chat.completions.create(
                    model=self.model,
                    messages=cast("Any", prompt),
                    response_format=cast("Any", {"type": "json_schema", "json_schema": json_schema}),
                    stream=True,
                    stream_options={"include_usage": True},
                    **self._parameters,
                )
                async with stream:
                    async for chunk in stream:
                        answer.response_id = chunk.id or answer.response_id
                        if chunk.usage is not None:
                            answer.counted_tokens = chunk.usage.total_tokens
                        if chunk.choices and chunk.choices[0].delta.content:
                            answer.text += chunk.choices[0].delta.content
                            yield
        except (openai.OpenAIError, TimeoutError) as error:
            # The message may quote the prompt, which is personal: only its kind is logged.
            log.warning("interviewer_unavailable", model=self.model, error=type(error).__name__)
            raise InterviewerUnavailableError from error

    def _provenance(self, answer: "_Answer") -> Provenance:
        response_id = answer.response_id[:200] if answer.response_id else None
        return Provenance(self.model, self.prompt_version, self._parameters, response_id, answer.tokens)


class _Answer:
    """What has come of an answer so far."""

    def __init__(self) -> None:
        self.text = ""
        self.response_id: str | None = None
        self.counted_tokens: int | None = None
        self.prompt_characters = 0

    @property
    def tokens(self) -> int:
        if self.counted_tokens is not None:
            return self.counted_tokens
        return (self.prompt_characters + len(self.text)) // CHARACTERS_PER_TOKEN


def _partial_reply(text: str) -> str:
    """The reply as far as it has come, out of unfinished JSON."""
    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return ""
    reply = value.get("reply") if isinstance(value, dict) else None
    return reply[:REPLY_CHARACTERS_MAX] if isinstance(reply, str) else ""


def _parse(text: str, schema: type[M]) -> M:
    try:
        return schema.model_validate_json(text)
    except ValidationError as error:
        # A model that answers nonsense is as good as one that does not answer.
        log.warning("interviewer_answered_nonsense", errors=error.error_count())
        raise InterviewerUnavailableError from error


def _quotes(quotes: Sequence[_Quote]) -> tuple[Quote, ...]:
    return tuple(Quote(quote.source, quote.text) for quote in quotes)


def _weighted(scores: Sequence[_CriterionScore], criteria: Sequence[Criterion]) -> Decimal:
    """0..100: each score clamped to its rubric; a criterion that the model left out counts as 0."""
    by_id = {score.criterion_id: score.score for score in scores}
    total = Decimal(0)
    for criterion in criteria:
        clamped = min(max(by_id.get(str(criterion.id), 0), 0), criterion.max_score)
        total += Decimal(clamped) / criterion.max_score * criterion.weight
    return min(total, Decimal(100)).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
