"""A request: one transaction, one answer, kept once."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from chassis.testing.harness import ServiceHarness, running_service
from contracts.programs import ProgramCreated


@pytest.fixture
async def service(sample_urls, sample_service):
    async with running_service(sample_service, sample_urls) as harness:
        yield harness


async def test_effect_and_event_are_committed_together(service: ServiceHarness):
    async with service.client() as client:
        answer = await client.post("/api/v1/notes/", json={"name": "one"}, headers={"X-Request-ID": "req-1"})
    assert answer.status_code == 201
    assert answer.headers["x-request-id"] == "req-1"
    (fact,) = await service.announced(ProgramCreated)
    assert str(fact.program_id) == answer.json()["note_id"]


async def test_a_fault_after_the_effect_keeps_nothing_and_says_nothing_of_the_inside(service: ServiceHarness):
    async with service.client() as client:
        answer = await client.post("/api/v1/notes/broken/", json={"name": "gone"})
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "fault" not in answer.text.replace("internal_error", "")
        again = await client.post("/api/v1/notes/", json={"name": "gone"})
    assert again.status_code == 201
    assert len(await service.announced(ProgramCreated)) == 1


async def test_the_path_without_its_last_slash_works_too(service: ServiceHarness):
    async with service.client() as client:
        answer = await client.post("/api/v1/notes", json={"name": "slashless"})
    assert answer.status_code == 201


async def test_a_repeated_key_gives_the_same_answer_and_one_effect(service: ServiceHarness):
    async with service.client(uuid4()) as client:
        headers = {"Idempotency-Key": "k-1"}
        first = await client.post("/api/v1/notes/paid/", json={"name": "n", "amount": "1.00"}, headers=headers)
        second = await client.post("/api/v1/notes/paid/", json={"name": "n", "amount": "1.00"}, headers=headers)
        other = await client.post("/api/v1/notes/paid/", json={"name": "m", "amount": "1.00"}, headers=headers)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await service.announced(ProgramCreated)) == 1


async def test_two_at_once_with_one_key_have_one_effect(service: ServiceHarness):
    async with service.client(uuid4()) as client:
        answers = await asyncio.gather(
            *(
                client.post(
                    "/api/v1/notes/paid/", json={"name": "x", "amount": "2"}, headers={"Idempotency-Key": "same"}
                )
                for _ in range(8)
            )
        )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert any(answer.status_code == 201 for answer in answers)
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"idempotency_in_flight"}
    assert len(await service.announced(ProgramCreated)) == 1


async def test_where_money_moves_a_key_is_required_and_a_key_is_each_callers_own(service: ServiceHarness):
    async with service.client(uuid4()) as client:
        answer = await client.post("/api/v1/notes/paid/", json={"name": "n", "amount": "1.00"})
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")
        mine = await client.post(
            "/api/v1/notes/paid/", json={"name": "mine", "amount": "1"}, headers={"Idempotency-Key": "k"}
        )
    async with service.client(uuid4()) as other:
        theirs = await other.post(
            "/api/v1/notes/paid/", json={"name": "theirs", "amount": "1"}, headers={"Idempotency-Key": "k"}
        )
    assert mine.status_code == theirs.status_code == 201
    assert mine.json() != theirs.json()


async def test_a_refused_request_may_be_mended_under_the_same_key(service: ServiceHarness):
    async with service.client() as client:
        await client.post("/api/v1/notes/", json={"name": "taken"})
        refused = await client.post("/api/v1/notes/", json={"name": "taken"}, headers={"Idempotency-Key": "k"})
        mended = await client.post("/api/v1/notes/", json={"name": "free"}, headers={"Idempotency-Key": "k"})
    assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")
    assert mended.status_code == 201


BAD_BODIES = {
    "malformed": (b'{"name": ', 400, "malformed_json"),
    "invalid UTF-8": (b'{"name": "\xff"}', 400, "malformed_json"),
    "a lone surrogate": (rb'{"name": "\ud800"}', 400, "malformed_json"),
    "NaN": (b'{"name": NaN}', 400, "malformed_json"),
    "a key twice": (b'{"name": "a", "name": "b"}', 400, "duplicate_keys"),
    "a NUL byte": (rb'{"name": "a\u0000b"}', 400, "nul_byte"),
    "deep nesting": (b'{"name": ' + b"[" * 100 + b"]" * 100 + b"}", 400, "json_too_deep"),
    "very deep nesting": (b"[" * 10_000 + b"]" * 10_000, 400, "malformed_json"),
    "an unknown field": (b'{"name": "a", "more": 1}', 422, "validation_failed"),
    "a control character": (rb'{"name": "a\u0007"}', 422, "validation_failed"),
    "a name too long": (b'{"name": "' + b"a" * 201 + b'"}', 422, "validation_failed"),
    "ten megabytes": (b'{"name": "' + b"a" * 10_000_000 + b'"}', 413, "body_too_large"),
    "an array": (b"[1]", 422, "validation_failed"),
    "nothing": (b"", 422, "validation_failed"),
}


@pytest.mark.parametrize("case", BAD_BODIES)
async def test_bad_input_is_a_clear_4xx_and_nothing_is_stored(service: ServiceHarness, case: str):
    body, status, code = BAD_BODIES[case]
    async with service.client() as client:
        answer = await client.post("/api/v1/notes/", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await service.announced(ProgramCreated) == []


@pytest.mark.parametrize("amount", ["-1", "0", "1.001", "1" * 20, "1e3", "NaN", 1.5, " ", "٣", " 1", "1\n", "01"])
async def test_an_amount_that_is_no_amount_names_the_field(service: ServiceHarness, amount):
    async with service.client(uuid4()) as client:
        answer = await client.post(
            "/api/v1/notes/paid/", json={"name": "n", "amount": amount}, headers={"Idempotency-Key": "k"}
        )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "amount"


async def test_a_body_that_is_not_json_is_415(service: ServiceHarness):
    async with service.client() as client:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""):
            answer = await client.post("/api/v1/notes/", content=b"name=a", headers={"Content-Type": kind})
            assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), kind


async def test_an_id_that_is_no_id_and_a_path_that_is_none_are_404(service: ServiceHarness):
    async with service.client() as client:
        for path in ("/api/v1/notes/not-an-id/", "/api/v1/nothing/"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_id_in_a_path_has_one_form(service: ServiceHarness):
    async with service.client() as client:
        note = (await client.post("/api/v1/notes/", json={"name": "named"})).json()["note_id"]
        for form in (note, note.upper()):
            assert (await client.get(f"/api/v1/notes/{form}/")).status_code == 200, form
        for form in (note.replace("-", ""), f"{{{note}}}", f"urn:uuid:{note}"):
            answer = await client.get(f"/api/v1/notes/{form}/")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), form


async def test_without_or_with_a_bad_token_it_is_401_with_a_challenge(service: ServiceHarness):
    async with service.client() as client:
        body, key = {"name": "n", "amount": "1"}, {"Idempotency-Key": "k"}
        for headers in (key, {**key, "Authorization": "Bearer nonsense"}, {**key, "Authorization": "Basic eDp5"}):
            answer = await client.post("/api/v1/notes/paid/", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_who_comes_without_a_token_hears_that_before_anything_else(service: ServiceHarness):
    path, json_type = "/api/v1/notes/paid/", {"Content-Type": "application/json"}
    async with service.client() as client:
        for asked in (
            client.post(path, json={"name": "n", "amount": "1"}),
            client.post(path, content=b"{", headers=json_type),
            client.post(path, content=b"{", headers={"Idempotency-Key": "k", "Content-Type": "text/plain"}),
            client.post(path, content=b"x" * 2_000_000, headers={"Idempotency-Key": "k", **json_type}),
            client.post(path, json={"name": "n", "amount": "1"}, headers={"Authorization": "Bearer nonsense"}),
        ):
            answer = await asked
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_every_422_names_what_of_the_request_breaks_a_rule(service: ServiceHarness):
    async with service.client(uuid4()) as client:
        headers = {"Idempotency-Key": "k"}
        await client.post("/api/v1/notes/paid/", json={"name": "n", "amount": "1.00"}, headers=headers)
        reused = await client.post("/api/v1/notes/paid/", json={"name": "m", "amount": "1.00"}, headers=headers)
        several = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
        twice = await client.post("/api/v1/notes/paid/", json={"name": "o", "amount": "1.00"}, headers=several)
    for answer, code in ((reused, "idempotency_key_reused"), (twice, "malformed")):
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["field"], error["code"]) == (422, "Idempotency-Key", code)
        assert error["message"]


async def test_a_parameter_that_comes_twice_is_refused_rather_than_half_ignored(service: ServiceHarness):
    async with service.client() as client:
        answer = await client.get(f"/api/v1/notes/{uuid4()}/?limit=1&limit=2&cursor=x")
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
        assert [error["field"] for error in answer.json()["errors"]] == ["limit"]


async def test_a_parameter_that_a_read_does_not_have_is_refused_and_never_ignored(service: ServiceHarness):
    async with service.client() as client:
        made = (await client.post("/api/v1/notes/", json={"name": "read"})).json()
        path = f"/api/v1/notes/{made['note_id']}/"
        assert (await client.get(path)).status_code == 200
        answer = await client.get(f"{path}?color=red&size=")
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
            ("color", "extra_forbidden"),
            ("size", "extra_forbidden"),
        ]
        assert (await client.head(f"{path}?color=red")).status_code == 422


async def test_what_a_query_says_is_part_of_what_a_key_stands_for(service: ServiceHarness):
    async with service.client() as client:
        headers = {"Idempotency-Key": "k"}
        first = await client.post("/api/v1/notes/?as=draft", json={"name": "q"}, headers=headers)
        again = await client.post("/api/v1/notes/?as=draft", json={"name": "q"}, headers=headers)
        other = await client.post("/api/v1/notes/?as=final", json={"name": "q"}, headers=headers)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_head_answers_what_get_does_without_the_body(service: ServiceHarness):
    async with service.client() as client:
        made = (await client.post("/api/v1/notes/", json={"name": "seen"})).json()
        for path in (f"/api/v1/notes/{made['note_id']}/", f"/api/v1/notes/{made['note_id']}", "/health/live"):
            full, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.content) == (200, b"")
            for name in ("content-type", "content-length"):
                assert head.headers[name] == full.headers[name]
        assert (await client.head(f"/api/v1/notes/{uuid4()}/x/")).status_code == 404
        assert (await client.head("/api/v1/notes/")).status_code == 405


async def test_a_method_that_a_path_does_not_have_is_405_naming_those_it_has(service: ServiceHarness):
    async with service.client() as client:
        for path, allowed in (
            (f"/api/v1/notes/{uuid4()}/", {"GET", "HEAD"}),
            ("/api/v1/notes/shared/", {"GET", "HEAD", "PUT"}),
            ("/api/v1/notes", {"POST"}),
        ):
            answer = await client.delete(path)
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
            assert set(answer.headers["allow"].split(", ")) == allowed


async def test_the_document_names_every_error_as_a_problem_and_the_headers_that_count(service: ServiceHarness):
    async with service.client() as client:
        document = (await client.get("/openapi.json")).json()
    paid = document["paths"]["/api/v1/notes/paid/"]["post"]
    (key,) = [item for item in paid["parameters"] if item["name"] == "Idempotency-Key"]
    assert key["required"] is True
    assert {"400", "401", "409", "413", "415", "422", "503"} <= set(paid["responses"])
    (optional,) = document["paths"]["/api/v1/notes/"]["post"]["parameters"]
    assert optional["required"] is False
    read = document["paths"]["/api/v1/notes/{note_id}/"]["get"]
    assert "404" in read["responses"]
    for operation in (paid, read):
        for status, response in operation["responses"].items():
            assert (status >= "400") is ("application/problem+json" in response["content"])
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["components"]["schemas"]["Problem"]["required"]


async def test_a_read_whose_connection_ends_is_answered_all_the_same(service: ServiceHarness):
    async with service.client() as client:
        answer = await client.get("/api/v1/notes/ending/1/")
        note = (await client.post("/api/v1/notes/", json={"name": "kept"})).json()
        await end_a_pooled_session(service)
        later = await client.get(f"/api/v1/notes/{note['note_id']}/")
    assert (answer.status_code, answer.json()) == (200, {"tries": 2})
    assert (later.status_code, later.json()) == (200, note)


async def test_a_read_is_tried_twice_and_a_write_once(service: ServiceHarness):
    async with service.client() as client:
        for method, tried in (("GET", 2), ("POST", 3)):
            answer = await client.request(method, "/api/v1/notes/ending/9/")
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
            assert len(service.app.state.tries) == tried


async def end_a_pooled_session(service: ServiceHarness) -> None:
    """Ends what the API's pool hands out next, as a restarted database does."""
    async with service.api.database.reading() as by:
        async with service.api.database.reading() as pooled:
            pid = await pooled.scalar(text("SELECT pg_backend_pid()"))
        assert await by.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
