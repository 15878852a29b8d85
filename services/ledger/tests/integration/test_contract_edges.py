"""What the contract's sentences mean at their edges: lists of tags, values that are almost right, things not there."""

import hashlib
import hmac
from typing import Any

import pytest
from pydantic import SecretStr
from services.ledger.tests.scenario import ACCOUNT
from services.ledger.tests.statement_samples import TWO_DAYS

from chassis.ids import new_id
from chassis.testing.harness import running_service
from ledger.bootstrap import SERVICE

PAYEE = "/api/v1/payees/me/"
TRANSACTIONS = "/api/v1/transactions/"
PRIVATE = "private, no-cache"


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


async def test_a_stale_account_is_not_written_over(scenario):
    async with scenario.service.client(scenario.applicant) as me:
        for first in ("*", '"v1"'):
            none_yet = await me.put(PAYEE, json=ACCOUNT, headers={"If-Match": first})
            assert (none_yet.status_code, none_yet.json()["code"]) == (412, "stale_version")
        assert not await scenario.fetch("SELECT * FROM payees")
        made = await me.put(PAYEE, json=ACCOUNT)
        etag = made.headers["etag"]
        other = ACCOUNT | {"account_number": "0000000102"}
        changed = await me.put(PAYEE, json=other, headers=[("If-Match", '"v7"'), ("If-Match", etag)])
        assert (changed.status_code, changed.json()["version"], changed.headers["etag"]) == (200, 2, '"v2"')
        for stale in (etag, f"W/{changed.headers['etag']}", "v2", '"v3"'):
            answer = await me.put(PAYEE, json=ACCOUNT, headers={"If-Match": stale})
            assert (answer.status_code, answer.json()["code"]) == (412, "stale_version"), stale
        shown = await me.get(PAYEE)
        assert (shown.json()["account_last4"], shown.json()["version"]) == ("0102", 2)
        assert (await me.put(PAYEE, json=ACCOUNT, headers={"If-Match": "*"})).json()["version"] == 3


async def test_what_is_mine_is_not_sent_twice_and_kept_by_nobody_else(scenario):
    donation = await scenario.donate("10.00")
    await scenario.set_account()
    for client, path in (
        (scenario.service.client(scenario.admin, "admin"), f"{TRANSACTIONS}{donation['id']}/"),
        (scenario.service.client(scenario.applicant), PAYEE),
    ):
        async with client as owner:
            full = await owner.get(path)
            assert (full.status_code, full.headers["cache-control"]) == (200, PRIVATE)
            for tags in (full.headers["etag"], f'"x", W/{full.headers["etag"]}', "*"):
                known = await owner.get(path, headers={"If-None-Match": tags})
                assert (known.status_code, known.content) == (304, b""), tags
            assert (await owner.get(path, headers={"If-None-Match": '"x"'})).content == full.content


async def test_no_cache_keeps_a_refusal_nor_a_list_that_names_people(scenario):
    """A page that is not there yet is there as soon as its owner says so, whatever stands in between."""
    donation = await scenario.donate("10.00")
    headers = {"Content-Type": "application/x-mt940"} | keyed()
    statements = f"{TRANSACTIONS}reconciliation/statements/"
    async with scenario.service.client(scenario.admin, "admin") as admin, scenario.service.client() as anyone:
        sent = (await admin.post(statements, content=TWO_DAYS.encode(), headers=headers)).json()
        for path in (TRANSACTIONS, f"{statements}{sent['id']}/lines/"):
            answer = await admin.get(path)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), path
        for path, status in (
            (f"/api/v1/beneficiaries/{new_id()}/", 404),
            (f"/api/v1/blockchain/trace/{new_id()}/", 404),
            ("/api/v1/blockchain/nothing/", 404),
            ("/api/v1/blockchain/checkpoint/", 409),
            ("/api/v1/blockchain/chain/?limit=0", 422),
            (f"{TRANSACTIONS}export.csv?height=99", 422),
            (f"{TRANSACTIONS}{donation['id']}/", 401),
        ):
            answer = await anyone.get(path)
            assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store"), path


