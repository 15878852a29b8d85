"""Events out: lost never, in order per aggregate, by one relay at a time."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from shared.chassis.tests.integration.events import (
    count,
    eventually,
    in_background,
    nothing_unpublished,
    read_topic,
)
from sqlalchemy import select, text

from chassis.ids import new_id
from chassis.leases import LeaseLostError, acquire_or_renew
from chassis.relay import Relay
from chassis.tables import outbox
from chassis.testing.harness import ServiceHarness, running_service
from contracts.envelope import Event
from contracts.programs import ProgramClosed, ProgramCreated
from contracts.topics import topic_of


@pytest.fixture
async def service(sample_urls, sample_service):
    async with running_service(sample_service, sample_urls) as harness:
        yield harness


async def test_sequences_are_contiguous_however_many_write_at_once(service: ServiceHarness):
    program_id = new_id()

    async def announce() -> None:
        async with service.api.database.unit_of_work() as work:
            work.announce(ProgramCreated(program_id=program_id, currency="NGN"))
            work.announce(ProgramClosed(program_id=program_id))

    await asyncio.gather(*(announce() for _ in range(10)))
    async with service.api.database.reading() as connection:
        rows = await connection.execute(select(outbox.c.sequence).order_by(outbox.c.position))
    assert [row.sequence for row in rows] == list(range(1, 21))


async def test_a_lease_that_was_lost_cannot_mark_anything(service: ServiceHarness):
    database = service.worker.database
    mine = await acquire_or_renew(database, "relay", "me")
    assert mine is not None
    assert await acquire_or_renew(database, "relay", "other") is None
    async with database.unit_of_work() as work:
        await work.connection.execute(text("UPDATE leases SET renewed_at = now() - interval '4 seconds'"))
    theirs = await acquire_or_renew(database, "relay", "other")
    assert theirs is not None
    assert theirs.epoch == mine.epoch + 1
    with pytest.raises(LeaseLostError):
        async with database.unit_of_work() as work:
            await mine.assert_held(work.connection)


async def test_a_lease_from_a_clock_that_stepped_back_does_not_block_for_an_hour(service: ServiceHarness):
    database = service.worker.database
    await acquire_or_renew(database, "relay", "me")
    async with database.unit_of_work() as work:
        await work.connection.execute(text("UPDATE leases SET renewed_at = now() + interval '1 hour'"))
    assert await acquire_or_renew(database, "relay", "other") is not None


async def test_the_relay_publishes_everything_once_in_order_per_aggregate(sample_urls, sample_service, kafka_server):
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        subjects = [new_id() for _ in range(20)]
        for _ in range(5):
            async with service.api.database.unit_of_work() as work:
                for subject in subjects:
                    work.announce(ProgramCreated(program_id=subject, currency="NGN"))
        settings = service.worker.settings
        relays = [Relay(settings, service.worker.database, [topic_of("programs")]) for _ in range(2)]
        async with in_background(relays[0].run()), in_background(relays[1].run()):
            await eventually(lambda: nothing_unpublished(service.worker.database))
        wanted = {str(subject) for subject in subjects}
        by_subject: dict[str, list[int]] = {}
        for record in await read_topic(kafka_server.bootstrap, topic_of("programs"), 100):
            event = Event.from_bytes(record.value)
            assert record.key == event.subject.encode()
            if event.subject in wanted:
                by_subject.setdefault(event.subject, []).append(event.sequence)
        assert set(by_subject) == wanted
        assert all(sequences == [1, 2, 3, 4, 5] for sequences in by_subject.values())


async def test_events_written_while_the_relay_sleeps_leave_promptly_and_late_commits_are_not_lost(
    sample_urls, sample_service, kafka_server
):
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        database = service.worker.database
        async with in_background(Relay(service.worker.settings, database, [topic_of("programs")]).run()):
            # A transaction that took its position early and commits after a later one has been published.
            async with service.api.database.engine.connect() as slow:
                transaction = await slow.begin()
                await slow.execute(
                    text(
                        "INSERT INTO outbox (event_id, topic, subject, sequence, event_type, payload)"
                        " VALUES (:id, :topic, 'late', 1, 'x', :payload)"
                    ),
                    {
                        "id": uuid4(),
                        "topic": topic_of("programs"),
                        "payload": service.event(ProgramClosed(program_id=new_id())).to_bytes(),
                    },
                )
                async with service.api.database.unit_of_work() as work:
                    work.announce(ProgramCreated(program_id=new_id(), currency="NGN"))
                await eventually(lambda: nothing_unpublished(database))
                await transaction.commit()
            await eventually(lambda: nothing_unpublished(database))
            assert await count(database, "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") == 2


async def test_a_paused_relay_is_replaced_within_five_seconds(sample_urls, sample_service, kafka_server):
    """SIGSTOP keeps the old relay's connections open: only a lease that runs out lets another take over."""
    script = (
        "import asyncio, sys\n"
        "from pydantic import SecretStr\n"
        "from chassis.settings import ServiceSettings\n"
        "from chassis.database import Database\n"
        "from chassis.relay import Relay\n"
        "class S(ServiceSettings):\n    CONTEXT = 'programs'\n"
        "s = S(kafka_bootstrap=sys.argv[2])\n"
        "async def main():\n"
        "    await Relay(s, Database(sys.argv[1], application_name='t'), ['impactnet.programs']).run()\n"
        "asyncio.run(main())\n"
    )
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        database = service.worker.database
        arguments = [sys.executable, "-c", script, sample_urls["programs_worker"], kafka_server.bootstrap]
        old = subprocess.Popen(arguments)
        try:

            async def held() -> bool:
                return (
                    await count(database, "SELECT count(*) FROM leases WHERE renewed_at > now() - interval '2 s'") == 1
                )

            await eventually(held)
            os.kill(old.pid, signal.SIGSTOP)
            async with service.api.database.unit_of_work() as work:
                work.announce(ProgramCreated(program_id=new_id(), currency="NGN"))
            begun = datetime.now(UTC)
            async with in_background(Relay(service.worker.settings, database, [topic_of("programs")]).run()):
                await eventually(lambda: nothing_unpublished(database), seconds=15)
            # The promise of 04-events, with room for a machine that is busy with other tests.
            assert (datetime.now(UTC) - begun).total_seconds() < 10
        finally:
            old.kill()
            old.wait()
