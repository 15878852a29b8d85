"""Every public read: its shape is the one described, and it is cached as long as it may be and no longer."""

from dataclasses import replace
from typing import Any

import pytest

from chassis.ids import new_id
from chassis.testing.harness import running_service
from ledger.api import shapes
from ledger.api.beneficiaries import BeneficiaryAnswer
from ledger.bootstrap import SERVICE
from ledger.domain.transactions import TransactionType

IMMUTABLE = "public, max-age=31536000, immutable"
FRESH = "public, max-age=10"
ASK_FIRST = "public, max-age=10, no-cache"
CHAIN = "/api/v1/blockchain"


@pytest.fixture
async def lived(whole_history, shared_urls):
    """A running service on a ledger that has lived through everything."""
    async with running_service(SERVICE, shared_urls) as service:
        made = replace(whole_history, service=service)
        [page] = await made.fetch("SELECT * FROM beneficiaries WHERE amount_received > 0 LIMIT 1")
        async with service.client(page["user_id"]) as me:
            story = {"story": "Two machines.", "display_name": "Amina", "is_public": True}
            assert (await me.patch(f"/api/v1/beneficiaries/{page['beneficiary_id']}/", json=story)).status_code == 200
        yield made


async def public_reads(lived: Any) -> dict[str, tuple[str, type[shapes.Shape] | None]]:
    """Path -> how long it is kept, and the shape of its body where it is JSON."""
    [signed] = await lived.fetch("SELECT max(size) AS size FROM checkpoints")
    [block] = await lived.fetch(
        "SELECT hash, transaction_id FROM blocks WHERE transaction_type = 'donation' ORDER BY block_index LIMIT 1"
    )
    [shown] = await lived.fetch("SELECT beneficiary_id AS id FROM beneficiaries WHERE is_public")
    last = (signed["size"] - 1) // 2
    return {
        f"{CHAIN}/chain/": (FRESH, shapes.ChainShape),
        f"{CHAIN}/chain/?from_index=3&limit=100": (FRESH, shapes.ChainShape),
        f"{CHAIN}/blocks/0/": (FRESH, shapes.BlockShape),
        f"{CHAIN}/verify/{block['hash']}/": (FRESH, shapes.VerdictShape),
        f"/api/v1/transactions/blockchain/{block['hash']}/": (FRESH, shapes.BlockByHashShape),
        f"{CHAIN}/graph/": (FRESH, shapes.GraphShape),
        f"{CHAIN}/graph/?program_id={lived.program_id}&depth=3": (FRESH, shapes.GraphShape),
        f"{CHAIN}/trace/{block['transaction_id']}/": (FRESH, shapes.GraphShape),
        f"{CHAIN}/stats/": (FRESH, shapes.StatsShape),
        f"{CHAIN}/integrity/": (FRESH, shapes.IntegrityShape),
        f"{CHAIN}/checkpoint/": (FRESH, None),
        f"{CHAIN}/tiles/checkpoint": (FRESH, None),
        f"{CHAIN}/tiles/tile/0/000.p/{last}": (IMMUTABLE, None),
        f"{CHAIN}/tiles/tile/entries/000.p/{last}": (IMMUTABLE, None),
        f"{CHAIN}/proofs/inclusion/{block['hash']}/": (FRESH, shapes.InclusionShape),
        f"{CHAIN}/proofs/inclusion/{block['hash']}/?format=tlog-proof": (FRESH, None),
        f"{CHAIN}/proofs/consistency/?from=1&to={last}": (IMMUTABLE, shapes.ConsistencyShape),
        "/.well-known/impactnet-ledger.vkey": (FRESH, None),
        "/api/v1/beneficiaries/": (ASK_FIRST, None),
        f"/api/v1/beneficiaries/{shown['id']}/": (ASK_FIRST, None),
        f"/api/v1/beneficiaries/{shown['id']}/impact/": (ASK_FIRST, shapes.ImpactShape),
    }


async def test_every_public_read_is_cached_as_long_as_it_may_be_and_not_sent_twice(lived):
    async with lived.service.client() as anyone:
        for path, (cache, _) in (await public_reads(lived)).items():
            full = await anyone.get(path)
            assert (full.status_code, full.headers["cache-control"]) == (200, cache), path
            assert full.headers["etag"].startswith('"'), path
            known = await anyone.get(path, headers={"If-None-Match": f'"other", {full.headers["etag"]}'})
            assert (known.status_code, known.content) == (304, b""), path
            assert known.headers["etag"] == full.headers["etag"]
            assert known.headers["cache-control"] == cache
            other = await anyone.get(path, headers={"If-None-Match": '"other"'})
            assert (other.status_code, other.content) == (200, full.content), path


