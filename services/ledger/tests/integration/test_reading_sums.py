"""Sums that grow with every batch say what counting everything anew would say, and nobody writes them by hand."""

import asyncpg
import pytest

from chassis.ids import new_id
from contracts.programs import ProgramCreated

# What the triggers keep, and how it would be counted from the beginning.
COUNTED_ANEW = {
    "block_counts (transaction_type, number)": "SELECT transaction_type, count(*) FROM blocks GROUP BY 1",
    "row_counts (name, number)": (
        "SELECT 'programs', count(*) FROM programs UNION ALL SELECT 'beneficiaries', count(*) FROM beneficiaries"
    ),
    "money_totals (currency, received, committed, disbursed, refunded)": """
        SELECT data->>'currency',
            sum(CASE transaction_type WHEN 'donation' THEN amount ELSE 0 END),
            sum(CASE transaction_type WHEN 'commitment' THEN amount WHEN 'decommitment' THEN -amount ELSE 0 END),
            sum(CASE WHEN transaction_type = 'disbursement' AND data->>'step' = 'completed' THEN amount
                WHEN transaction_type = 'reversal' THEN -amount ELSE 0 END),
            sum(CASE WHEN transaction_type = 'refund' AND data->>'step' = 'completed' THEN amount ELSE 0 END)
        FROM (SELECT *, (data->>'amount')::numeric AS amount FROM blocks) AS money WHERE amount IS NOT NULL GROUP BY 1
    """,
    "account_totals (kind, currency, balance)": """
        SELECT CASE WHEN account LIKE 'program:%:available' THEN 'available'
            WHEN account LIKE 'program:%:committed:%' THEN 'committed' ELSE split_part(account, ':', 1) END,
            currency, sum(balance) FROM balances GROUP BY 1, 2
    """,
    "program_balances (program_id, currency, available, committed)": """
        SELECT split_part(account, ':', 2), currency, sum(CASE WHEN account LIKE '%:available' THEN balance ELSE 0 END),
            sum(CASE WHEN account LIKE '%:committed:%' THEN balance ELSE 0 END)
        FROM balances WHERE account LIKE 'program:%' GROUP BY 1, 2
    """,
}


async def differences(scenario) -> list[str]:
    found = []
    for kept, anew in COUNTED_ANEW.items():
        table, _, columns = kept.partition(" ")
        names = columns.strip("()")
        pairs = (f"SELECT {names} FROM {table}", anew)
        rows = [sorted(tuple(map(str, row)) for row in await scenario.fetch(query)) for query in pairs]
        if rows[0] != rows[1]:
            found.append(f"{table}: kept {rows[0]}, counted {rows[1]}")
    return found


async def test_after_everything_that_can_happen_the_sums_are_what_a_recount_says(scenario):
    assert await differences(scenario) == []
    await scenario.live_through_everything()
    assert await differences(scenario) == []
    assert len(await scenario.fetch("SELECT * FROM money_totals")) == 1


async def test_what_is_rolled_back_or_comes_twice_is_not_counted(scenario):
    event = await scenario.service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))
    await scenario.service.deliver(event)
    with pytest.raises(asyncpg.PostgresError):
        # A block that follows nothing is refused after it was counted.
        await scenario.fetch(
            "INSERT INTO blocks SELECT 99, timestamp, transaction_type, 'x', data, repeat('f', 64),"
            " encode(sha256('x'), 'hex'), nonce, 'x' FROM blocks WHERE block_index = 1"
        )
    assert await differences(scenario) == []


