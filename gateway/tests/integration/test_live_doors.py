"""Who may open a socket, and how."""

import contextlib
from typing import Any
from uuid import UUID, uuid4


async def test_a_foreign_origin_is_closed_with_4003_and_ours_may_stay(live, applicant, opened):
    async with opened(live, applicant.path, applicant.token, origin="https://evil.example") as socket:
        assert await socket.close_code() == 4003
    async with opened(live, applicant.path, applicant.token, origin="http://localhost:3000") as socket:
        await socket.welcomed()


async def test_another_users_application_is_closed_with_4004(live, applicant, answer_of, opened):
    nowhere = uuid4()
    live.service.on("GET", f"/api/v1/applications/{nowhere}/", answer_of(status=404, content={}))
    async with opened(live, applicant.path, live.mint.token(uuid4())) as socket:
        assert await socket.close_code() == 4004
    async with opened(live, f"/ws/applications/{nowhere}/", applicant.token) as socket:
        assert await socket.close_code() == 4004
    async with opened(live, "/ws/nothing/", applicant.token) as socket:
        assert await socket.close_code() == 4004


async def test_a_member_of_the_board_may_listen_and_another_executive_may_not(live, applicant, answer_of, opened):
    path = f"/api/v1/executive/applications/{applicant.application_id}/"
    board = live.mint.token(uuid4(), "executive")
    other = live.mint.token(uuid4(), "executive")

    async def answer(request: Any) -> Any:
        return answer_of(status=200 if request.header("authorization") == f"Bearer {board}" else 404, content={})

    live.service.on("GET", path, answer)
    async with opened(live, applicant.path, board) as socket:
        await socket.welcomed()
    async with opened(live, applicant.path, other) as socket:
        assert await socket.close_code() == 4004


async def test_nobody_stays_without_saying_who_they_are(gateway_stack, opened):
    async with gateway_stack(socket_auth_seconds=0.3) as stack:
        async with opened(stack, "/ws/notifications/") as socket:
            assert await socket.close_code() == 4001
        async with opened(stack, "/ws/notifications/") as socket:
            await socket.send({"type": "ping"})
            assert await socket.close_code() == 4001
        async with opened(stack, "/ws/notifications/", "forged.token.here") as socket:
            assert await socket.close_code() == 4001
        async with opened(stack, "/ws/notifications/?token=" + stack.mint.token(uuid4())) as socket:
            assert await socket.close_code() == 4001


async def test_the_first_message_may_say_who_is_there_and_ping_is_answered(live, opened):
    async with opened(live, "/ws/notifications/") as socket:
        await socket.send({"type": "auth", "token": live.mint.token(uuid4())})
        await socket.welcomed()
        await socket.send({"type": "ping"})
        assert await socket.said() == {"type": "pong"}
        await socket.send_text("no json")
        refused = await socket.said()
        assert (refused["type"], refused["code"], refused["status"]) == ("error", "unknown_message", 400)


async def test_a_ticket_opens_one_socket_once(live, opened):
    user_id = uuid4()
    async with live.client(live.mint.token(user_id)) as client:
        answer = await client.post("/api/v1/auth/ws-ticket", json={})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    ticket = answer.json()["ticket"]
    assert answer.json()["expires_in"] == 30
    async with opened(live, f"/ws/notifications/?ticket={ticket}") as socket:
        await socket.welcomed()
    async with opened(live, f"/ws/notifications/?ticket={ticket}") as socket:
        assert await socket.close_code() == 4001
    async with opened(live, f"/ws/notifications/?ticket={ticket[:-4]}AAAA") as socket:
        assert await socket.close_code() == 4001


async def test_a_ticket_works_at_another_gateway_with_the_same_key(live, gateway_stack, opened):
    async with live.client(live.mint.token(uuid4())) as client:
        ticket = (await client.post("/api/v1/auth/ws-ticket/")).json()["ticket"]
    async with gateway_stack(mint=live.mint) as other, opened(other, f"/ws/notifications/?ticket={ticket}") as socket:
        assert (await socket.said())["type"] == "welcome"


async def test_the_twenty_first_socket_of_a_user_is_closed_with_4029(gateway_stack, opened):
    async with gateway_stack(sockets_per_user_max=2) as stack, contextlib.AsyncExitStack() as sockets:
        token = stack.mint.token(uuid4())
        for _ in range(2):
            socket = await sockets.enter_async_context(opened(stack, "/ws/notifications/", token))
            await socket.said()
        async with opened(stack, "/ws/notifications/", token) as socket:
            assert await socket.close_code() == 4029
        async with opened(stack, "/ws/notifications/", stack.mint.token(uuid4())) as socket:
            await socket.said()


async def test_when_the_right_cannot_be_asked_the_client_is_told_to_try_later(gateway_stack, deserted_port, opened):
    async with gateway_stack(applications_url=f"http://127.0.0.1:{deserted_port}") as stack:
        path = f"/ws/applications/{UUID(int=1)}/"
        async with opened(stack, path, stack.mint.token(uuid4())) as socket:
            assert await socket.close_code() == 1013