async def test_no_public_read_ignores_a_parameter_that_it_does_not_have(lived):
    async with lived.service.client() as anyone:
        for path in await public_reads(lived):
            answer = await anyone.get(f"{path}{'&' if '?' in path else '?'}color=red")
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), path
            errors = answer.json()["errors"]
            assert [(error["field"], error["code"]) for error in errors] == [("color", "extra_forbidden")], path
            assert "max-age" not in answer.headers.get("cache-control", ""), path


async def test_bodies_have_exactly_the_shapes_that_the_openapi_document_describes(lived):
    async with lived.service.client() as anyone:
        for path, (_, shape) in (await public_reads(lived)).items():
            if shape is not None:
                shape.model_validate((await anyone.get(path)).json())
        as_json = await anyone.get(f"{CHAIN}/checkpoint/", headers={"Accept": "application/json"})
        shapes.CheckpointShape.model_validate(as_json.json())
        listed = (await anyone.get("/api/v1/beneficiaries/")).json()
        assert all(set(item) == set(BeneficiaryAnswer.model_fields) for item in listed["items"])
        assert listed["items"]
        document = (await anyone.get("/openapi.json")).json()
    described = {
        path: item["get"]["responses"]["200"].get("content", {})
        for path, item in document["paths"].items()
        if "get" in item and not item["get"].get("security") and not path.startswith(("/health", "/metrics"))
    }
    for path, content in described.items():
        assert content, path
        for media_type, answer in content.items():
            assert answer["schema"], (path, media_type)
    for path in ("export.csv", "export.360giving.json"):
        assert {"get", "head"} <= set(document["paths"][f"/api/v1/transactions/{path}"])


async def test_the_document_describes_my_own_list_and_what_is_said_of_a_token_that_does_not_count(lived):
    [page] = await lived.fetch("SELECT user_id FROM beneficiaries WHERE is_public")
    document = lived.service.app.openapi()
    content = document["paths"]["/api/v1/beneficiaries/"]["get"]["responses"]["200"]["content"]
    pages = [each["$ref"].rpartition("/")[2] for each in content["application/json"]["schema"]["anyOf"]]
    schemas = document["components"]["schemas"]
    described = [schemas[schemas[each]["properties"]["items"]["items"]["$ref"].rpartition("/")[2]] for each in pages]
    path = "/api/v1/beneficiaries/"
    async with lived.service.client(page["user_id"]) as me, lived.service.client() as anyone:
        for asked in (f"{path}?mine=true", path):
            [item, *_] = (await me.get(asked)).json()["items"]
            assert set(item) in [set(each["properties"]) for each in described], asked
        for template in (path, f"{path}{{beneficiary_id}}/", f"{path}{{beneficiary_id}}/impact/"):
            asked = template.format(beneficiary_id=new_id())
            answer = await anyone.get(asked, headers={"Authorization": "Bearer expired"})
            assert answer.status_code == 401
            assert "401" in document["paths"][template]["get"]["responses"], template


async def test_a_block_is_shown_with_the_transaction_that_it_booked(lived):
    """A return's too, although it names the payment that came back; a step on the way leads to its payment."""
    booked = await lived.fetch("SELECT id, transaction_type, blockchain_hash AS hash FROM transactions")
    assert {row["transaction_type"] for row in booked} == set(TransactionType)
    sent = await lived.fetch("SELECT hash, data FROM blocks WHERE data->>'step' = 'sent'")
    async with lived.service.client() as anyone:
        for row in booked:
            answer = (await anyone.get(f"/api/v1/transactions/blockchain/{row['hash']}/")).json()
            assert answer["transaction"]["id"] == str(row["id"]), row["transaction_type"]
            assert answer["transaction"]["blockchain_hash"] == answer["block"]["hash"] == row["hash"]
            assert answer["transaction"]["previous_block_hash"] == answer["block"]["previous_hash"]
        for block in sent:
            answer = (await anyone.get(f"/api/v1/transactions/blockchain/{block['hash']}/")).json()
            assert answer["transaction"]["id"] == answer["block"]["data"]["transaction_id"]