async def test_a_transaction_with_a_receipt_has_another_tag_than_without_one(scenario):
    donation = await scenario.donate("10.00")
    path = f"{TRANSACTIONS}{donation['id']}/"
    async with scenario.service.client(scenario.admin, "admin") as donor:
        before = await donor.get(path)
        await scenario.sign()
        await scenario.service.tick("issue_receipts")
        after = await donor.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert (before.json()["receipt_url"], after.status_code) == (None, 200)
    assert after.json()["receipt_url"] == f"{path}receipt/"


async def test_who_asked_for_a_payment_and_is_no_admin_any_more_sees_nothing_of_it(scenario):
    donation = await scenario.donate("10.00")
    award = scenario.award("5.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    await scenario.sign()
    await scenario.service.tick("issue_receipts")
    [paid] = await scenario.fetch("SELECT id, requested_by FROM transactions WHERE transaction_type = 'disbursement'")
    assert paid["requested_by"] == scenario.admin
    path = f"{TRANSACTIONS}{paid['id']}/"
    async with scenario.service.client(scenario.admin, "member") as demoted:
        own = (await demoted.get(TRANSACTIONS)).json()["items"]
        assert [item["id"] for item in own] == [donation["id"]], "what one gave stays one's own"
        for theirs in (path, f"{path}receipt/"):
            assert (await demoted.get(theirs)).status_code == 404, theirs
    async with scenario.service.client(scenario.applicant) as owner:
        for own_path in (path, f"{path}receipt/"):
            assert (await owner.get(own_path)).status_code == 200, own_path


async def test_consent_is_given_by_true_alone_and_never_by_what_resembles_it(scenario):
    await scenario.donate("10.00")
    await scenario.service.deliver(scenario.award("5.00"))
    [page] = await scenario.fetch("SELECT beneficiary_id AS id, version FROM beneficiaries")
    path = f"/api/v1/beneficiaries/{page['id']}/"
    async with scenario.service.client(scenario.applicant) as me:
        for almost in ("yes", "true", 1, 0, None, [True]):
            answer = await me.patch(path, json={"is_public": almost, "display_name": "Amina"})
            assert answer.status_code == 422, almost
            assert [error["field"] for error in answer.json()["errors"]] == ["is_public"]
        assert await scenario.fetch("SELECT * FROM beneficiary_consents") == []
        assert (await me.patch(path, json={"is_public": True})).json()["is_public"] is True
        kept = (await me.patch(path, json={"display_name": "Amina"})).json()
        assert (kept["is_public"], kept["display_name"]) == (True, "Amina")


async def test_a_number_or_a_parameter_has_one_spelling_and_comes_once(scenario):
    donation = await scenario.donate("10.00")
    await scenario.sign()
    async with scenario.service.client(scenario.admin, "admin") as admin:
        for path, field in (
            ("/api/v1/blockchain/chain/?limit=1_0", "limit"),
            ("/api/v1/blockchain/chain/?limit=1.0", "limit"),
            ("/api/v1/blockchain/chain/?from_index=%201", "from_index"),
            ("/api/v1/blockchain/chain/?from_index=1&from_index=2", "from_index"),
            ("/api/v1/blockchain/graph/?depth=01", "depth"),
            ("/api/v1/blockchain/proofs/consistency/?from=1&from=2&to=2", "from"),
            ("/api/v1/blockchain/proofs/consistency/?from=1.0&to=2", "from"),
            (f"/api/v1/blockchain/trace/{donation['id']}/?direction=forward&direction=backward", "direction"),
            (f"{TRANSACTIONS}?status=pending&status=completed", "status"),
            (f"{TRANSACTIONS}export.csv?height=1.0", "height"),
            (f"{TRANSACTIONS}export.csv?height=1&height=2", "height"),
            ("/api/v1/beneficiaries/?mine=true&mine=false", "mine"),
        ):
            answer = await admin.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), path
            assert [error["field"] for error in answer.json()["errors"]] == [field], path
        for index in ("1.0", "+1", "01", "1_0", "%201", "-0", "0x1"):
            answer = await admin.get(f"/api/v1/blockchain/blocks/{index}/")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), index


