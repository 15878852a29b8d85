"""The interview over HTTP: five answers complete it, nothing sent is lost, nobody else reads it."""

import asyncio
import hashlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from applications.adapters.tables import interview_messages, interviews
from chassis.clock import SteppedClock, SystemClock
from chassis.ids import new_id
from contracts.applications import (
    InterviewCompleted,
    InterviewMessageRecorded,
    InterviewScored,
    InterviewStarted,
)

ANSWERS = [
    "I run a tailoring workshop in Kano with two apprentices, and we sew 40 uniforms a month.",
    "Six young women would learn the trade, and they would earn 30000 naira a month each.",
    "I will buy three electric sewing machines for 240000 naira in the first month.",
    "When the power fails we use the two hand machines that we have now, as we did last year.",
    "In a year the school's head can count the uniforms that we delivered at cost.",
]


async def _started(applicant):
    await applicant.with_ready_video()
    answer = await applicant.client.post(applicant.url("ai-interview/"), json={})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def _messages(applicant):
    answer = await applicant.client.get(applicant.url("ai-interview/messages/"), params={"limit": 100})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_five_answers_complete_the_interview_and_move_the_application(applicant):
    begun = await _started(applicant)
    assert {key: begun["interview"][key] for key in ("status", "model", "prompt_version", "question_number")} == {
        "status": "in_progress", "model": "rules", "prompt_version": "1", "question_number": 1
    }  # fmt: skip
    assert begun["interview"]["questions_total"] == 5
    first = begun["message"]
    assert {key: first[key] for key in first if key not in ("id", "content", "timestamp", "contested")} == {
        "role": "assistant", "answer_verified": False, "flagged_for_review": False, "flag_reason": None
    }  # fmt: skip
    assert "tailoring workshop in Kano" in first["content"]
    for number, content in enumerate(ANSWERS, 1):
        answer = await applicant.say(content)
        assert answer.status_code == 200, answer.text
        assert answer.json()["completed"] is (number == 5)
        assert answer.json()["user_message"]["content"] == content
        assert answer.json()["assistant_message"]["role"] == "assistant"
        expected = "ai_interview_completed" if number == 5 else "ai_interview_pending"
        assert (await applicant.read())["status"] == expected
    messages = await _messages(applicant)
    assert [message["role"] for message in messages] == ["assistant", "user"] * 5 + ["assistant"]
    assert len({message["content"] for message in messages}) == 11
    assert messages[1]["answer_verified"] is True
    [started] = await applicant.announced(InterviewStarted)
    assert (started.model, started.prompt_version) == ("rules", "1")
    assert len(await applicant.announced(InterviewMessageRecorded)) == 11
    [completed] = await applicant.announced(InterviewCompleted)
    assert (completed.status, completed.messages) == ("ai_interview_completed", 11)
    late = await applicant.say("One more thing.")
    assert (late.status_code, late.json()["code"]) == (409, "illegal_state")


