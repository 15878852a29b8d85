"""Lots of before their shares were summed: the migration sums what awards and refunds have, or refuses and says why."""

from collections.abc import Iterator

import pytest
from services.ledger.tests.histories import History
from services.ledger.tests.scenario import Scenario
from services.ledger.tests.upgrading import ledger_at, upgrade

from chassis.ids import new_id
from chassis.testing.harness import running_service
from chassis.testing.servers import PostgresServer
from ledger.bootstrap import SERVICE

BEFORE = "0015"
# What today's code, by which the history is made, asks for besides.
ASKED_FOR = "ALTER TABLE programs ADD COLUMN deleted_at TIMESTAMP WITH TIME ZONE"
SUMMED = (
    "SELECT sum(given) AS given, sum(refunded) AS refunded, sum(promised) AS promised, sum(paid) AS paid FROM lot_sums"
)


@pytest.fixture
def urls(postgres_server: PostgresServer) -> Iterator[dict[str, str]]:
    """The roles' URLs of a ledger of the release before."""
    with ledger_at(postgres_server, BEFORE) as made:
        yield made


async def test_old_lots_are_summed_and_the_books_go_on(urls):
    async with running_service(SERVICE, urls) as service:
        scenario = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await scenario.fetch(ASKED_FOR)
        await scenario.create_program()
        history = History(scenario, 4)
        await history.live(40)
        await upgrade(urls, "head")
        [summed] = await scenario.fetch(SUMMED)
        assert all(summed[name] > 0 for name in ("given", "refunded", "promised", "paid")), "the history has all of it"
        assert (await scenario.verifier.verify()).ok
        await history.live(20)
        [later] = await scenario.fetch(SUMMED)
        assert later != summed
        assert (await scenario.verifier.verify()).ok


async def test_a_lot_that_does_not_fit_its_awards_stops_the_migration_by_name(urls):
    async with running_service(SERVICE, urls) as service:
        scenario = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await scenario.fetch(ASKED_FOR)
        await scenario.create_program()
        donation = await scenario.donate("10.00")
        await scenario.fetch("UPDATE lots SET taken = 4")
        with pytest.raises(AssertionError, match=f"lot {donation['id']} does not fit its awards and refunds"):
            await upgrade(urls, "head")
        await scenario.fetch("UPDATE lots SET taken = 0")
        await upgrade(urls, "head")
