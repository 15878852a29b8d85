"""The applicant answers: the answer is kept first, then the interviewer is asked, then its turn is recorded."""

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from applications.domain.application import Application
from applications.domain.interview import (
    AnswerInFlightError,
    Caps,
    Exchange,
    Finding,
    Said,
    Turn,
    transcript_of,
    transcript_sha256,
)
from applications.domain.interview_record import Interview, Recorded
from applications.domain.refusals import NotFoundError
from applications.use_cases.ports import Desk
from applications.use_cases.start_interview import dossier_of
from chassis.ids import new_id

# As long as the hash that it salts.
SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer that is recorded and waits for its reply; `claim` is the fence of whoever asks for it."""

    exchange: Exchange
    claim: datetime | None


@dataclass(frozen=True, slots=True)
class Replied:
    """What one answer led to."""

    user_message: Recorded
    assistant_message: Recorded
    completed: bool


async def get_interview(desk: Desk, application: Application) -> Interview:
    """Raises NotFoundError when it has not begun."""
    interview = await desk.interviews.find(application.id)
    if interview is None:
        raise NotFoundError("The interview has not begun.")
    return interview


async def record_answer(desk: Desk, application: Application, content: str, caps: Caps) -> Asked:
    """Keep an answer, whatever becomes of the interviewer; the application must be locked.

    The same answer sent again, while it waits for its reply, is not recorded twice.

    Raises:
        IllegalStateError: the interview has not begun, or is over.
        AnswerInFlightError, TurnsExhaustedError
    """
    application.answer_interview()
    interview = await get_interview(desk, application)
    recorded = await desk.interviews.recorded(interview, application.user_id)
    is_new = interview.take_answer(content, recorded, desk.now, caps)
    said = [each.said for each in recorded]
    if is_new:
        answer = Said(new_id(), "user", content, desk.now)
        await desk.interviews.add_message(interview, recorded[-1].position + 1, answer, application.user_id)
        said.append(answer)
    await desk.interviews.save(interview)
    progress = interview.progress
    exchange = Exchange(
        await dossier_of(desk, application),
        tuple(said),
        interview.question_number,
        interview.questions_total,
        is_last=progress.ends_with_this_answer(desk.now, caps),
        may_follow_up=progress.may_follow_up(caps),
    )
    return Asked(exchange, interview.answering_until)


async def record_turn(desk: Desk, application: Application, asked: Asked, turn: Turn) -> Replied:
    """Keep what the interviewer found and said; after the last answer the interview is completed in the same breath.

    The application must be locked.

    Raises:
        IllegalStateError: the application has moved on meanwhile (withdrawn).
        AnswerInFlightError: this request took so long that another one is asking now.
    """
    application.answer_interview()
    interview = await get_interview(desk, application)
    if interview.answering_until is None or interview.answering_until != asked.claim:
        raise AnswerInFlightError
    recorded = await desk.interviews.recorded(interview, application.user_id)
    answer, position = recorded[-1], recorded[-1].position + 1
    finding = turn.finding or Finding()
    interview.take_turn(turn, asked.exchange)
    reply = Said(new_id(), "assistant", turn.reply, desk.now)
    await desk.interviews.add_finding(answer.said.id, finding, application.user_id)
    await desk.interviews.add_message(interview, position, reply, application.user_id, turn.provenance)
    for each in (entry for entry in recorded if entry.position >= _first_unanswered(recorded)):
        found = finding if each is answer else Finding()
        desk.announce.interview_message_recorded(application, interview, each.said, found)
    desk.announce.interview_message_recorded(application, interview, reply, Finding())
    if asked.exchange.is_last:
        await _complete(desk, application, interview, [*(each.said for each in recorded), reply])
    await desk.interviews.save(interview)
    return Replied(
        Recorded(answer.said, answer.position, finding), Recorded(reply, position), completed=asked.exchange.is_last
    )


async def pause_interview(desk: Desk, application: Application, asked: Asked) -> None:
    """The interviewer does not answer: the interview says so and waits; the answer is still there."""
    interview = await get_interview(desk, application)
    if interview.status != "completed" and interview.answering_until == asked.claim:
        interview.pause()
        await desk.interviews.save(interview)


def _first_unanswered(recorded: list[Recorded]) -> int:
    """The position behind the interviewer's last turn: answers are announced with the reply that they got."""
    return max(each.position for each in recorded if each.said.role == "assistant") + 1


async def _complete(desk: Desk, application: Application, interview: Interview, said: list[Said]) -> None:
    transcript, salt = transcript_of(said), os.urandom(SALT_BYTES)
    interview.complete(desk.now, transcript_sha256(salt, transcript))
    await desk.interviews.keep_transcript(interview, transcript, salt, application.user_id)
    application.complete_interview()
    await desk.applications.save(application, "interview_completed")
    desk.announce.interview_completed(application, interview, len(said))
