"""Coming back: everything that was missed, once and in order, or a plain no."""

import asyncio

import pytest


async def test_who_comes_back_gets_what_was_missed_once_and_in_order_also_at_another_gateway(  # noqa: PLR0917 -- fixtures
    live, applicant, announcer, gateway_stack, kafka_server, opened
):
    async with opened(live, applicant.path, applicant.token) as socket:
        await socket.welcomed()
        await announcer.say(applicant.fact())
        position = (await socket.said())["position"]
    missed = await announcer.say(*(applicant.fact() for _ in range(50)))
    async with gateway_stack(kafka_bootstrap=kafka_server.bootstrap, mint=live.mint) as other:
        applicant.may_see(other)
        await other.caught_up()
        for stack in (live, other):
            async with opened(stack, applicant.path, applicant.token) as socket:
                await socket.welcomed()
                await socket.send({"type": "resume", "position": position})
                frames = [await socket.said() for _ in missed]
                answer = await socket.said()
                assert [frame["id"] for frame in frames] == [str(event.id) for event in missed]
                assert answer["type"] == "welcome"
                assert answer["recovered"] is True
                # From the middle of a replay one can go on just as well.
                middle = frames[24]["position"]
                live_event = (await announcer.say(applicant.fact()))[0]
                assert (await socket.said())["id"] == str(live_event.id)
                missed.append(live_event)
            async with opened(stack, applicant.path, applicant.token) as socket:
                await socket.welcomed()
                await socket.send({"type": "resume", "position": middle})
                frames = [await socket.said() for _ in missed[25:]]
                assert [frame["id"] for frame in frames] == [str(event.id) for event in missed[25:]]
                assert (await socket.said())["recovered"] is True


async def test_events_that_come_while_missed_ones_are_sent_are_neither_lost_nor_doubled(
    live, applicant, announcer, opened
):
    async with opened(live, applicant.path, applicant.token) as socket:
        position = await socket.welcomed()
    said_before = await announcer.say(*(applicant.fact() for _ in range(200)))
    async with opened(live, applicant.path, applicant.token) as socket:
        talking = asyncio.gather(announcer.say(*(applicant.fact() for _ in range(200))))
        await socket.send({"type": "resume", "position": position})
        frames: list[str] = []
        while len(frames) < 400:
            frame = await socket.said()
            if frame["type"] == "event":
                frames.append(frame["id"])
        (said_after,) = await talking
    assert frames == [str(event.id) for event in (*said_before, *said_after)]


async def test_a_late_resume_leaves_out_what_came_live_since_the_welcome(live, applicant, announcer, opened):
    async with opened(live, applicant.path, applicant.token) as socket:
        position = await socket.welcomed()
    missed = await announcer.say(applicant.fact(), applicant.fact())
    await asyncio.sleep(0.3)
    async with opened(live, applicant.path, applicant.token) as socket:
        await socket.welcomed()
        await asyncio.sleep(0.5)
        seen = await announcer.say(applicant.fact())
        assert (await socket.said())["id"] == str(seen[0].id)
        await socket.send({"type": "resume", "position": position})
        assert [(await socket.said())["id"] for _ in missed] == [str(event.id) for event in missed]
        assert (await socket.said())["recovered"] is True
        await socket.quiet()


@pytest.mark.parametrize("position", ["", "garbage!", "AQ", "x" * 30_000, None])
async def test_a_position_that_means_nothing_is_recovered_false_and_live_events_go_on(
    live, applicant, announcer, position, opened
):
    async with opened(live, applicant.path, applicant.token) as socket:
        await socket.welcomed()
        await socket.send({"type": "resume", "position": position})
        answer = await socket.said()
        assert (answer["type"], answer["recovered"]) == ("welcome", False)
        event = (await announcer.say(applicant.fact()))[0]
        assert (await socket.said())["id"] == str(event.id)


async def test_a_gap_larger_than_the_ring_is_recovered_false_and_never_a_part(
    gateway_stack, kafka_server, announcer, opened, applicant_of
):
    async with gateway_stack(kafka_bootstrap=kafka_server.bootstrap, ring_bytes_max=65_536) as stack:
        await stack.caught_up()
        applicant = applicant_of(stack)
        async with opened(stack, applicant.path, applicant.token) as socket:
            position = await socket.welcomed()
        events = await announcer.say(*(applicant.fact() for _ in range(200)))
        await asyncio.sleep(1)
        async with opened(stack, applicant.path, applicant.token) as socket:
            await socket.welcomed()
            await socket.send({"type": "resume", "position": position})
            answer = await socket.said()
            assert (answer["type"], answer["recovered"]) == ("welcome", False)
            # The next frame is a new one: nothing of the gap has been sent.
            new = (await announcer.say(applicant.fact()))[0]
            assert (await socket.said())["id"] == str(new.id)
            assert str(new.id) not in {str(event.id) for event in events}