async def test_every_422_says_which_field(scenario):
    await scenario.sign()
    body = {"program_id": str(scenario.program_id), "amount": "1.00", "currency": "NGN", "rail": "paystack"}
    async with scenario.service.client(scenario.admin, "admin") as admin:
        asked: list[tuple[Any, str, str]] = [
            (await admin.post(f"{TRANSACTIONS}donations/", json=body, headers=keyed()), "rail", "rail_unavailable"),
            (await admin.get("/api/v1/blockchain/proofs/consistency/?from=2&to=1"), "from", "bad_proof"),
            (await admin.get("/api/v1/blockchain/proofs/consistency/?from=1&to=99"), "to", "beyond_tip"),
            (
                await admin.get(f"{TRANSACTIONS}reconciliation/report/?date=2026-11-24&height=99"),
                "height",
                "beyond_tip",
            ),
        ]
    for answer, field, code in asked:
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


@pytest.mark.parametrize("change", [{"amount": " 10.00"}, {"amount": "10.00\n"}, {"currency": "NGN "}])
async def test_money_is_not_tidied_up(scenario, change):
    body = {"program_id": str(scenario.program_id), "amount": "10.00", "currency": "NGN"} | change
    async with scenario.service.client(new_id()) as client:
        answer = await client.post(f"{TRANSACTIONS}donations/", json=body, headers=keyed())
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == list(change)
    assert not await scenario.fetch("SELECT * FROM transactions")


@pytest.mark.parametrize(("name", "status"), [("x" * 255, 200), ("x" * 256, 422)])
async def test_a_recipients_name_has_255_characters_at_most(scenario, name, status):
    async with scenario.service.client(scenario.applicant) as me:
        answer = await me.put(PAYEE, json=ACCOUNT | {"account_name": name})
        assert answer.status_code == status
        assert (await me.get(PAYEE)).status_code == (200 if status == 200 else 404)


async def test_a_checkpoint_is_json_for_those_who_ask_for_json(scenario):
    await scenario.sign()
    async with scenario.service.client() as anyone:
        for accept, kind in (
            ("*/*", "text/plain"),
            ("text/plain", "text/plain"),
            ("application/json", "application/json"),
            ("Application/JSON;q=0.5, text/html", "application/json"),
            ("text/plain, application/json;q=0", "text/plain"),
            ("application/jsonlines", "text/plain"),
            ("application/json, text/plain, */*", "application/json"),
            ("application/json;q=0.5, */*;q=0.1", "application/json"),
            ("text/plain, application/json;q=0.5", "text/plain"),
            ("application/json;q=0.2, text/*", "text/plain"),
            ("application/json;q=0.2, */*;q=0.3", "text/plain"),
            ("application/json;q=0.000", "text/plain"),
            ("application/json;q=much", "text/plain"),
        ):
            answer = await anyone.get("/api/v1/blockchain/checkpoint/", headers={"Accept": accept})
            assert answer.headers["content-type"].partition(";")[0] == kind, accept
        lines = [("Accept", "text/html"), ("Accept", "application/json")]
        answer = await anyone.get("/api/v1/blockchain/checkpoint/", headers=lines)
        assert answer.headers["content-type"] == "application/json", "a list in several lines is one list"


async def test_a_coding_in_whatever_line_of_the_list_it_stands_is_heard(scenario):
    async with scenario.service.client() as anyone:
        for path in (f"{TRANSACTIONS}export.csv?height=2", "/api/v1/blockchain/export.preimages.jsonl?height=2"):
            lines = [("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")]
            answer = await anyone.get(path, headers=lines)
            assert answer.headers.get("content-encoding") == "gzip", path
            refused = [("Accept-Encoding", "br"), ("Accept-Encoding", "gzip;q=0")]
            assert "content-encoding" not in (await anyone.get(path, headers=refused)).headers, path