async def test_a_consent_withdrawn_shows_at_the_next_request_even_to_a_cache_that_has_the_page(lived):
    [page] = await lived.fetch("SELECT beneficiary_id AS id, user_id FROM beneficiaries WHERE is_public")
    path = f"/api/v1/beneficiaries/{page['id']}/"
    async with lived.service.client() as anyone, lived.service.client(page["user_id"]) as me:
        kept = {each: await anyone.get(each) for each in (path, f"{path}impact/", "/api/v1/beneficiaries/")}
        assert all("no-cache" in answer.headers["cache-control"] for answer in kept.values())
        assert (await me.patch(path, json={"is_public": False})).status_code == 200
        for each, answer in kept.items():
            asked = await anyone.get(each, headers={"If-None-Match": answer.headers["etag"]})
            assert asked.status_code == (404 if each.startswith(path) else 200), each
            assert "Amina" not in asked.text
        own = await me.get(path)
        assert (own.json()["display_name"], own.headers["cache-control"]) == ("Amina", "private, no-cache")
        assert (await me.patch(path, json={"is_public": True})).status_code == 200
        assert "Amina" in (await anyone.get(path)).text


async def test_the_owner_and_everybody_else_never_share_a_tag(lived):
    [page] = await lived.fetch("SELECT beneficiary_id AS id, user_id FROM beneficiaries WHERE is_public")
    path = f"/api/v1/beneficiaries/{page['id']}/"
    async with lived.service.client() as anyone, lived.service.client(page["user_id"]) as me:
        own, public = await me.get(path), await anyone.get(path)
        assert "user_id" in own.json()
        assert "user_id" not in public.json()
        assert own.headers["etag"] != public.headers["etag"]
        stranger = await anyone.get(path, headers={"If-None-Match": own.headers["etag"]})
        assert stranger.status_code == 200


async def test_a_beneficiary_is_complete_on_the_day_the_last_of_the_award_was_paid(scenario):
    await scenario.donate("100.00")
    award = scenario.award("40.00", "20.00")
    await scenario.service.deliver(award)
    await scenario.set_account()

    async def mine() -> Any:
        async with scenario.service.client(scenario.applicant) as me:
            [item] = (await me.get("/api/v1/beneficiaries/", params={"mine": "true"})).json()["items"]
            one = await me.get(f"/api/v1/beneficiaries/{item['id']}/")
            assert one.json()["completion_date"] == item["completion_date"]
            return item["amount_received"], item["completion_date"], one.headers["etag"]

    assert (await mine())[:2] == ("0.00", None)
    for tranche in (0, 1):
        await scenario.service.deliver(scenario.approval(award, tranche))
        await scenario.settle()
        amount, completed, etag = await mine()
        assert (amount, completed is not None) == (("40.00", False), ("60.00", True))[tranche]
    [paid] = await scenario.fetch("SELECT max(completed_at) AS at FROM transactions WHERE status = 'completed'")
    assert completed == paid["at"].date().isoformat()
    [page] = await scenario.fetch("SELECT beneficiary_id AS id FROM beneficiaries")
    async with scenario.service.client(scenario.applicant) as me:
        path = f"/api/v1/beneficiaries/{page['id']}/"
        assert (await me.patch(path, json={"story": "Done."}, headers={"If-Match": etag})).status_code == 200
        assert (await me.patch(path, json={"story": "Again."}, headers={"If-Match": etag})).status_code == 412


async def test_nothing_is_shown_of_those_who_never_consented(scenario):
    await scenario.donate("100.00")
    award = scenario.award("40.00")
    await scenario.service.deliver(award)
    [page] = await scenario.fetch("SELECT beneficiary_id AS id FROM beneficiaries")
    path = f"/api/v1/beneficiaries/{page['id']}/"
    async with scenario.service.client() as anyone, scenario.service.client(new_id()) as stranger:
        for client in (anyone, stranger):
            assert (await client.get("/api/v1/beneficiaries/")).json() == {"items": [], "next_cursor": None}
            by_program = {"program_id": str(scenario.program_id)}
            assert (await client.get("/api/v1/beneficiaries/", params=by_program)).json()["items"] == []
            for each in (path, f"{path}impact/"):
                assert (await client.get(each)).status_code == 404
        assert (await stranger.patch(path, json={"is_public": True})).status_code == 404
        assert (await anyone.get("/api/v1/beneficiaries/", params={"mine": "true"})).status_code == 401
