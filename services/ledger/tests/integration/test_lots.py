"""Which donation pays for what: as the ledger books it, as it works it out anew, and as strangers do by the blocks."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from services.ledger.tests.histories import History
from services.ledger.tests.integration.test_tampering import TRUST, tampering, verify
from services.ledger.tests.processes import run_ledger
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.ids import new_id
from contracts.applications import ApplicationApproved, AwardProposed
from impactnet_verify.audit import audit
from impactnet_verify.checkpoints import Checkpoint
from impactnet_verify.merkle import GrowingTree
from ledger.adapters.lot_evidence import PostgresLotEvidence
from ledger.use_cases.verify_lots import verify_lots


class EarmarkedHistory(History):
    """Most donations are for something: applications, awards, beneficiaries, each known by then or not."""

    earmarked = 0.6

    def __init__(self, scenario: Any, seed: int) -> None:
        super().__init__(scenario, seed)
        self.applications = [UUID(int=self.random.getrandbits(128), version=4) for _ in range(4)]
        self.targets = list(self.applications)

    def earmark(self) -> UUID:
        return self.random.choice(self.targets)

    async def award(self) -> None:
        amounts = [f"{self.random.randint(1, 60)}.50" for _ in range(self.random.randint(1, 3))]
        award = self.scenario.award(*amounts, application_id=self.random.choice(self.applications))
        await self.scenario.service.deliver(award)
        rows = await self.scenario.fetch(
            "SELECT data->>'beneficiary_id' AS id FROM blocks WHERE data->>'award_id' = $1", str(award.award_id)
        )
        if not rows:
            return  # refused: there is not so much that it may draw on
        self.targets += [award.award_id, UUID(rows[0]["id"])]
        self.open.append((award, list(range(len(amounts)))))
        await self._decide(award)

    async def _decide(self, award: AwardProposed) -> None:
        about = {name: getattr(award, name) for name in ("application_id", "program_id", "user_id", "award_id")}
        decided = {"decision_id": new_id(), "decider_id": new_id(), "submission_sha256": "a" * 64, "reviews": 2}
        ended = {"amount": award.amount, "currency": "NGN", "final_score": "76.00", "status": "approved"}
        await self.scenario.service.deliver(ApplicationApproved.model_validate(about | decided | ended))


@pytest.mark.parametrize("seed", [2, 5])
async def test_strangers_work_out_the_lots_that_the_ledger_took_and_so_does_its_own_verification(
    scenario, tmp_path, seed
):
    await EarmarkedHistory(scenario, seed).live(steps=50)
    [kinds] = await scenario.fetch(
        "SELECT count(*) FILTER (WHERE transaction_type = 'reversal' OR data->>'step' = 'failed') AS back,"
        " count(*) FILTER (WHERE transaction_type = 'refund') AS refunds,"
        " count(DISTINCT data->>'earmark') AS earmarks FROM blocks"
    )
    assert kinds["back"]
    assert kinds["earmarks"] >= 3
    assert kinds["refunds"]
    lots = await audited_lots(scenario, tmp_path)
    paid = await scenario.fetch(
        "SELECT t.id, jsonb_object_agg(l.from_transaction, l.amount::text)::text AS sources FROM transactions AS t"
        " JOIN transaction_links AS l ON l.to_transaction = t.id"
        " WHERE transaction_type = 'disbursement' AND status IN ('completed', 'submitted', 'unknown', 'pending')"
        " GROUP BY t.id"
    )
    assert len(paid) >= 3
    assert (await scenario.verifier.verify()).ok
    assert lots.not_replayed == {}
    for row in paid:
        worked_out = {gift: Decimal(amount) / 100 for gift, amount, _ in lots.sources_of(str(row["id"]))}
        assert worked_out == {gift: Decimal(amount) for gift, amount in json.loads(row["sources"]).items()}


async def audited_lots(scenario: Any, folder: Path) -> Any:
    """What a stranger works out from all blocks."""
    rows = await scenario.fetch("SELECT preimage FROM blocks ORDER BY block_index")
    tree, path = GrowingTree(), folder / "dump"
    for row in rows:
        tree.append(row["preimage"])
    path.write_bytes(b"\n".join(row["preimage"] for row in rows))
    with path.open("rb") as dump:
        return audit(dump, Checkpoint("any", len(rows), tree.root(), {}, 0)).lots


async def test_what_an_award_is_for_is_not_in_the_blocks_without_a_decision_but_the_ledger_knows(scenario, tmp_path):
    award = scenario.award("60.00")
    for more in ({}, {"earmark": str(award.application_id)}):
        await scenario.donate("50.00", **more)
    await scenario.service.deliver(award)
    lots = await audited_lots(scenario, tmp_path)
    reason = f"from block 4 on, for award {award.award_id} has no decision and may be for {award.application_id}"
    assert lots.not_replayed[str(scenario.program_id)].startswith(reason)
    assert (await scenario.verifier.verify()).ok


# What somebody books who runs the ledger and may do all: of the donation `taken` as if `instead` had been taken. Sums,
# links, shares and blocks fit each other, as they would have from the start.
_BOOK_ANOTHER = (
    "UPDATE award_lots SET donation_id = $2 WHERE donation_id = $1",
    "UPDATE transaction_links SET from_transaction = $2 WHERE from_transaction = $1",
    "UPDATE lots AS a SET taken = b.taken FROM lots AS b WHERE (a.donation_id, b.donation_id) IN (($1, $2), ($2, $1))",
)


async def book_another(connection: AsyncConnection, taken: str, instead: str) -> None:
    for statement in _BOOK_ANOTHER:
        changed = await connection.exec_driver_sql(statement, (UUID(taken), UUID(instead)))
        assert changed.rowcount > 0, "nothing was changed"
    await sum_lots_again(connection)


async def sum_lots_again(connection: AsyncConnection) -> None:
    """What each lot gave and to whom, as the triggers would have counted it; there are no refunds here."""
    await connection.exec_driver_sql("DELETE FROM lot_sums")
    await connection.exec_driver_sql(
        "INSERT INTO lot_sums (donation_id, amount, given, promised, paid)"
        " SELECT lot, lots.amount, sum(given), sum(promised), sum(paid) FROM lots JOIN"
        " (SELECT from_transaction AS lot, amount AS given, 0 AS promised, 0 AS paid FROM transaction_links"
        " UNION ALL SELECT to_transaction, -amount, 0, 0 FROM transaction_links"
        " UNION ALL SELECT donation_id, 0, amount - released, paid FROM award_lots) AS moved ON lot = lots.donation_id"
        " GROUP BY lot, lots.amount"
    )


@pytest.fixture
async def paid(scenario) -> dict[str, Any]:
    """Five donations, the second for an application; an award out of the first, and one out of the third and fourth."""
    given = [("100.00", {}), ("100.00", {"earmark": str(new_id())}), ("100.00", {}), ("50.00", {}), ("100.00", {})]
    gifts = [(await scenario.donate(amount, **more))["id"] for amount, more in given]
    await scenario.set_account()
    awards = [scenario.award("60.00", "40.00"), scenario.award("60.00", "60.00")]
    for award in awards:
        await scenario.service.deliver(award)
        await scenario.service.deliver(scenario.approval(award))
        await scenario.settle()
    await scenario.take_guards_down()
    rows = await scenario.fetch("SELECT block_index FROM blocks WHERE transaction_type = 'commitment' ORDER BY 1")
    return {"gifts": gifts, "awards": awards, "block": rows[0]["block_index"]}


@pytest.mark.parametrize(("instead", "what"), [(1, "earmarked for something else"), (4, "not the oldest")])
async def test_money_that_was_booked_out_of_the_wrong_donation_from_the_start_is_named(scenario, paid, instead, what):
    gifts = paid["gifts"]
    async with tampering(scenario) as connection:
        assert await verify_lots(PostgresLotEvidence(connection)) is None
        await book_another(connection, gifts[0], gifts[instead])
        assert (await verify(connection, replace(TRUST, state_keys=()))).ok, f"{what}: everything else fits"
        finding = await verify_lots(PostgresLotEvidence(connection))
    assert finding is not None
    assert finding.block_index == paid["block"]
    assert finding.failure == (
        f"lots: award {paid['awards'][0].award_id}: 0 is from donation {gifts[0]}, first in first out gives 100.00"
    )


async def test_a_payment_out_of_another_share_of_its_award_is_named(scenario, paid):
    gifts, award_id = paid["gifts"], paid["awards"][1].award_id
    [sent] = await scenario.fetch(
        "SELECT block_index, data->>'transaction_id' AS id FROM blocks WHERE data->>'step' = 'sent'"
        " ORDER BY block_index DESC LIMIT 1"
    )
    async with tampering(scenario) as connection:
        shares = "SELECT donation_id FROM award_lots WHERE award_id = $1 ORDER BY paid DESC"
        one, other = (await connection.exec_driver_sql(shares, (award_id,))).scalars()
        assert [str(one), str(other)] == gifts[2:4]
        moved = "UPDATE transaction_links SET amount = 40 WHERE to_transaction = $1"
        await connection.exec_driver_sql(moved, (UUID(sent["id"]),))
        added = "INSERT INTO transaction_links (id, from_transaction, to_transaction, amount) VALUES (999, $1, $2, 20)"
        await connection.exec_driver_sql(added, (other, UUID(sent["id"])))
        for share, now in ((one, 40), (other, 20)):
            changed = "UPDATE award_lots SET paid = $3 WHERE award_id = $1 AND donation_id = $2"
            await connection.exec_driver_sql(changed, (award_id, share, now))
        await sum_lots_again(connection)
        assert (await verify(connection, replace(TRUST, state_keys=()))).ok, "everything else fits"
        finding = await verify_lots(PostgresLotEvidence(connection))
    assert finding is not None
    assert finding.block_index == sent["block_index"]
    assert f"disbursement {sent['id']}: 40.00 is from donation {one}, first in first out gives 60.00" in finding.failure


async def test_the_pass_over_everything_looks_at_lots_and_pieces_do_not(scenario, paid):
    async with tampering(scenario) as connection:
        await book_another(connection, paid["gifts"][0], paid["gifts"][1])
        await connection.commit()
    outcome = await scenario.verifier.verify()
    assert outcome.broken_index == paid["block"]
    assert "first in first out" in str(outcome.failure)
    await scenario.service.tick("verify_nightly")
    assert (await scenario.verifier.verify(start=1)).ok
    without_lots = await scenario.verifier.verify(lots=False)
    assert without_lots.ok
    await scenario.verifier.record(without_lots, "command line")
    async with scenario.service.client() as anyone:
        shown = (await anyone.get("/api/v1/blockchain/integrity/")).json()["standing_failure"]
    assert shown["block_index"] == paid["block"], "whoever does not look at lots has not found them mended"
    for arguments, expected in (([], 0), (["--lots"], 1)):
        status, out, _ = await run_ledger(scenario.urls, "verify", *arguments)
        assert status == expected, out
    assert out == f"BROKEN at block {paid['block']}: {outcome.failure}\n"


async def test_lots_of_a_stretch_are_refused_rather_than_left_out(scenario):
    for stretch in (("--from", "1"), ("--to", "1")):
        status, out, err = await run_ledger(scenario.urls, "verify", "--lots", *stretch)
        assert (status, out) == (2, "")
        assert "leave out --from and --to" in err
