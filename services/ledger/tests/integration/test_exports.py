"""Exports: the same height gives the same bytes, for ever; streamed, cached, packed, and readable by others' tools."""

import csv
import io
from dataclasses import replace

import pytest
from services.ledger.tests.grant_rules import OWN_RULES, PUBLISHED, complaints

from chassis.testing.harness import running_service
from contracts.identity import UserErased
from ledger.adapters.export_reading import ExportReader
from ledger.bootstrap import SERVICE
from ledger.use_cases.export_chain import export_csv, export_grants, export_preimages
from ledger.use_cases.reading_ports import ChainGapError

CSV = "/api/v1/transactions/export.csv"
GRANTS = "/api/v1/transactions/export.360giving.json"
PREIMAGES = "/api/v1/blockchain/export.preimages.jsonl"
ALL = (CSV, GRANTS, PREIMAGES)


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.fixture
async def lived(whole_history, shared_urls):
    """A running service on a ledger that has lived through everything."""
    async with running_service(SERVICE, shared_urls) as service:
        yield replace(whole_history, service=service)


@pytest.fixture
async def anyone(lived):
    """A client that asks for no coding unless a test names one."""
    async with lived.service.client() as client:
        client.headers["Accept-Encoding"] = "identity"
        yield client


async def test_the_same_height_gives_the_same_bytes_while_the_chain_grows_and_people_are_erased(scenario):
    await scenario.live_through_everything()
    [head] = await scenario.fetch("SELECT size FROM head")
    heights = [1, 2, head["size"] // 2, head["size"]]
    async with scenario.service.client() as anyone:

        async def all_of_them() -> dict[tuple[str, int], bytes]:
            return {
                (path, height): (await anyone.get(path, params={"height": height})).content
                for path in ALL
                for height in heights
            }

        before = await all_of_them()
        await scenario.donate("7.00")
        award = scenario.award("3.00")
        await scenario.service.deliver(award)
        await scenario.set_account()
        await scenario.service.deliver(scenario.approval(award))
        await scenario.settle()
        assert await all_of_them() == before
        for person in (scenario.applicant, scenario.admin, scenario.other_admin):
            await scenario.service.deliver(UserErased(user_id=person))
        assert await all_of_them() == before
        for height in heights:
            assert before[CSV, heights[-1]].startswith(before[CSV, height]), "a file of movements only gets longer"
            assert before[PREIMAGES, heights[-1]].startswith(before[PREIMAGES, height])


async def test_without_a_height_the_answer_is_that_of_the_tip_and_says_where_it_stays(lived, anyone):
    [head] = await lived.fetch("SELECT size FROM head")
    for path in ALL:
        now = await anyone.get(path)
        assert now.status_code == 200
        assert now.headers["impactnet-height"] == str(head["size"])
        assert now.headers["content-location"] == f"{path}?height={head['size']}"
        assert now.headers["cache-control"] == "public, max-age=10"
        pinned = await anyone.get(now.headers["content-location"])
        assert pinned.content == now.content
        assert pinned.headers["etag"] == now.headers["etag"]
        assert not pinned.headers["etag"].startswith("W/")
        assert pinned.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_height_beyond_the_tip_or_no_height_at_all_is_told_so(lived, anyone):
    [head] = await lived.fetch("SELECT size FROM head")
    for path in ALL:
        beyond = await anyone.get(path, params={"height": head["size"] + 1})
        assert (beyond.status_code, beyond.headers["content-type"]) == (422, "application/problem+json")
        assert [(error["field"], error["code"]) for error in beyond.json()["errors"]] == [("height", "beyond_tip")]
        for query in ({"height": 0}, {"height": -1}, {"height": "x"}, {"height": 2**63}, {"color": "red"}):
            assert (await anyone.get(path, params=query)).status_code == 422, query
        assert (await anyone.post(path)).status_code == 405


async def test_what_a_client_has_is_not_sent_again_and_head_says_all_but_the_file(anyone):
    for path in ALL:
        full = await anyone.get(path, params={"height": 5})
        known = await anyone.get(path, params={"height": 5}, headers={"If-None-Match": full.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        assert known.headers["cache-control"] == full.headers["cache-control"]
        other = await anyone.get(path, params={"height": 4}, headers={"If-None-Match": full.headers["etag"]})
        assert other.status_code == 200
        head = await anyone.head(path, params={"height": 5})
        assert (head.status_code, head.content) == (200, b"")
        differing = {"x-request-id"}
        assert {name: value for name, value in head.headers.items() if name not in differing} == {
            name: value for name, value in full.headers.items() if name not in differing
        }


async def test_whoever_asks_for_gzip_gets_the_same_file_packed_under_a_tag_of_its_own(anyone):
    for path in ALL:
        plain = await anyone.get(path, params={"height": 9})
        assert "content-encoding" not in plain.headers
        packed = await anyone.get(path, params={"height": 9}, headers={"Accept-Encoding": "br;q=1.0, gzip;q=0.8"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content
        assert packed.headers["etag"] != plain.headers["etag"]
        assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
        for refusal in ("gzip;q=0", "identity", "gzip;q=x", "*", "br"):
            answer = await anyone.get(path, params={"height": 9}, headers={"Accept-Encoding": refusal})
            assert "content-encoding" not in answer.headers, refusal


async def test_the_csv_file_holds_every_movement_of_money_and_nobody_s_formula(lived, anyone):
    content = (await anyone.get(CSV)).content
    blocks = await lived.fetch("SELECT * FROM blocks WHERE data ? 'postings' ORDER BY block_index")
    rows = rows_of(content)
    assert [int(row["block_index"]) for row in rows] == [block["block_index"] for block in blocks]
    assert [row["hash"] for row in rows] == [block["hash"] for block in blocks]
    assert {row["transaction_type"] for row in rows} >= {
        "donation", "commitment", "decommitment", "disbursement", "refund", "reversal"
    }  # fmt: skip
    assert content.count(b"\r\n") == content.count(b"\n") == len(rows) + 1
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    lines = await lived.fetch("SELECT account, sum(amount) AS total FROM postings GROUP BY account")
    totals = {line["account"]: 0.0 for line in lines}
    for row in rows:
        totals[row["from_account"]] -= float(row["amount"])
        totals[row["to_account"]] += float(row["amount"])
    assert {account: round(total, 2) for account, total in totals.items()} == {
        line["account"]: float(line["total"]) for line in lines
    }


async def test_the_package_of_grants_is_valid_against_the_schema_that_360giving_publishes(lived, anyone):
    opened = await lived.fetch(
        "SELECT block_index FROM blocks WHERE transaction_type = 'commitment' ORDER BY block_index"
    )
    [head] = await lived.fetch("SELECT size FROM head")
    # From the block of the first award on: a package without a grant is none.
    for height in range(opened[0]["block_index"] + 1, head["size"] + 1):
        package = (await anyone.get(GRANTS, params={"height": height})).json()
        assert package["grants"]
        assert complaints(PUBLISHED, package) == []
        assert complaints(OWN_RULES, package) == []


async def test_grants_add_up_to_what_the_statistics_say(anyone):
    package = (await anyone.get(GRANTS)).json()
    totals = (await anyone.get("/api/v1/blockchain/stats/")).json()["totals"]["NGN"]
    grants = package["grants"]
    assert len({grant["id"] for grant in grants}) == len(grants)
    assert f"{sum(grant['amountAwarded'] for grant in grants):.2f}" == totals["committed"]
    assert f"{sum(grant['amountDisbursed'] for grant in grants):.2f}" == totals["disbursed"]
    for grant in grants:
        assert sum(each["value"] for each in grant["commitmentTransaction"]) == grant["amountAwarded"]
        assert sum(each["value"] for each in grant["disbursementTransaction"]) == grant["amountDisbursed"]
    assert any(each["value"] < 0 for grant in grants for each in grant["disbursementTransaction"]), "a reversal"
    assert any(each["value"] < 0 for grant in grants for each in grant["commitmentTransaction"]), "a release"


async def test_the_lines_of_the_dump_are_the_blocks_bytes(lived, anyone):
    content = (await anyone.get(PREIMAGES, params={"height": 7})).content
    blocks = await lived.fetch("SELECT preimage FROM blocks WHERE block_index < 7 ORDER BY block_index")
    assert content == b"".join(block["preimage"] + b"\n" for block in blocks)


async def test_an_export_of_a_chain_with_a_gap_breaks_off_instead_of_ending(scenario):
    await scenario.donate("1.00")
    await scenario.donate("2.00")
    scenario.is_sound = False
    await scenario.fetch("ALTER TABLE blocks DISABLE TRIGGER ALL")
    await scenario.fetch("ALTER TABLE postings DISABLE TRIGGER ALL")
    await scenario.fetch("DELETE FROM postings WHERE block_index = 2")
    await scenario.fetch("DELETE FROM blocks WHERE block_index = 2")
    source = ExportReader(scenario.service.api.database)
    for write in (export_csv, export_grants, export_preimages):
        with pytest.raises(ChainGapError):
            [piece async for piece in write(source, 4)]
    async with scenario.service.client() as anyone:
        answer = await anyone.get(PREIMAGES, params={"height": 3})
        assert answer.status_code == 500, "not even a beginning: the last block is looked up first"