async def test_the_hash_of_the_transcript_is_salted_and_can_be_checked(applicant):
    await _started(applicant)
    for content in ANSWERS:
        await applicant.say(content)
    [completed] = await applicant.announced(InterviewCompleted)
    async with applicant.service.worker.database.unit_of_work() as work:
        desk = applicant.service.app.state.wiring.open_desk(work)
        interview = await desk.interviews.find(completed.application_id)
        salt = await desk.interviews.find_salt(interview, applicant.user_id)
    transcript = [
        {"role": message["role"], "message": message["content"], "timestamp": message["timestamp"]}
        for message in await _messages(applicant)
    ]
    canonical = json.dumps(transcript, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert hashlib.sha256(salt + canonical).hexdigest() == completed.transcript_sha256


async def test_the_score_follows_and_submitting_does_not_wait_for_it(applicant):
    await _started(applicant)
    for content in ANSWERS:
        await applicant.say(content)
    submitted = await applicant.client.post(applicant.url("submit/"), json={})
    assert submitted.status_code == 200, submitted.text
    await asyncio.gather(applicant.service.tick("interview scores"), applicant.service.tick("interview scores"))
    [scored] = await applicant.announced(InterviewScored)
    assert (scored.status, scored.flags) == ("under_review", 0)
    async with applicant.service.worker.database.reading() as connection:
        statement = select(interviews.c.ai_score).where(interviews.c.id == scored.interview_id)
        assert 0 < await connection.scalar(statement) <= 100


async def test_the_board_sees_the_whole_interview(applicant):
    from applications.api.interview_answer import interview_answer  # noqa: PLC0415 -- read after the service is built

    await _started(applicant)
    for content in ANSWERS:
        await applicant.say(content)
    await applicant.service.tick("interview scores")
    async with applicant.service.worker.database.unit_of_work() as work:
        desk = applicant.service.app.state.wiring.open_desk(work)
        [completed] = await applicant.announced(InterviewCompleted)
        seen = await interview_answer(desk, completed.application_id)
    assert seen is not None
    assert seen["ai_recommendation"] in ("approve", "revise")
    assert seen["ai_provenance"]["model"] == "rules"
    assert [message["content"] for message in seen["messages"]][1::2] == ANSWERS
    assert seen["messages"][1]["quotes"]


async def test_an_answer_can_be_streamed(applicant):
    await _started(applicant)
    answer = await applicant.say(ANSWERS[0], accept="text/event-stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    names = [lines[0].removeprefix("event: ") for lines in events]
    data = [json.loads(lines[1].removeprefix("data: ")) for lines in events]
    assert names == ["token"] * (len(names) - 1) + ["message"]
    assert "".join(item["delta"] for item in data[:-1]) == data[-1]["assistant_message"]["content"]
    assert data[-1]["completed"] is False
    assert len(await _messages(applicant)) == 3


async def test_an_answer_sent_twice_with_a_key_is_one_answer(applicant):
    await _started(applicant)
    first = await applicant.say(ANSWERS[0], **{"Idempotency-Key": "once"})
    again = await applicant.say(ANSWERS[0], **{"Idempotency-Key": "once"})
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await applicant.say(ANSWERS[1], **{"Idempotency-Key": "once"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await _messages(applicant)) == 3


async def test_a_start_sent_twice_with_a_key_is_one_interview(applicant):
    await applicant.with_ready_video()
    headers = {"Idempotency-Key": "start"}
    answers = [await applicant.client.post(applicant.url("ai-interview/"), json={}, headers=headers) for _ in "12"]
    assert answers[0].json() == answers[1].json()
    again = await applicant.client.post(applicant.url("ai-interview/"), json={})
    assert (again.status_code, again.json()["code"]) == (409, "illegal_state")


async def test_two_starts_at_once_make_one_interview(applicant):
    await applicant.with_ready_video()
    starts = [applicant.client.post(applicant.url("ai-interview/"), json={}) for _ in range(3)]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*starts))
    assert statuses == [201, 409, 409]
    assert len(await applicant.announced(InterviewStarted)) == 1


async def test_without_a_ready_video_there_is_no_interview(applicant):
    early = await applicant.client.post(applicant.url("ai-interview/"), json={})
    assert (early.status_code, early.json()["code"], early.json()["state"]) == (409, "illegal_state", "draft")
    unread = await applicant.client.get(applicant.url("ai-interview/messages/"))
    assert unread.status_code == 404
    assert (await applicant.say("Hello?")).status_code == 409


async def test_the_interview_of_another_is_not_there(applicant):
    await _started(applicant)
    stranger = applicant.service.client(new_id())
    message_id = (await _messages(applicant))[0]["id"]
    answers = [
        await stranger.post(applicant.url("ai-interview/"), json={}),
        await stranger.get(applicant.url("ai-interview/messages/")),
        await stranger.post(applicant.url("ai-interview/message/"), json={"content": "I am Amina."}),
        await stranger.post(applicant.url(f"ai-interview/messages/{message_id}/contest/"), json={"reason": "x"}),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 4


@pytest.mark.parametrize("content", ["", "   ", "a" * 4001, "a\u0007b", 7, None])
async def test_an_answer_that_breaks_a_rule_is_refused_and_not_kept(applicant, content):
    await _started(applicant)
    answer = await applicant.client.post(applicant.url("ai-interview/message/"), json={"content": content})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "content"
    assert len(await _messages(applicant)) == 1


async def test_messages_are_read_page_by_page(applicant):
    await _started(applicant)
    await applicant.say(ANSWERS[0])
    url = applicant.url("ai-interview/messages/")
    first = (await applicant.client.get(url, params={"limit": 2})).json()
    second = (await applicant.client.get(url, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [len(first["items"]), len(second["items"])] == [2, 1]
    assert second["next_cursor"] is None
    assert (await applicant.client.get(url, params={"role": "user"})).status_code == 422


async def test_a_flag_can_be_contested_once(applicant):
    await _started(applicant)
    answer = (await applicant.say("Yes.")).json()
    flagged = answer["user_message"]
    assert flagged["flagged_for_review"] is True
    assert flagged["flag_reason"] == "It is too short to be assessed."
    url = applicant.url(f"ai-interview/messages/{flagged['id']}/contest/")
    contested = await applicant.client.post(url, json={"reason": "The question was answered by yes."})
    assert (contested.status_code, contested.json()["contested"]) == (201, True)
    again = await applicant.client.post(url, json={"reason": "Again."})
    assert (again.status_code, again.json()["code"]) == (409, "already_contested")
    other = applicant.url(f"ai-interview/messages/{answer['assistant_message']['id']}/contest/")
    assert (await applicant.client.post(other, json={"reason": "x"})).json()["code"] == "not_flagged"
    missing = applicant.url(f"ai-interview/messages/{new_id()}/contest/")
    assert (await applicant.client.post(missing, json={"reason": "x"})).status_code == 404


async def test_after_an_hour_the_next_answer_is_the_last(start, apply_to):
    clock = SteppedClock(SystemClock().now())
    async with start(clock=clock) as service:
        applicant = await apply_to(service)
        await _started(applicant)
        await applicant.say(ANSWERS[0])
        clock.step(timedelta(minutes=61))
        applicant.client = service.client(applicant.user_id)
        assert (await applicant.say(ANSWERS[1])).json()["completed"] is True


async def test_what_was_said_is_unreadable_at_rest_and_cannot_be_changed(applicant):
    await _started(applicant)
    await applicant.say(ANSWERS[0])
    database = applicant.service.worker.database
    async with database.reading() as connection:
        sealed = (await connection.scalars(select(interview_messages.c.sealed_content))).all()
    assert all(b"tailoring" not in content for content in sealed)
    for statement in (update(interview_messages).values(position=99), delete(interview_messages)):
        with pytest.raises(DBAPIError, match="append-only"):
            async with database.unit_of_work() as work:
                await work.connection.execute(statement)
