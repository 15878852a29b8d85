"""The interviewer without a model: its questions come from the programme's criteria and the form, always the same."""

import re
from collections.abc import AsyncGenerator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final
from uuid import UUID

from applications.domain.interview import (
    QUOTE_CHARACTERS_MAX,
    Dossier,
    Exchange,
    Finding,
    Provenance,
    Quote,
    Recommendation,
    Said,
    Scorecard,
    Source,
    Turn,
    form_text,
    with_evidence_only,
)

CLOSING: Final = (
    "Thank you, that was the last question. Your answers are recorded word for word. "
    "You can submit your application now; people, not this program, will decide on it."
)
# Three words in a row that also stand in the video or the form: rarely chance, often the same fact.
SHARED_WORDS_MIN: Final = 3
# A run of small words ("in the of") proves nothing: the longest must have this many letters.
TELLING_LETTERS_MIN: Final = 5
# Fewer words than this leave nothing to assess.
ANSWER_WORDS_MIN: Final = 5
# How much of a form's answer a question repeats.
EXCERPT_CHARACTERS_MAX: Final = 160
# Words that give full marks for detail: about four sentences.
DETAILED_WORDS: Final = 60
# What an answer can earn: detail, a figure, words of the question's subject, support by video or form.
POINTS_DETAIL, POINTS_FIGURE, POINTS_RELEVANCE, POINTS_SUPPORT = 50, 15, 20, 15
# From here on the answers are full enough that the rules suggest approval; below, they suggest asking again.
# They never suggest rejection: counting words is no ground for it.
APPROVE_FROM: Final = 60

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_ORDER_TO_THE_MACHINE: Final = re.compile(
    r"\b(ignore|disregard|forget)\b.{0,40}\b(instructions?|rules|prompt)\b"
    r"|\b(give|award)\b.{0,30}\b(full|highest|maximum|100)\b.{0,20}\b(score|marks|points)\b",
    re.IGNORECASE | re.DOTALL,
)
_GENERAL: Final = (
    "How exactly would you spend the money, item by item, and what would each item cost?",
    "What is the biggest thing that could go wrong, and what would you do then?",
    "Who besides yourself would be better off in a year, and how would anyone be able to tell?",
    "What have you already tried with the means that you have, and what came of it?",
    "What would you do first in the month after the money arrives?",
)


def questions_for(dossier: Dossier) -> list[str]:
    """Questions in order: one about the form, then the criteria by weight, then general ones."""
    asked: list[str] = []
    longest = max((line.strip() for line in form_text(dossier.answers).split("\n")), key=len, default="")
    if longest:
        excerpt = longest[:EXCERPT_CHARACTERS_MAX]
        asked.append(f"In your application you wrote: \u201c{excerpt}\u201d. Please tell us more about it.")
    else:
        asked.append(f"Why are you applying to \u201c{dossier.program_title}\u201d?")
    for criterion in sorted(dossier.criteria, key=lambda item: (-item.weight, item.name)):
        about = f" ({criterion.description.strip().rstrip('.')})" if criterion.description.strip() else ""
        asked.append(
            f"One thing the board looks at is \u201c{criterion.name}\u201d{about}. "
            "What speaks for you there? Please give an example, with figures where you have them."
        )
    return [*asked, *_GENERAL]


