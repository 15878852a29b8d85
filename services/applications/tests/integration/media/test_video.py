"""A video: uploaded through the service or by signed address, looked at by the worker, accepted or refused."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from applications.use_cases.examine_video import CLAIM
from chassis.clock import SteppedClock, SystemClock
from chassis.ids import new_id
from contracts.applications import VideoReady, VideoRefused, VideoUploaded
from contracts.identity import SigningKeysChanged
from local_stack.ports import free_ports

DATA = Path(__file__).parents[2] / "data"
REAL = (DATA / "applicant-amina.mp4").read_bytes()
SHA256 = hashlib.sha256(REAL).hexdigest()


async def test_a_real_video_is_taken_measured_and_can_be_watched(applicant):
    answer = await applicant.upload(REAL)
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert {key: body[key] for key in body if key not in ("id", "uploaded_at")} == {
        "status": "processing",
        "video_url": None,
        "duration_seconds": None,
        "thumbnail_url": None,
        "transcript": None,
        "sha256": SHA256,
        "refusal_code": None,
    }
    assert (await applicant.read())["status"] == "video_pending"
    await applicant.process_videos()
    shown = await applicant.read()
    assert shown["status"] == "ai_interview_pending"
    video = shown["video"]
    assert (video["status"], video["sha256"]) == ("ready", SHA256)
    assert video["duration_seconds"] == pytest.approx(20.6, abs=0.1)
    async with httpx.AsyncClient() as browser:
        watched = await browser.get(video["video_url"])
        seen = await browser.get(video["thumbnail_url"])
    assert watched.content == REAL
    assert watched.headers["content-type"] == "video/mp4"
    assert seen.content.startswith(b"\xff\xd8\xff")
    assert seen.headers["content-type"] == "image/jpeg"
    [ready] = await applicant.announced(VideoReady)
    assert ready.duration_milliseconds == 20600
    assert not ready.transcript_available


async def test_what_is_said_becomes_a_transcript(start, apply_to):
    async with start(transcriber="moonshine") as service:
        applicant = await apply_to(service)
        await applicant.upload(REAL)
        await applicant.process_videos()
        transcript = (await applicant.read())["video"]["transcript"]
        [ready] = await applicant.announced(VideoReady)
    assert "tailoring workshop" in transcript
    assert "sewing machines" in transcript
    assert ready.transcript_available


async def test_a_truncated_video_is_refused_with_its_reason_and_another_may_follow(applicant):
    answer = await applicant.upload((DATA / "truncated.mp4").read_bytes())
    assert answer.status_code == 202
    await applicant.process_videos()
    shown = await applicant.read()
    assert (shown["status"], shown["video"]["status"]) == ("video_pending", "refused")
    assert shown["video"]["refusal_code"] == "video_truncated"
    [refused] = await applicant.announced(VideoRefused)
    assert refused.code == "video_truncated"
    assert (await applicant.upload(REAL)).status_code == 202
    await applicant.process_videos()
    assert (await applicant.read())["status"] == "ai_interview_pending"


@pytest.mark.parametrize("size", [2_000, 100_000, 231_000])
async def test_a_video_cut_off_anywhere_is_refused(applicant, size):
    await applicant.upload(REAL[:size])
    await applicant.process_videos()
    assert (await applicant.read())["video"]["refusal_code"] == "video_truncated"


async def test_what_is_no_video_is_refused_at_once_and_nothing_is_kept(applicant):
    answer = await applicant.upload((DATA / "not-a-video.mp4").read_bytes())
    assert answer.status_code == 415
    problem = answer.json()
    assert problem["code"] == "not_a_video"
    assert problem["errors"][0]["field"] == "file"
    shown = await applicant.read()
    assert (shown["status"], shown["video"]) == ("draft", None)


async def test_a_form_that_is_incomplete_is_said_before_the_video_is_read(service, apply_to):
    applicant = await apply_to(service, {})
    answer = await applicant.upload(REAL)
    assert (answer.status_code, answer.json()["code"]) == (422, "form_incomplete")
    assert (await applicant.read())["status"] == "draft"
    assert await applicant.announced(VideoUploaded) == []


async def test_the_application_of_another_is_not_there(applicant):
    stranger = applicant.service.client(new_id())
    files = {"file": ("video.mp4", REAL, "video/mp4")}
    declared = {"content_type": "video/mp4", "size_bytes": len(REAL), "sha256": SHA256}
    answers = [
        await stranger.post(applicant.url("video/"), files=files),
        await stranger.post(applicant.url("video/upload-url/"), json=declared),
        await stranger.post(applicant.url("video/complete/"), json={"upload_id": str(new_id())}),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 3
    nobody = await applicant.service.client().post(applicant.url("video/"), files=files)
    assert nobody.status_code == 401


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense", 400),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 422),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\nhello\r\n--x--\r\n',
            422,
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + REAL,
            400,
        ),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a" * 20_000 + b": b\r\n\r\n", 400),
    ],
)
async def test_a_body_that_is_not_one_file_is_refused(applicant, content_type, body, status):
    headers = {"content-type": content_type}
    answer = await applicant.client.post(applicant.url("video/"), content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await applicant.read())["video"] is None


async def test_a_video_that_is_too_large_is_refused(start, apply_to):
    async with start(video_size_bytes_max=200_000) as service:
        applicant = await apply_to(service)

        async def slowly():
            yield b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
            for at in range(0, len(REAL), 10_000):
                yield REAL[at : at + 10_000]
            yield b"\r\n--x--\r\n"

        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = await applicant.client.post(applicant.url("video/"), content=slowly(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert (await applicant.read())["video"] is None


async def test_the_same_upload_sent_twice_with_a_key_is_one_video(applicant):
    first = await applicant.upload(REAL, **{"Idempotency-Key": "one"})
    again = await applicant.upload(REAL, **{"Idempotency-Key": "one"})
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert len(await applicant.announced(VideoUploaded)) == 1


async def test_two_workers_told_the_same_make_one_ready_video(applicant):
    await applicant.upload(REAL)
    [fact] = await applicant.announced(VideoUploaded)
    await applicant.service.deliver(fact)
    await applicant.service.deliver(fact)
    await asyncio.gather(applicant.service.tick("videos"), applicant.service.tick("videos"))
    await applicant.process_videos()
    assert len(await applicant.announced(VideoReady)) == 1


async def test_a_video_put_at_the_signed_address_is_taken(applicant):
    declared = {"content_type": "video/mp4", "size_bytes": len(REAL), "sha256": SHA256}
    asked = await applicant.client.post(applicant.url("video/upload-url/"), json=declared)
    assert asked.status_code == 200, asked.text
    upload = asked.json()
    assert (upload["method"], upload["headers"], upload["expires_in"]) == ("PUT", {}, 900)
    early = await applicant.client.post(applicant.url("video/complete/"), json={"upload_id": upload["upload_id"]})
    assert (early.status_code, early.json()["code"]) == (409, "upload_missing")
    async with httpx.AsyncClient() as browser:
        put = await browser.put(upload["url"], content=REAL, headers={"content-type": "video/mp4"})
        assert put.status_code == 200
        done = await applicant.client.post(applicant.url("video/complete/"), json={"upload_id": upload["upload_id"]})
        assert (done.status_code, done.json()["status"]) == (202, "processing")
        again = await applicant.client.post(applicant.url("video/complete/"), json={"upload_id": upload["upload_id"]})
        assert again.json() == done.json()
        await applicant.process_videos()
        shown = await applicant.read()
        assert (shown["status"], shown["video"]["sha256"]) == ("ai_interview_pending", SHA256)
        # The address still works, and changes nothing of what was checked.
        await browser.put(upload["url"], content=b"something else")
        assert (await browser.get((await applicant.read())["video"]["video_url"])).content == REAL
    assert len(await applicant.announced(VideoUploaded)) == 1


async def test_another_file_than_was_declared_is_refused(applicant):
    declared = {"content_type": "video/mp4", "size_bytes": len(REAL), "sha256": "0" * 64}
    upload = (await applicant.client.post(applicant.url("video/upload-url/"), json=declared)).json()
    async with httpx.AsyncClient() as browser:
        await browser.put(upload["url"], content=REAL[:-1])
        smaller = await applicant.client.post(applicant.url("video/complete/"), json={"upload_id": upload["upload_id"]})
        assert (smaller.status_code, smaller.json()["code"]) == (422, "size_mismatch")
        await browser.put(upload["url"], content=REAL)
    await applicant.client.post(applicant.url("video/complete/"), json={"upload_id": upload["upload_id"]})
    await applicant.process_videos()
    assert (await applicant.read())["video"]["refusal_code"] == "sha256_mismatch"


async def test_a_large_upload_goes_in_parts(applicant):
    size = 64 * 1024 * 1024 + 1
    declared = {"content_type": "video/mp4", "size_bytes": size, "sha256": "0" * 64}
    upload = (await applicant.client.post(applicant.url("video/upload-url/"), json=declared)).json()
    assert upload["url"] is None
    assert [part["number"] for part in upload["parts"]] == [1, 2]
    content = REAL + bytes(size - len(REAL))
    async with httpx.AsyncClient(timeout=60) as browser:
        await browser.put(upload["parts"][0]["url"], content=content[: 64 * 1024 * 1024])
        early = await applicant.client.post(applicant.url("video/complete/"), json={"upload_id": upload["upload_id"]})
        assert early.json()["code"] == "upload_missing"
        await browser.put(upload["parts"][1]["url"], content=content[64 * 1024 * 1024 :])
    done = await applicant.client.post(applicant.url("video/complete/"), json={"upload_id": upload["upload_id"]})
    assert (done.status_code, done.json()["status"]) == (202, "processing")


@pytest.mark.parametrize(
    "declared",
    [
        {"content_type": "video/avi", "size_bytes": 1000, "sha256": "0" * 64},
        {"content_type": "video/mp4", "size_bytes": 0, "sha256": "0" * 64},
        {"content_type": "video/mp4", "size_bytes": 1000, "sha256": "zz"},
        {"content_type": "video/mp4", "size_bytes": 1000, "sha256": "0" * 64, "name": "x"},
    ],
)
async def test_an_upload_that_breaks_a_rule_is_refused(applicant, declared):
    answer = await applicant.client.post(applicant.url("video/upload-url/"), json=declared)
    assert answer.status_code == 422
    assert (await applicant.read())["status"] == "draft"


async def test_a_reopened_draft_keeps_its_video_and_is_handed_in_by_starting_the_interview(applicant):
    await applicant.with_ready_video()
    reopened = await applicant.client.post(applicant.url("reopen/"), json={})
    assert reopened.json()["status"] == "draft"
    assert reopened.json()["video"]["status"] == "ready"
    started = await applicant.client.post(applicant.url("ai-interview/"), json={})
    assert started.status_code == 201, started.text
    assert (await applicant.read())["status"] == "ai_interview_pending"


async def test_a_worker_that_died_is_replaced_and_its_late_result_is_not_kept(start, apply_to):
    clock = SteppedClock(SystemClock().now())
    async with start(clock=clock) as service:
        applicant = await apply_to(service)
        await applicant.upload(REAL)
        [fact] = await applicant.announced(VideoUploaded)
        await service.deliver(fact)
        open_desk = service.app.state.wiring.open_desk
        async with service.worker.database.unit_of_work() as work:
            claimed = await open_desk(work).videos.claim_due(work.now + CLAIM)
        await service.tick("videos")
        assert (await applicant.read())["video"]["status"] == "processing"
        clock.step(CLAIM)
        await service.tick("videos")
        assert (await applicant.read())["video"]["status"] == "ready"
        async with service.worker.database.unit_of_work() as work:
            assert await open_desk(work).videos.find_claimed(claimed) is None
            assert not await open_desk(work).videos.extend_claim(claimed, work.now + CLAIM)


async def test_a_storage_that_is_away_refuses_uploads_and_lets_videos_wait(start, apply_to):
    clock = SteppedClock(SystemClock().now())
    [port] = free_ports(1)
    away = {"s3_endpoint": f"http://127.0.0.1:{port}"}
    async with start(clock=clock) as service, start(clock=clock, **away) as cut_off:
        applicant = await apply_to(service)
        await cut_off.deliver(SigningKeysChanged(keys=list(service.mint.jwks)))
        client = cut_off.client()
        client.headers["Authorization"] = applicant.client.headers["Authorization"]
        refused = await client.post(applicant.url("video/"), files={"file": ("v.mp4", REAL, "video/mp4")})
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        assert (await applicant.read())["status"] == "draft"
        await applicant.upload(REAL)
        [fact] = await applicant.announced(VideoUploaded)
        await service.deliver(fact)
        await cut_off.tick("videos")
        assert (await applicant.read())["video"]["status"] == "processing"
        clock.step(timedelta(seconds=10))
        await service.tick("videos")
        assert (await applicant.read())["video"]["status"] == "ready"
