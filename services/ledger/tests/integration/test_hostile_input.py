"""Every operation the document describes, asked with what nobody should send: never a fault, always a whole problem."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import SecretStr

from chassis.ids import new_id
from chassis.testing.harness import running_service
from ledger.bootstrap import SERVICE

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}
NIL = "00000000-0000-0000-0000-000000000000"
# Cursors of a list of ours that nobody was given: ["-5"], ["99…9"], [NIL], [["1"]], ["1", "-99…9"].
CURSORS = ("WyItNSJd", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5Il0", "W1siMSJdXQ", "WyIxIiwiLTk5OTk5OTk5OTk5OTk5OTk5OTk5Il0")
TEXTS = (
    "", "%00", "a%00b", "%ff", "%ED%A0%80", "-1", "1e9", "1_0", "9" * 30, str(2**63), str(-(2**63) - 1), "NaN", "null",
    "2026-02-30", "0001-01-01", "9999-12-31", "'", "%22", "%2e%2e", "x" * 600, "%D9%A3", NIL, *CURSORS,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 1.5, "", " ", "x" * 20_000, "\x07", "\u202e", "1e3", "-1.00", "1.001", "9" * 40, NIL,
    [], {}, [[]], {"a": 1},
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    documented: frozenset[str]
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def _body_fields(document: Any, operation: Any) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = content.get("schema", {}).get("$ref", "")
    schema = document["components"]["schemas"].get(reference.rpartition("/")[2], {})
    return sorted(schema.get("properties", {}))


def _parameters(operation: Any, place: str) -> list[str]:
    return [each["name"] for each in operation.get("parameters", []) if each["in"] == place]


def requests_of(document: Any, known: dict[str, str], right: dict[str, Any]) -> Iterator[Asked]:
    """One thing is wrong at a time; all else is as it should be."""
    for template, operations in document["paths"].items():
        for method, operation in operations.items():
            path = template.format(**known)
            fields = _body_fields(document, operation)
            good = {name: right[name] for name in fields if name in right} if fields else None
            named = frozenset(operation["responses"])
            yield Asked(method, path, named, good, {"If-Match": ',,"', "If-None-Match": ', W/"', "Accept": ";q=,"})
            yield Asked(method, path, named, good, {"If-None-Match": "*"})
            for name in _parameters(operation, "path"):
                for text in TEXTS:
                    yield Asked(method, template.format(**known | {name: text}), named, good)
            for name in _parameters(operation, "query"):
                required = "".join(f"{each}={known[each]}&" for each in ("from", "to", "date") if each != name)
                needed = required if "/consistency/" in path or "/report/" in path else ""
                for text in TEXTS:
                    yield Asked(method, f"{path}?{_only(operation, needed)}{name}={text}", named, good)
            for name in fields:
                for value in VALUES:
                    yield Asked(method, path, named, (good or {}) | {name: value})


def _only(operation: Any, needed: str) -> str:
    named = set(_parameters(operation, "query"))
    return "".join(f"{each}&" for each in needed.split("&") if each.partition("=")[0] in named)


@pytest.fixture
async def lived(whole_history, shared_urls, storage):
    settings = storage | {"paystack_secret_key": SecretStr("sk_test")}
    async with running_service(SERVICE, shared_urls, **settings) as service:
        yield replace(whole_history, service=service)


async def test_no_input_is_answered_with_a_fault_and_every_refusal_is_a_whole_problem(lived):
    [donation] = await lived.fetch(
        "SELECT t.id, b.hash FROM transactions t JOIN blocks b ON b.transaction_id = t.id::text LIMIT 1"
    )
    [person] = await lived.fetch("SELECT beneficiary_id AS id FROM beneficiaries LIMIT 1")
    known = {
        "transaction_id": str(donation["id"]), "block_hash": donation["hash"], "beneficiary_id": str(person["id"]),
        "file_id": NIL, "index": "0", "provider": "paystack", "path": "checkpoint",
        "from": "1", "to": "2", "date": "2026-11-24",
    }  # fmt: skip
    right = {
        "program_id": str(lived.program_id), "amount": "1.00", "currency": "NGN", "bank_code": "058",
        "account_number": "0000000001", "account_name": "Amina", "reason": "Because.", "outcome": "completed",
        "bank_reference": "B-1", "note": "Seen.",
    }  # fmt: skip
    asked = 0
    async with lived.service.client(new_id(), "admin") as admin:
        for request in requests_of(lived.service.app.openapi(), known, right):
            headers = {"Idempotency-Key": str(new_id())} | request.headers
            answer = await admin.request(request.method, request.path, json=request.body, headers=headers)
            asked += 1
            assert answer.status_code < 500, (request, answer.text)
            assert str(answer.status_code) in request.documented, request
            if answer.status_code < 400 or request.method == "head":
                continue
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json", request
            assert set(problem) >= MEMBERS, request
            assert problem["status"] == answer.status_code, request
            assert problem["request_id"] == answer.headers["x-request-id"], request
            named = [set(error) for error in problem.get("errors", [])]
            assert all(members == {"field", "code", "message"} for members in named), request
            assert named or answer.status_code != 422, request
    assert asked > 1000
