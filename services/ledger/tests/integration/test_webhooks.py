"""The door for payment providers: signed, replayed, oversized, malformed, and about nothing of ours."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from services.ledger.tests.paystack_server import SECRET_KEY, PaystackServer
from services.ledger.tests.scenario import Scenario

from chassis.ids import new_id
from chassis.testing.harness import running_service
from ledger.bootstrap import SERVICE

DATA = {"reference": "impact-" + "0" * 32, "amount": 10_000, "currency": "NGN", "status": "success"}


@pytest.fixture
async def signing(urls: dict[str, str]) -> AsyncIterator[Scenario]:
    """Paystack is set up and cannot be reached: nothing here needs it."""
    async with running_service(
        SERVICE, urls, paystack_secret_key=SecretStr(SECRET_KEY), paystack_url="http://127.0.0.1:9"
    ) as service:
        yield Scenario(service, urls, new_id(), new_id(), new_id(), new_id())


async def post(signing: Scenario, body: bytes, headers: dict[str, str], provider: str = "paystack") -> httpx.Response:
    async with signing.service.client() as client:
        answer: httpx.Response = await client.post(
            f"/api/v1/payments/webhooks/{provider}/", content=body, headers=headers
        )
    return answer


async def stored(signing: Scenario) -> list[Any]:
    rows: list[Any] = await signing.fetch("SELECT * FROM webhook_deliveries ORDER BY delivery_id")
    return rows


async def test_a_signed_webhook_is_kept_once_however_often_it_comes_even_at_the_same_time(signing):
    body, headers = PaystackServer.signed("charge.success", DATA)
    answers = await asyncio.gather(*(post(signing, body, headers) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["repeated"] for answer in answers) == [False, True, True, True, True]
    [row] = await stored(signing)
    assert (row["event"], row["reference"], str(row["amount"])) == ("charge.success", DATA["reference"], "100.00")


async def test_without_the_right_signature_nothing_is_kept(signing):
    body, headers = PaystackServer.signed("charge.success", DATA)
    _, foreign = PaystackServer.signed("charge.success", DATA, "sk_test_other")
    attempts = [
        (body, {}),
        (body, foreign),
        (body, {"x-paystack-signature": ""}),
        (body, {"x-paystack-signature": headers["x-paystack-signature"][:-1]}),
        (body.replace(b"10000", b"90000"), headers),
        # The same JSON in other bytes: the signature is over bytes.
        (json.dumps(json.loads(body), indent=1).encode(), headers),
    ]
    for changed, given in attempts:
        answer = await post(signing, changed, given)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "signature_invalid"
        assert answer.headers["www-authenticate"]
    assert await stored(signing) == []


async def test_an_unknown_provider_is_nobody(signing):
    body, headers = PaystackServer.signed("charge.success", DATA)
    for provider in ("flutterwave", "PAYSTACK", "sandbox", "%00"):
        assert (await post(signing, body, headers, provider)).status_code == 404
    assert await stored(signing) == []


async def test_a_provider_that_is_not_set_up_is_nobody(urls):
    async with running_service(SERVICE, urls) as service:
        without = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        body, headers = PaystackServer.signed("charge.success", DATA)
        assert (await post(without, body, headers)).status_code == 404


async def test_too_much_is_too_large_before_it_is_looked_at(signing):
    body, headers = PaystackServer.signed("charge.success", DATA | {"padding": "x" * 300_000})
    answer = await post(signing, body, headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert await stored(signing) == []


@pytest.mark.parametrize("event", ["", "x" * 101, "charge\nsuccess", 5, None])
async def test_a_signed_body_that_is_no_event_is_refused_and_not_kept(signing, event):
    answer = await post(signing, *PaystackServer.signed(event, DATA))
    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_malformed")
    assert await stored(signing) == []


async def test_strange_values_in_a_signed_event_do_no_harm(signing):
    strange: list[dict[str, Any]] = [
        {"amount": "∞"}, {"amount": 10**30}, {"amount": -1}, {"amount": 1.5}, {"currency": "LONGER"},
        {"reference": ["list"]}, {"reference": "x" * 5_000}, {"reference": "\u0000"}, {"status": {"a": 1}},
        {"reference": "'; DROP TABLE payments; --"}, {"nested": [[[[[]]]]]},
    ]  # fmt: skip
    for number, changes in enumerate(strange):
        answer = await post(signing, *PaystackServer.signed("transfer.success", DATA | changes | {"number": number}))
        assert answer.status_code == 200, answer.text
    await signing.service.tick("apply_webhooks")
    assert await signing.fetch("SELECT * FROM webhooks_pending") == []
    assert len(await stored(signing)) == 11


async def test_what_fits_no_payment_is_listed_for_people(signing):
    await post(signing, *PaystackServer.signed("transfer.success", DATA | {"reference": "somebody-elses-transfer"}))
    await post(signing, *PaystackServer.signed("subscription.create", {"anything": 1}))
    await signing.service.tick("apply_webhooks")
    outcomes = await signing.fetch("SELECT outcome FROM webhook_outcomes ORDER BY delivery_id")
    assert [row["outcome"] for row in outcomes] == ["unmatched", "ignored"]
    async with signing.service.client(signing.admin, "admin") as client:
        page = (await client.get("/api/v1/payments/unmatched/")).json()
    [item] = page["items"]
    assert (item["reference"], item["amount"], item["event"]) == (
        "somebody-elses-transfer",
        "100.00",
        "transfer.success",
    )
    async with signing.service.client(signing.applicant) as client:
        assert (await client.get("/api/v1/payments/unmatched/")).status_code == 403
        assert (await client.get("/api/v1/payments/open/")).status_code == 403
    async with signing.service.client(signing.admin, "admin") as client:
        far = "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OSJd"  # ["9999…"]: beyond any id
        assert (await client.get("/api/v1/payments/unmatched/", params={"cursor": far})).json()["items"] == []


async def test_many_about_few_payments_are_each_applied_once_by_two_workers_at_once(signing, urls):
    await signing.create_program()
    body = {"program_id": str(signing.program_id), "amount": "100.00", "currency": "NGN", "rail": "paystack"}
    given: list[dict[str, Any]] = []
    async with signing.service.client(signing.admin, "admin") as client:
        for _ in range(3):
            headers = {"Idempotency-Key": str(new_id())}
            given.append((await client.post("/api/v1/transactions/donations/", json=body, headers=headers)).json())
    for number in range(60):
        told = DATA | {"reference": given[number % 3]["payment"]["reference"], "number": number}
        assert (await post(signing, *PaystackServer.signed("charge.success", told))).status_code == 200
    settings: dict[str, Any] = {"paystack_secret_key": SecretStr(SECRET_KEY), "paystack_url": "http://127.0.0.1:9"}
    async with running_service(SERVICE, urls, **settings) as other:
        await asyncio.gather(signing.service.tick("apply_webhooks"), other.tick("apply_webhooks"))
    assert await signing.fetch("SELECT * FROM webhooks_pending") == []
    found = await signing.fetch(
        "SELECT transaction_id::text, outcome, count(*) FROM webhook_outcomes GROUP BY 1, 2 ORDER BY 1"
    )
    assert [tuple(row) for row in found] == [(each["id"], "due", 20) for each in given]
    due = await signing.fetch("SELECT count(*) FROM payments WHERE due_at <= now()")
    assert due[0]["count"] == 3


async def test_nobody_is_named_in_what_is_kept(signing):
    person = {"customer": {"email": "somebody@example.com"}, "recipient": {"details": {"account_number": "0123456789"}}}
    await post(signing, *PaystackServer.signed("transfer.success", DATA | person))
    [row] = await stored(signing)
    assert not {"somebody@example.com", "0123456789"} & {str(value) for value in dict(row).values()}
    assert "example.com" not in str(dict(row))


@pytest.mark.parametrize("table", ["webhook_deliveries", "webhook_outcomes", "manual_transfers", "closed_awards"])
async def test_what_came_in_is_append_only_and_the_worker_alone_applies(signing, table):
    await post(signing, *PaystackServer.signed("transfer.success", DATA))
    for role in ("api", "worker", "signer"):
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await signing.fetch(statement, role=role)
    with pytest.raises(asyncpg.RestrictViolationError):
        await signing.fetch(f"TRUNCATE {table} CASCADE")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await signing.fetch("DELETE FROM webhooks_pending", role="api")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await signing.fetch("INSERT INTO webhook_outcomes (delivery_id, outcome) VALUES (1, 'due')", role="api")
