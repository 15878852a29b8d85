"""Many events in one commit: the same books as one by one, in the order in which they came."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal

from chassis.ids import new_id
from chassis.understanding import Received
from contracts.ledger import BlocksAppended, CommitmentRefused, CommitmentReserved
from contracts.programs import ProgramCreated
from contracts.topics import topic_of


def polled(scenario, *facts) -> list[Received]:
    events = [scenario.service.event(fact) for fact in facts]
    return [Received(event.to_bytes(), (topic_of(event.context), 0, at)) for at, event in enumerate(events)]


async def handle(scenario, *facts) -> None:
    await scenario.service.runner.handle_all(polled(scenario, *facts))


async def test_a_batch_books_in_the_order_of_arrival_and_says_so_once(scenario):
    await scenario.donate("100.00")
    awards = [scenario.award("40.00") for _ in range(3)]
    await handle(scenario, *awards, scenario.rejection())
    reserved = await scenario.service.announced(CommitmentReserved)
    assert [fact.award_id for fact in reserved] == [awards[0].award_id, awards[1].award_id]
    assert [fact.award_id for fact in await scenario.service.announced(CommitmentRefused)] == [awards[2].award_id]
    assert (await scenario.blocks())[-3:] == ["commitment", "commitment", "decision"]
    last = (await scenario.service.announced(BlocksAppended))[-1]
    assert len(last.blocks) == 3
    assert (await scenario.verifier.verify()).ok
    assert (await scenario.balances())[f"program:{scenario.program_id}:available"] == "20.00"


async def test_money_given_back_in_a_batch_is_there_for_the_next_award_of_the_same_batch(scenario):
    first = await scenario.donate("60.00")
    await scenario.donate("40.00")
    early, late = scenario.award("100.00"), scenario.award("60.00")
    await handle(scenario, early, scenario.cancellation(early), late)
    assert (await scenario.blocks())[-3:] == ["commitment", "decommitment", "commitment"]
    # First in, first out also after the give-back: the oldest donation pays first again.
    [share] = await scenario.fetch("SELECT donation_id, amount FROM award_lots WHERE award_id = $1", late.award_id)
    assert (str(share["donation_id"]), share["amount"]) == (first["id"], Decimal("60.00"))
    assert (await scenario.verifier.verify()).ok


async def test_a_programme_with_more_lots_than_one_page_is_spent_in_order(scenario):
    scenario.is_sound = False  # 600 donations without blocks
    await scenario.donate("1.00")
    [lot] = await scenario.fetch("SELECT * FROM lots")
    # 600 further donations of the same kind, as plain rows: this is about the order in which lots are read.
    await scenario.fetch(
        "WITH made AS (INSERT INTO transactions SELECT (jsonb_populate_record(t, jsonb_build_object("
        "'id', gen_random_uuid(), 'blockchain_hash', md5(n::text)))).* FROM transactions t, generate_series(1, 600) n"
        " WHERE t.id = $1 RETURNING id)"
        " INSERT INTO lots (donation_id, program_id, currency, amount, received)"
        " SELECT id, $2, 'NGN', 1, 1000 + row_number() OVER () FROM made",
        lot["donation_id"],
        scenario.program_id,
    )
    await scenario.fetch(
        "UPDATE balances SET balance = balance + 600 WHERE account = $1", f"program:{scenario.program_id}:available"
    )
    await handle(scenario, scenario.award("300.00"), scenario.award("250.00"), scenario.award("51.00"))
    assert len(await scenario.service.announced(CommitmentReserved)) == 3
    rows = await scenario.fetch("SELECT taken FROM lots ORDER BY received")
    assert [row["taken"] for row in rows] == [Decimal(1)] * 601


async def test_an_approval_and_its_award_in_one_batch_pay_once_and_a_second_approval_is_refused(scenario):
    await scenario.donate("100.00")
    await scenario.set_account()
    award = scenario.award("60.00")
    await handle(scenario, award, scenario.approval(award), scenario.approval(award))
    assert (await scenario.blocks())[-3:] == ["commitment", "disbursement:sent", "exception"]
    await scenario.settle()
    assert (await scenario.blocks())[-1] == "disbursement:completed"
    assert (await scenario.verifier.verify()).ok


FROZEN_WRITER = """
import asyncio, sys
from chassis.database import Database
from chassis.ids import new_id
from ledger.adapters.chain import PostgresChain, Writer
from ledger.domain import drafts

async def main(url):
    database = Database(url, application_name="frozen")
    async with database.unit_of_work() as work:
        await PostgresChain(work, Writer()).append(drafts.program_create(new_id(), new_id(), "NGN"))
        sys.stdout.write("holds\\n")
        sys.stdout.flush()
        await asyncio.sleep(0.5)

asyncio.run(main(sys.argv[1]))
"""


async def test_a_writer_that_is_stopped_in_mid_batch_is_taken_over_within_five_seconds(scenario, urls):
    """SIGSTOP: its connection lives and holds the head; when it goes on, its transaction is gone."""
    command = [sys.executable, "-c", FROZEN_WRITER, urls["ledger_worker"]]
    frozen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert frozen.stdout is not None
    while await asyncio.to_thread(frozen.stdout.readline) != "holds\n":  # its logs come before
        assert frozen.poll() is None
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        await scenario.service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))
        waited = time.monotonic() - begun
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    _, errors = await asyncio.to_thread(frozen.communicate)
    assert frozen.returncode != 0
    assert "terminat" in errors or "closed" in errors
    # The bound is the promise of the ledger's design, not a measure of speed.
    assert waited < 5
    outcome = await scenario.verifier.verify()
    assert (outcome.ok, outcome.end) == (True, 3)
