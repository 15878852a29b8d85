"""The contract over HTTP: who may do what, what bad input is told, what is cached."""

from services.ledger.tests.scenario import Scenario

from chassis.ids import new_id
from chassis.testing.harness import running_service
from contracts.identity import UserErased
from ledger.bootstrap import SERVICE


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


async def test_a_donation_that_breaks_a_rule_is_told_which_and_leaves_nothing(scenario):
    right = {"program_id": str(scenario.program_id), "amount": "10.00", "currency": "NGN"}
    broken: list[tuple[str, object]] = [
        ("amount", "0.00"), ("amount", "-5.00"), ("amount", "1.001"), ("amount", "9" * 20), ("amount", 10),
        ("currency", "USD"), ("earmark", "schools"), ("program_id", "nothing"), ("surprise", 1),
    ]  # fmt: skip
    async with scenario.service.client(new_id()) as client:
        for field, value in broken:
            answer = await client.post("/api/v1/transactions/donations/", json=right | {field: value}, headers=keyed())
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), field
            assert field in [error["field"] for error in answer.json()["errors"]]
    assert not await scenario.fetch("SELECT * FROM transactions")


async def test_money_needs_a_token_and_a_key_and_a_known_programme(scenario):
    body = {"program_id": str(scenario.program_id), "amount": "10.00", "currency": "NGN"}
    path = "/api/v1/transactions/donations/"
    async with scenario.service.client() as nobody:
        assert (await nobody.post(path, json=body, headers=keyed())).status_code == 401
    async with scenario.service.client(new_id()) as client:
        assert (await client.post(path, json=body)).json()["code"] == "idempotency_key_required"
        unknown = await client.post(path, json=body | {"program_id": str(new_id())}, headers=keyed())
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
        behalf = body | {"on_behalf_of": {"name": "Acme", "reference": "ACME-1"}}
        assert (await client.post(path, json=behalf, headers=keyed())).status_code == 403
    assert not await scenario.fetch("SELECT * FROM transactions")


async def test_a_repeated_key_gives_the_same_donation_and_another_payload_is_refused(scenario):
    body = {"program_id": str(scenario.program_id), "amount": "10.00", "currency": "NGN"}
    headers = keyed()
    async with scenario.service.client(new_id()) as client:
        first = await client.post("/api/v1/transactions/donations/", json=body, headers=headers)
        again = await client.post("/api/v1/transactions/donations/", json=body, headers=headers)
        assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
        other = await client.post("/api/v1/transactions/donations/", json=body | {"amount": "11.00"}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await scenario.fetch("SELECT * FROM transactions")) == 1


async def test_donations_of_one_organisation_have_one_donor_whose_name_is_sealed(scenario):
    for _ in range(2):
        await scenario.donate("5.00", on_behalf_of={"name": "Acme Foundation", "reference": "ACME-1"})
    [donor] = await scenario.fetch("SELECT * FROM donors")
    assert b"Acme" not in donor["sealed_name"]
    rows = await scenario.fetch("SELECT data FROM blocks WHERE transaction_type = 'donation'")
    assert all(str(donor["donor_id"]) in row["data"] and "Acme" not in row["data"] for row in rows)


async def test_where_money_is_real_no_admin_makes_some_by_saying_that_it_came_through_the_sandbox(urls):
    async with running_service(SERVICE, urls, donation_rail="manual") as service:
        real = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await real.create_program()
        body = {"program_id": str(real.program_id), "amount": "10.00", "currency": "NGN", "rail": "sandbox"}
        async with service.client(real.admin, "admin") as admin:
            answer = await admin.post("/api/v1/transactions/donations/", json=body, headers=keyed())
        assert (answer.status_code, answer.json()["code"]) == (422, "rail_unavailable")
        assert not await real.fetch("SELECT * FROM transactions")


async def test_a_transfer_is_credited_once_a_second_admin_with_a_fresh_step_up_confirms_it(scenario):
    body = {"program_id": str(scenario.program_id), "amount": "10.00", "currency": "NGN", "rail": "manual"}
    async with scenario.service.client(scenario.admin, "admin") as recorder:
        made = (await recorder.post("/api/v1/transactions/donations/", json=body, headers=keyed())).json()
        path = f"/api/v1/transactions/{made['id']}/confirm/"
        same = await recorder.post(path, json={}, headers=keyed())
        assert (same.status_code, same.json()["code"]) == (403, "same_person")
    async with scenario.service.client(new_id(), "member") as member:
        assert (await member.post(path, json={}, headers=keyed())).status_code == 403
    async with scenario.service.client(scenario.other_admin, "admin", auth_age_seconds=301) as stale:
        answer = await stale.post(path, json={}, headers=keyed())
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
    await scenario.service.tick("credit_donations")
    assert "donation" not in await scenario.blocks()
    async with scenario.service.client(scenario.other_admin, "admin") as second:
        assert (await second.post(path, json={})).json()["code"] == "idempotency_key_required"
        assert (await second.post(path, json={}, headers=keyed())).status_code == 202
        async with scenario.service.client(new_id(), "admin") as third:
            late = await third.post(path, json={}, headers=keyed())
        assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "illegal_state", "pending")
        [payment] = await scenario.fetch("SELECT confirmed_by FROM payments")
        assert payment["confirmed_by"] == scenario.other_admin
        await scenario.service.tick("credit_donations")
        assert (await second.get(f"/api/v1/transactions/{made['id']}/")).json()["status"] == "completed"
        done = await second.post(path, json={}, headers=keyed())
        assert (done.status_code, done.json()["state"]) == (409, "completed")