async def test_every_401_says_how_to_come_in(scenario):
    async with scenario.service.client() as anyone:
        for path in (TRANSACTIONS, PAYEE, "/api/v1/payments/open/", "/api/v1/beneficiaries/?mine=true"):
            answer = await anyone.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path
            assert answer.headers["www-authenticate"].startswith("Bearer "), path


async def test_a_signed_webhook_of_any_kind_is_kept_whatever_its_words_are(urls, storage):
    secret = "sk_test_of_tests"
    settings = storage | {"paystack_secret_key": SecretStr(secret)}
    async with running_service(SERVICE, urls, **settings) as service, service.client() as provider:
        for word in ("s" * 50, "s" * 51, "s" * 100, "s" * 101, "\\u0000"):
            body = f'{{"event": "customer.changed", "data": {{"status": "{word}"}}}}'.encode()
            signature = hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()
            headers = {"x-paystack-signature": signature, "content-type": "application/json"}
            answer = await provider.post("/api/v1/payments/webhooks/paystack/", content=body, headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"received": True, "repeated": False}), word


async def test_public_reads_answer_head_as_they_answer_get(scenario):
    await scenario.sign()
    async with scenario.service.client() as anyone:
        for path in (
            "/api/v1/blockchain/chain/",
            "/api/v1/blockchain/stats",
            "/api/v1/blockchain/tiles/checkpoint",
            "/api/v1/beneficiaries/",
            "/.well-known/impactnet-ledger.vkey",
            f"{TRANSACTIONS}export.csv?height=2",
        ):
            full, head = await anyone.get(path), await anyone.head(path)
            assert (head.status_code, head.content) == (200, b""), path
            for name in ("etag", "cache-control", "content-type"):
                assert head.headers[name] == full.headers[name], path


async def test_the_document_names_what_is_answered_before_the_first_checkpoint_and_where_nothing_is(scenario):
    paths = scenario.service.app.openapi()["paths"]
    [block] = await scenario.fetch("SELECT hash FROM blocks WHERE block_index = 0")
    async with scenario.service.client(scenario.admin, "admin") as admin:
        for template, path, status in (
            ("/api/v1/blockchain/checkpoint/", None, 409),
            ("/api/v1/blockchain/proofs/inclusion/{block_hash}/", block["hash"], 409),
            ("/api/v1/blockchain/proofs/consistency/", "?from=1&to=1", 409),
            ("/api/v1/blockchain/tiles/{path}", "checkpoint", 409),
            ("/.well-known/impactnet-ledger.policy", None, 404),
            (PAYEE, None, 404),
        ):
            asked = template.partition("{")[0] + (path or "")
            answer = await admin.get(asked)
            named = paths[template]["get"]["responses"]
            assert answer.status_code == status, asked
            assert answer.headers["content-type"] in named[str(status)]["content"], asked


async def test_the_document_names_each_form_of_a_report_and_the_answer_to_a_statement_sent_again(scenario):
    document = scenario.service.app.openapi()["paths"]
    base = f"{TRANSACTIONS}reconciliation"
    report = document[f"{base}/report/"]["get"]["responses"]["200"]["content"]
    async with scenario.service.client(scenario.admin, "admin") as admin:
        for form in ("json", "pdf", "csv"):
            answer = await admin.get(f"{base}/report/?date=2026-11-24&format={form}")
            assert answer.headers["content-type"].partition(";")[0] in report, form
        sent = document[f"{base}/statements/"]["post"]["responses"]
        headers = {"Content-Type": "application/x-mt940"}
        for status in (201, 200):
            answer = await admin.post(f"{base}/statements/", content=TWO_DAYS.encode(), headers=headers | keyed())
            assert (answer.status_code, sent[str(status)]["content"].keys()) == (status, {"application/json"})