@pytest.mark.parametrize("role", ["api", "worker", "signer"])
async def test_no_role_writes_a_sum(history, role):
    for kept in COUNTED_ANEW:
        table, _, columns = kept.partition(" ")
        last = columns.strip("()").rpartition(", ")[2]
        for statement in (
            f"UPDATE {table} SET {last} = 0",
            f"DELETE FROM {table}",
            f"INSERT INTO {table} DEFAULT VALUES",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await history.fetch(statement, role=role)


async def test_statistics_and_integrity_are_of_one_moment_and_meet(scenario):
    await scenario.live_through_everything()
    async with scenario.service.client() as anyone:
        stats = (await anyone.get("/api/v1/blockchain/stats/")).json()
        integrity = (await anyone.get("/api/v1/blockchain/integrity/")).json()
    assert sum(stats["blocks"].values()) == stats["height"] == integrity["height"]
    assert integrity["books"]["NGN"]["difference"] == "0.00"
    assert integrity["last_verified_height"] == integrity["balanced_through_height"] == stats["height"]
    assert (integrity["quarantined_events"], integrity["exceptions"]) == (1, stats["blocks"]["exception"])
    assert integrity["standing_failure"] is None
    assert integrity["last_checkpoint"]["size"] == stats["height"] - integrity["last_checkpoint"]["unsigned_blocks"]
    assert integrity["last_checkpoint"]["cosignatures"] == []
    books = integrity["books"]["NGN"]
    for name in ("available", "committed"):
        assert f"{sum(float(program[name]) for program in integrity['programs']):.2f}" == books[name]
    one = integrity["programs"][0]["program_id"]
    async with scenario.service.client() as anyone:
        alone = (await anyone.get("/api/v1/blockchain/integrity/", params={"program_id": one})).json()
        assert [program["program_id"] for program in alone["programs"]] == [one]
        assert (await anyone.get("/api/v1/blockchain/integrity/", params={"program_id": "x"})).status_code == 422
        assert (await anyone.get("/api/v1/blockchain/stats/", params={"color": "red"})).status_code == 422


async def test_money_that_vanished_from_the_postings_shows_as_a_difference(scenario):
    scenario.is_sound = False
    await scenario.donate("10.00")
    await scenario.fetch("UPDATE account_totals SET balance = balance - 1 WHERE kind = 'available'")
    async with scenario.service.client() as anyone:
        integrity = (await anyone.get("/api/v1/blockchain/integrity/")).json()
    assert integrity["books"]["NGN"]["difference"] == "1.00"


async def test_entries_that_do_not_balance_are_counted_though_no_verification_has_seen_them(scenario):
    scenario.is_sound = False
    await scenario.donate("10.00")
    await scenario.donate("20.00")
    await scenario.fetch("ALTER TABLE postings DISABLE TRIGGER refuse_change")

    async def unbalanced() -> int:
        async with scenario.service.client() as anyone:
            count: int = (await anyone.get("/api/v1/blockchain/integrity/")).json()["unbalanced_entries"]
        return count

    assert await unbalanced() == 0
    await scenario.fetch("UPDATE postings SET amount = amount + 1 WHERE amount > 0")
    assert await unbalanced() == 2


async def test_sums_hold_more_than_the_largest_amounts_and_nothing_stops_at_the_thousandth(scenario):
    """As after a thousand of the largest donations, each of which may be what a donation is."""
    await scenario.donate("999999999999999.99")
    scenario.is_sound = False  # the thousand are not in the chain
    largest = "999999999999999999.99"
    for change in (
        f"balances SET balance = sign(balance) * {largest}",
        f"account_totals SET balance = sign(balance) * {largest}",
        f"program_balances SET available = {largest}",
        f"money_totals SET received = {largest}, committed = {largest}, disbursed = {largest}, refunded = {largest}",
    ):
        await scenario.fetch(f"UPDATE {change}")
    donated = await scenario.donate("999999999999999.99")
    assert donated["status"] == "completed"
    async with scenario.service.client(scenario.admin, "admin") as client:
        stats = (await client.get("/api/v1/blockchain/stats/")).json()
        integrity = (await client.get("/api/v1/blockchain/integrity/")).json()
    assert stats["totals"]["NGN"]["received"] == "1000999999999999999.98"
    assert [each["available"] for each in integrity["programs"]] == ["1000999999999999999.98"]