class RulesInterviewer:
    """Deterministic: the same dossier gets the same questions, the same answers get the same score."""

    model: str = "rules"
    prompt_version: str = "1"

    async def speak(self, exchange: Exchange) -> AsyncGenerator[str | Turn, None]:
        finding = None
        if exchange.said:
            finding = with_evidence_only(assess(exchange.dossier, exchange.said), exchange.dossier, exchange.said)
        if exchange.is_last:
            reply = CLOSING
        else:
            # After the n-th answer comes question n + 1; before any answer, question 1.
            number = exchange.question_number + (1 if exchange.said else 0)
            questions = questions_for(exchange.dossier)
            reply = questions[(number - 1) % len(questions)]
        for piece in re.findall(r"\S+\s*", reply):
            yield piece
        yield Turn(reply, finding, self._provenance())

    async def score(self, dossier: Dossier, said: Sequence[Said], findings: dict[UUID, Finding]) -> Scorecard:
        subjects = _words(" ".join([dossier.program_title, *(f"{c.name} {c.description}" for c in dossier.criteria)]))
        answers = [message for message in said if message.role == "user"]
        points = [_points(answer.content, subjects, findings.get(answer.id, Finding())) for answer in answers]
        mean = Decimal(sum(points)) / max(1, len(points))
        score = mean.quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        flags = sum(finding.flagged_for_review for finding in findings.values())
        verified = sum(finding.answer_verified for finding in findings.values())
        summary = (
            f"Scored by fixed rules, not by a model: {len(answers)} answers, "
            f"{verified} supported by the video or the form, {flags} flagged."
        )
        quotes = tuple(quote for finding in findings.values() for quote in finding.quotes)
        recommendation: Recommendation = "approve" if score >= APPROVE_FROM and not flags else "revise"
        return Scorecard(score, recommendation, summary, quotes, self._provenance())

    def _provenance(self) -> Provenance:
        return Provenance(self.model, self.prompt_version, {"shared_words_min": SHARED_WORDS_MIN})


def assess(dossier: Dossier, said: Sequence[Said]) -> Finding:
    """What the last answer is worth: supported by video or form, or to be looked at by a person."""
    answer = said[-1].content
    own = Quote("interview", answer if len(answer) <= QUOTE_CHARACTERS_MAX else answer[:QUOTE_CHARACTERS_MAX])
    earlier = {_key(message.content) for message in said[:-1] if message.role == "user"}
    reason = None
    if _ORDER_TO_THE_MACHINE.search(answer):
        reason = "It speaks to the interviewer's program instead of answering."
    elif _key(answer) in earlier:
        reason = "It repeats an earlier answer word for word."
    elif len(_WORD.findall(answer)) < ANSWER_WORDS_MIN:
        reason = "It is too short to be assessed."
    support = _shared_passage(answer, "video", dossier.speech or "")
    support = support or _shared_passage(answer, "form", form_text(dossier.answers))
    quotes = tuple(quote for quote in (support, own if reason else None) if quote is not None)
    return Finding(support is not None and reason is None, reason, quotes)


def _shared_passage(answer: str, source: Source, text: str) -> Quote | None:
    """The longest run of words of `text` that also stands in the answer, as it stands in `text`."""
    words = [match.group().casefold() for match in _WORD.finditer(answer)]
    runs = {tuple(words[at : at + SHARED_WORDS_MIN]) for at in range(len(words) - SHARED_WORDS_MIN + 1)}
    spans = [(match.group().casefold(), match.start(), match.end()) for match in _WORD.finditer(text)]
    best: tuple[int, int] | None = None
    at = 0
    while at + SHARED_WORDS_MIN <= len(spans):
        end = at
        while tuple(word for word, _, _ in spans[end : end + SHARED_WORDS_MIN]) in runs:
            end += 1
        if end > at:
            first, last = at, end + SHARED_WORDS_MIN - 2
            telling = any(len(word) >= TELLING_LETTERS_MIN for word, _, _ in spans[first : last + 1])
            if telling and (best is None or last - first > best[1] - best[0]):
                best = (first, last)
        at = max(end, at + 1)
    if best is None:
        return None
    return Quote(source, text[spans[best[0]][1] : spans[best[1]][2]][:QUOTE_CHARACTERS_MAX])


def _points(answer: str, subjects: set[str], finding: Finding) -> int:
    words = _WORD.findall(answer)
    points = POINTS_DETAIL * min(len(words), DETAILED_WORDS) // DETAILED_WORDS
    points += POINTS_FIGURE if re.search(r"\d", answer) else 0
    points += POINTS_RELEVANCE if _words(answer) & subjects else 0
    points += POINTS_SUPPORT if finding.answer_verified else 0
    return points // 2 if finding.flagged_for_review else points


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text) if len(word) >= TELLING_LETTERS_MIN}


def _key(text: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in _WORD.findall(text))
