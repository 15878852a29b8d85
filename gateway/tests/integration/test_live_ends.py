"""How sockets end: tokens, revocations, slow readers, a gateway that leaves."""

import asyncio
import socket as socket_module
import time
from datetime import UTC, datetime
from uuid import uuid4

from contracts import applications, identity


async def test_a_socket_ends_with_its_token_unless_a_fresh_one_is_said(live, opened):
    user_id = uuid4()
    async with opened(live, "/ws/notifications/", live.mint.token(user_id, lifetime_seconds=2)) as socket:
        await socket.welcomed()
        assert await socket.close_code() == 4009
    async with opened(live, "/ws/notifications/", live.mint.token(user_id, lifetime_seconds=2)) as socket:
        await socket.welcomed()
        await socket.send({"type": "auth", "token": live.mint.token(user_id)})
        await socket.welcomed()
        await socket.quiet(2.5)
    async with opened(live, "/ws/notifications/", live.mint.token(user_id)) as socket:
        await socket.welcomed()
        await socket.send({"type": "auth", "token": live.mint.token(uuid4())})
        assert await socket.close_code() == 4003


async def test_logging_out_closes_the_sessions_sockets_at_once_and_refuses_its_tokens(live, announcer, opened):
    user_id, session_id = uuid4(), uuid4()
    token = live.mint.token(user_id, session_id=session_id)
    other = live.mint.token(user_id)
    revoked = identity.SessionRevoked(
        session_id=session_id, user_id=user_id, reason="logout", revoked_at=datetime.now(UTC)
    )
    async with (
        opened(live, "/ws/notifications/", token) as socket,
        opened(live, "/ws/notifications/", other) as other_socket,
    ):
        await socket.welcomed()
        await other_socket.welcomed()
        started = time.monotonic()
        await announcer.say(revoked)
        assert await socket.close_code() == 4010
        assert time.monotonic() - started < 1
        await other_socket.quiet(0.2)
    async with opened(live, "/ws/notifications/", token) as socket:
        assert await socket.close_code() == 4010
    async with live.client(token) as client:
        assert (await client.get("/api/v1/notifications/")).status_code == 401
    async with live.client(other) as client:
        assert (await client.get("/api/v1/notifications/")).status_code == 200


async def test_suspension_ends_everything_of_a_user_and_a_changed_role_asks_for_a_fresh_token(live, announcer, opened):
    suspended, promoted = uuid4(), uuid4()
    old, new = live.mint.token(promoted), live.mint.token(promoted, "executive", role_version=1)
    async with (
        opened(live, "/ws/notifications/", live.mint.token(suspended)) as first,
        opened(live, "/ws/notifications/", old) as second,
    ):
        await first.welcomed()
        await second.welcomed()
        await announcer.say(
            identity.UserSuspended(user_id=suspended),
            identity.RoleChanged(user_id=promoted, role="executive", previous_role="member", role_version=1),
        )
        assert await first.close_code() == 4010
        assert await second.close_code() == 4009
    for token, status in ((old, 401), (new, 200), (live.mint.token(suspended), 401)):
        async with live.client(token) as client:
            assert (await client.get("/api/v1/notifications/")).status_code == status


async def test_a_gateway_that_starts_later_has_heard_of_revocations(live, announcer, gateway_stack, kafka_server):
    user_id, session_id = uuid4(), uuid4()
    await announcer.say(
        identity.SessionRevoked(session_id=session_id, user_id=user_id, reason="logout", revoked_at=datetime.now(UTC))
    )
    async with gateway_stack(kafka_bootstrap=kafka_server.bootstrap, mint=live.mint) as later:
        await later.caught_up()
        async with later.client(live.mint.token(user_id, session_id=session_id)) as client:
            assert (await client.get("/api/v1/notifications/")).status_code == 401
            assert (await client.get("/health/ready")).json()["status"] == "ready"


async def test_a_slow_reader_is_closed_with_4008_and_nobody_waits_for_it(live, applicant, announcer, opened):
    # A small receive buffer, so that the kernel does not take megabytes for a reader that has stopped.
    narrow = socket_module.socket()
    narrow.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 65_536)
    narrow.connect(("127.0.0.1", live.port))
    async with (
        opened(live, applicant.path, applicant.token, max_queue=1, ping_interval=None, sock=narrow) as slow,
        opened(live, applicant.path, applicant.token) as quick,
    ):
        await slow.welcomed()
        await quick.welcomed()
        # Both are live by then: missed events would be sent at the reader's pace.
        await asyncio.sleep(0.5)
        scored = {"interview_id": uuid4(), "model": "m" * 30_000, "prompt_version": "1"}
        facts = [applicant.fact(applications.InterviewStarted, "ai_interview_pending", **scored) for _ in range(300)]
        talking = asyncio.create_task(announcer.say(*facts))
        for _ in facts:
            assert (await quick.said())["event"] == "interview_started"
        await talking
        assert await slow.close_code() == 4008


async def test_sigterm_drains_sockets_with_1012_and_says_not_ready(live, opened):
    async with opened(live, "/ws/notifications/", live.mint.token(uuid4())) as socket:
        await socket.welcomed()
        await live.gateway.leave()
        assert await socket.close_code() == 1012
    async with live.client() as client:
        ready = await client.get("/health/ready")
    assert ready.status_code == 503
    assert "draining" in ready.json()["missing"]
    async with opened(live, "/ws/notifications/", live.mint.token(uuid4())) as socket:
        assert await socket.close_code() == 1012


async def test_a_reader_that_stops_in_the_middle_of_what_it_missed_is_closed_with_4008(
    gateway_stack, kafka_server, announcer, applicant_of, opened
):
    async with gateway_stack(kafka_bootstrap=kafka_server.bootstrap, socket_send_seconds=0.5) as stack:
        await stack.caught_up()
        applicant = applicant_of(stack)
        async with opened(stack, applicant.path, applicant.token) as socket:
            position = await socket.welcomed()
        started = {"interview_id": uuid4(), "model": "m" * 30_000, "prompt_version": "1"}
        await announcer.say(
            *(applicant.fact(applications.InterviewStarted, "ai_interview_pending", **started) for _ in range(100))
        )
        narrow = socket_module.socket()
        narrow.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 65_536)
        narrow.connect(("127.0.0.1", stack.port))
        async with opened(stack, applicant.path, applicant.token, max_queue=1, sock=narrow) as slow:
            await slow.send({"type": "resume", "position": position})
            await asyncio.sleep(2)
            assert await slow.close_code() == 4008
