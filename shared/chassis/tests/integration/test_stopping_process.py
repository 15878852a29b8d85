"""A worker that is asked to stop is gone within 25 s, whatever its database does."""

import asyncio
import os
import signal
import sys

from shared.chassis.tests.integration.events import count, eventually
from shared.chassis.tests.integration.test_frozen_neighbours import FreezingWire

from chassis.database import Database

WORKER = (
    "import asyncio, sys\n"
    "from shared.chassis.tests.integration.conftest import SAMPLE\n"
    "from chassis.processes import run_service\n"
    "s = SAMPLE.settings(database_url=sys.argv[1], worker_database_url=sys.argv[1], worker_port=0,"
    " kafka_bootstrap='127.0.0.1:1')\n"
    "asyncio.run(run_service(SAMPLE, s, api=False, worker=True))\n"
)


async def test_a_worker_stops_in_time_though_its_database_says_nothing_any_more(sample_urls):
    """As when its machine is gone, or the network: no answer, and no error either."""
    database = Database(sample_urls["programs_worker"], application_name="test")
    wire = FreezingWire(sample_urls["programs_worker"])

    async def works() -> bool:
        return await count(database, "SELECT count(*) FROM leases") == 1

    try:
        async with wire as url:
            worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, url)
            try:
                await eventually(works)
                wire.froze.set()
                await asyncio.sleep(2)  # whoever works by the clock waits for an answer by now
                os.kill(worker.pid, signal.SIGTERM)
                async with asyncio.timeout(25):
                    ended_with = await worker.wait()
            finally:
                if worker.returncode is None:
                    worker.kill()
                    await worker.wait()
        assert ended_with == 0, "in order, for nothing waits for an answer that never comes"
    finally:
        await database.close()
