"""The broker goes and comes back: the worker says so meanwhile, and goes on by itself."""

from pathlib import Path

from shared.chassis.tests.integration.events import count, eventually, in_background, send, started
from shared.chassis.tests.integration.test_rebalances import CONSUMED

from chassis.broker import ensure_topics
from chassis.testing.harness import running_service
from chassis.testing.servers import KafkaServer
from contracts.topics import topic_of


async def test_a_worker_knows_whether_its_broker_is_there(sample_urls, sample_service, tmp_path: Path):
    """Its client waits in silence for one that is away, and would be taken to be well."""
    broker = KafkaServer(tmp_path).broker
    await broker.start()
    try:
        async with running_service(sample_service, sample_urls, kafka_bootstrap=broker.bootstrap) as service:
            await ensure_topics(service.worker.settings, CONSUMED)
            fact = started()

            async def handled() -> bool:
                mine = f"SELECT count(*) FROM notes WHERE name LIKE 'started {fact.application_id} %'"
                return await count(service.worker.database, mine) == 1

            async def away() -> bool:
                return not await service.runner.reaches_broker()

            assert await away(), "it has not been asked to run"
            async with in_background(service.runner.run()):
                await eventually(service.runner.reaches_broker)
                await broker.stop()
                await eventually(away)
                await broker.start()
                await eventually(service.runner.reaches_broker)
                await send(broker.bootstrap, topic_of("applications"), [service.event(fact).to_bytes()])
                await eventually(handled, seconds=60)
    finally:
        await broker.stop()