async def test_the_sandbox_needs_no_confirmation_and_says_so(scenario):
    donation = await scenario.donate("1.00")
    async with scenario.service.client(scenario.other_admin, "admin") as admin:
        answer = await admin.post(f"/api/v1/transactions/{donation['id']}/confirm/", json={}, headers=keyed())
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_state")


async def test_another_users_transaction_is_not_found(scenario):
    donation = await scenario.donate("1.00")
    async with scenario.service.client(new_id()) as stranger:
        assert (await stranger.get(f"/api/v1/transactions/{donation['id']}/")).status_code == 404
        assert (await stranger.get("/api/v1/transactions/")).json() == {"items": [], "next_cursor": None}
    async with scenario.service.client(scenario.other_admin, "admin") as admin:
        assert (await admin.get(f"/api/v1/transactions/{donation['id']}/")).status_code == 200


async def test_lists_are_paged_newest_first_and_refuse_unknown_filters(scenario):
    made = [(await scenario.donate(f"{number}.00"))["id"] for number in range(1, 6)]
    async with scenario.service.client(scenario.admin, "admin") as admin:
        seen, cursor = [], None
        while True:
            page = (
                await admin.get("/api/v1/transactions/", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            ).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == made[::-1]
        for query in ({"color": "red"}, {"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"status": "lost"}):
            assert (await admin.get("/api/v1/transactions/", params=query)).status_code == 422, query


async def test_my_account_is_kept_encrypted_shown_masked_and_versioned(scenario):
    async with scenario.service.client(scenario.applicant) as client:
        assert (await client.get("/api/v1/payees/me/")).status_code == 404
        await scenario.set_account("1234567890")
        shown = (await client.get("/api/v1/payees/me/")).json()
        assert shown == {
            "id": shown["id"], "bank_code": "058", "account_last4": "7890", "account_name": "Amina B",
            "currency": "NGN", "version": 1,
        }  # fmt: skip
        await scenario.set_account("0000000001")
        assert (await client.get("/api/v1/payees/me/")).json()["version"] == 2
        for bad in ("123", "12345678901", "123456789x", ""):
            body = {"bank_code": "058", "account_number": bad, "account_name": "A", "currency": "NGN"}
            assert (await client.put("/api/v1/payees/me/", json=body)).status_code == 422
    [row] = await scenario.fetch("SELECT * FROM payees")
    assert b"0000000001" not in row["sealed_account"]
    assert b"Amina" not in row["sealed_account"]


async def test_a_beneficiary_is_shown_only_while_they_consent(scenario):
    await scenario.donate("100.00")
    await scenario.service.deliver(scenario.award("60.00"))
    public = "/api/v1/beneficiaries/"
    async with scenario.service.client() as anyone, scenario.service.client(scenario.applicant) as me:
        assert (await anyone.get(public)).json()["items"] == []
        [mine] = (await me.get(public, params={"mine": True})).json()["items"]
        path = f"{public}{mine['id']}/"
        assert (await anyone.get(path)).status_code == 404
        story = {"story": "Two machines now.", "display_name": "Amina", "is_public": True}
        etag = (await me.get(path)).headers["etag"]
        changed = await me.patch(path, json=story, headers={"If-Match": etag})
        assert (changed.status_code, changed.json()["story"]) == (200, "Two machines now.")
        assert (await me.patch(path, json=story, headers={"If-Match": etag})).status_code == 412
        [shown] = (await anyone.get(public)).json()["items"]
        assert (shown["display_name"], shown["amount_received"]) == ("Amina", "0.00")
        assert "user_id" not in shown
        assert (await anyone.get(f"{path}impact/")).json()["disbursements"] == []
        await me.patch(path, json={"is_public": False})
        assert (await anyone.get(public)).json()["items"] == []
        assert (await anyone.get(path)).status_code == 404
    async with scenario.service.client(scenario.admin, "admin") as admin:
        assert (await admin.patch(path, json={"is_public": True})).status_code == 404
    consents = await scenario.fetch("SELECT given FROM beneficiary_consents ORDER BY created_at")
    assert [row["given"] for row in consents] == [True, False]
    [row] = await scenario.fetch("SELECT sealed_page FROM beneficiaries")
    assert b"machines" not in row["sealed_page"]


async def test_after_erasure_nothing_leads_to_the_person_and_the_chain_verifies(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    await scenario.service.deliver(UserErased(user_id=scenario.applicant))
    for table in ("transactions", "awards", "beneficiaries", "payees", "donors"):
        rows = await scenario.fetch(f"SELECT * FROM {table} WHERE user_id = $1", scenario.applicant)
        assert not rows, table
    [key] = await scenario.fetch("SELECT wrapped_key FROM subject_keys WHERE subject_id = $1", scenario.applicant)
    assert key["wrapped_key"] is None
    assert (await scenario.verifier.verify()).ok
    async with scenario.service.client(scenario.admin, "admin") as admin:
        items = (await admin.get("/api/v1/transactions/", params={"transaction_type": "disbursement"})).json()["items"]
    assert [item["recipient"] for item in items] == [None]


async def test_before_anything_moved_the_totals_are_there_and_zero(scenario):
    async with scenario.service.client() as anyone:
        stats = (await anyone.get("/api/v1/blockchain/stats/")).json()
    zeros = dict.fromkeys(("received", "committed", "disbursed", "refunded"), "0.00")
    assert stats["totals"] == {"NGN": zeros}


async def test_statistics_graph_and_trace_tell_where_the_money_went(scenario):
    first, second = await scenario.donate("50.00"), await scenario.donate("50.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    async with scenario.service.client() as anyone:
        stats = (await anyone.get("/api/v1/blockchain/stats/")).json()
        assert stats["totals"]["NGN"] == {
            "received": "100.00", "committed": "60.00", "disbursed": "60.00", "refunded": "0.00"
        }  # fmt: skip
        assert (stats["height"], stats["blocks"]["donation"], stats["beneficiaries"]) == (7, 2, 1)
        graph = (await anyone.get("/api/v1/blockchain/graph/", params={"program_id": str(scenario.program_id)})).json()
        [paid] = [node for node in graph["nodes"] if node["type"] == "disbursement"]
        assert {(link["source"], link["target"], link["amount"]) for link in graph["links"]} == {
            (first["id"], paid["id"], "50.00"),
            (second["id"], paid["id"], "10.00"),
        }
        assert graph["truncated"] is False
        forward = (await anyone.get(f"/api/v1/blockchain/trace/{second['id']}/")).json()
        assert [link["amount"] for link in forward["links"]] == ["10.00"]
        backward = (
            await anyone.get(f"/api/v1/blockchain/trace/{paid['id']}/", params={"direction": "backward"})
        ).json()
        assert sorted(node["id"] for node in backward["nodes"]) == sorted([first["id"], second["id"], paid["id"]])
        integrity = (await anyone.get("/api/v1/blockchain/integrity/")).json()
        assert integrity["programs"] == [
            {"program_id": str(scenario.program_id), "currency": "NGN", "available": "40.00", "committed": "0.00"}
        ]
        assert (integrity["unbalanced_entries"], integrity["unreconciled_payments"]) == (0, 0)
        by_hash = (await anyone.get(f"/api/v1/transactions/blockchain/{first['blockchain_hash']}/")).json()
        assert (by_hash["valid"], by_hash["transaction"]["id"]) == (True, first["id"])
        assert str(scenario.admin) not in str(by_hash)


async def test_public_reads_are_cached_and_unknown_things_are_not_found(scenario):
    async with scenario.service.client() as anyone:
        for path in ("chain/", "blocks/0/", "stats/", "graph/", "integrity/"):
            answer = await anyone.get(f"/api/v1/blockchain/{path}")
            assert answer.status_code == 200
            assert "max-age" in answer.headers["cache-control"]
            known = {"If-None-Match": answer.headers["etag"]}
            assert (await anyone.get(f"/api/v1/blockchain/{path}", headers=known)).status_code == 304
        for path in (
            "blocks/99/", "blocks/-1/", f"blocks/{2**70}/", "blocks/x/", f"verify/{'0' * 64}/", "verify/x/",
            f"trace/{new_id()}/", f"proofs/inclusion/{'0' * 64}/",
        ):  # fmt: skip
            assert (await anyone.get(f"/api/v1/blockchain/{path}")).status_code == 404, path
        for path in ("chain/?from_index=-1", "chain/?limit=1000", "graph/?depth=0", "graph/?color=red"):
            assert (await anyone.get(f"/api/v1/blockchain/{path}")).status_code == 422, path


async def test_the_chain_is_read_page_by_page_from_any_index(scenario):
    for number in range(1, 4):
        await scenario.donate(f"{number}.00")
    async with scenario.service.client() as anyone:
        page = (await anyone.get("/api/v1/blockchain/chain/", params={"from_index": 1, "limit": 2})).json()
        assert [block["block_index"] for block in page["items"]] == [1, 2]
        rest = (
            await anyone.get("/api/v1/blockchain/chain/", params={"limit": 2, "cursor": page["next_cursor"]})
        ).json()
        assert ([block["block_index"] for block in rest["items"]], rest["next_cursor"]) == ([3, 4], None)
        beyond = (await anyone.get("/api/v1/blockchain/chain/", params={"from_index": 99})).json()
        assert beyond == {"items": [], "next_cursor": None}
