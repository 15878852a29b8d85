"""Bank statements over HTTP: kept whole or not at all, once, for ever, and for admins' eyes only."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from services.ledger.tests.statement_samples import (
    ACCOUNT,
    NIGERIAN,
    STANDARD_HEADER,
    TWO_DAYS,
    TWO_PAGES,
    day_in_parts,
    standard,
)

from chassis.ids import new_id

BASE = "/api/v1/transactions/reconciliation"
STATEMENTS = f"{BASE}/statements/"
CSV, MT940 = "text/csv", "application/x-mt940"
TABLES = ("statement_files", "bank_statements", "statement_lines", "statement_texts")


async def send(
    scenario: Any,
    text: str | bytes,
    kind: str = MT940,
    *,
    key: str | None = None,
    who: dict | None = None,
    **query: str,
) -> httpx.Response:
    person = {"user_id": scenario.admin, "role": "admin"} | (who or {})
    async with scenario.service.client(**person) as client:
        answer: httpx.Response = await client.post(
            STATEMENTS,
            content=text.encode() if isinstance(text, str) else text,
            params=query,
            headers={"Content-Type": kind, "Idempotency-Key": key or str(new_id())},
        )
    return answer


async def get(scenario: Any, path: str, **query: Any) -> httpx.Response:
    async with scenario.service.client(scenario.admin, "admin") as client:
        answer: httpx.Response = await client.get(path, params=query or None)
    return answer


async def nothing_is_stored(scenario: Any) -> bool:
    counts = [len(await scenario.fetch(f"SELECT 1 FROM {table}")) for table in TABLES]
    return counts == [0] * len(TABLES)


async def test_a_statement_is_kept_with_its_lines_and_shown_to_admins(scenario):
    answer = await send(scenario, TWO_PAGES, "application/x-mt940; charset=utf-8")
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["imported"], body["lines"], body["new_lines"], body["format"]) == (True, 5, 5, "mt940")
    [statement] = body["statements"]
    assert statement == {
        "account": ACCOUNT,
        "currency": "NGN",
        "statement_number": "182",
        "covers_from": "2026-07-01",
        "covers_to": "2026-07-01",
        "opening": "1000000.00",
        "closing": "1248949.50",
        "lines": 5,
    }
    shown = await get(scenario, f"{STATEMENTS}{body['id']}/")
    assert shown.json() == {name: value for name, value in body.items() if name != "imported"}
    first = (await get(scenario, f"{STATEMENTS}{body['id']}/lines/", limit=3)).json()
    rest = (await get(scenario, f"{STATEMENTS}{body['id']}/lines/", limit=3, cursor=first["next_cursor"])).json()
    lines = first["items"] + rest["items"]
    assert [line["amount"] for line in lines] == ["250000.00", "-50.00", "-200000.00", "200000.00", "-1000.50"]
    assert rest["next_cursor"] is None
    assert "ACME FOUNDATION" in lines[0]["description"]
    assert lines[0]["transaction_id"] == "0198c0de-0000-7000-8000-000000000001"
    assert [item["id"] for item in (await get(scenario, STATEMENTS)).json()["items"]] == [body["id"]]


async def test_a_statement_has_a_tag_that_changes_when_it_is_withdrawn(scenario):
    path = f"{STATEMENTS}{(await send(scenario, TWO_PAGES)).json()['id']}/"
    async with scenario.service.client(scenario.other_admin, "admin") as admin:
        shown = await admin.get(path)
        assert shown.headers["cache-control"] == "private, no-cache"
        known = {"If-None-Match": shown.headers["etag"]}
        assert (await admin.get(path, headers=known)).status_code == 304
        key = {"Idempotency-Key": str(new_id())}
        assert (await admin.post(f"{path}withdraw/", json={"reason": "Sent twice."}, headers=key)).status_code == 200
        changed = await admin.get(path, headers=known)
    assert (changed.status_code, changed.json()["reason"]) == (200, "Sent twice.")


async def test_what_banks_write_is_sealed_and_unreadable_once_its_time_is_over(scenario):
    body = (await send(scenario, TWO_PAGES)).json()
    for table in TABLES:
        for row in await scenario.fetch(f"SELECT * FROM {table}"):
            assert b"ACME" not in repr(tuple(row.values())).encode()
            assert all(b"ACME" not in value for value in row.values() if isinstance(value, bytes))
    await scenario.fetch("ALTER TABLE statement_files DISABLE TRIGGER ALL")
    await scenario.fetch("UPDATE statement_files SET imported_at = now() - interval '2558 days'")
    await scenario.fetch("ALTER TABLE statement_files ENABLE ALWAYS TRIGGER refuse_change")
    await scenario.service.tick("reconcile")
    lines = (await get(scenario, f"{STATEMENTS}{body['id']}/lines/")).json()["items"]
    assert [line["description"] for line in lines] == [None] * 5
    assert lines[0]["amount"] == "250000.00", "what moved stays"


async def test_the_same_bytes_change_nothing_and_overlapping_files_count_lines_once(scenario):
    key = str(new_id())
    first = await send(scenario, TWO_DAYS, key=key)
    replay = await send(scenario, TWO_DAYS, key=key)
    again = await send(scenario, TWO_DAYS)
    assert (replay.status_code, replay.json(), replay.headers["Idempotent-Replayed"]) == (201, first.json(), "true")
    assert (again.status_code, again.json()) == (200, first.json() | {"imported": False})
    second_day = TWO_DAYS[TWO_DAYS.index(":20:DAY2") :]
    overlap = await send(scenario, second_day)
    assert (overlap.status_code, overlap.json()["lines"], overlap.json()["new_lines"]) == (201, 2, 0)
    report = (await get(scenario, f"{BASE}/report/", date="2026-07-02")).json()["accounts"][0]
    assert (report["bank_movement"], report["totals"]["extra"]["count"]) == ("0.02", 2)
    assert (report["opening"], report["closing"], report["balances_agree"]) == ("100.00", "100.02", True)


async def test_two_at_once_import_the_same_bytes_once(scenario):
    answers = await asyncio.gather(*(send(scenario, NIGERIAN, CSV, mapping="nigerian") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len(await scenario.fetch("SELECT 1 FROM statement_files")) == 1
    assert len(await scenario.fetch("SELECT 1 FROM statement_lines")) == 4


async def test_a_day_that_comes_in_parts_begins_with_the_first_and_ends_with_the_last(scenario):
    parts = [("1", "1,00", "0,99"), ("2", "0,99", "0,98"), ("3", "0,98", "0,97")]
    await send(scenario, day_in_parts(*reversed(parts)))
    [sheet] = (await get(scenario, f"{BASE}/report/", date="2026-07-01")).json()["accounts"]
    assert (sheet["opening"], sheet["closing"], sheet["bank_movement"]) == ("1.00", "0.97", "-0.03")
    assert sheet["balances_agree"] is True


async def test_a_day_that_came_by_noon_and_then_whole_ends_as_the_whole_one_says(scenario):
    fees = [("2026-07-01", f"-{number}.00", f"F{number}", "fee") for number in (1, 2, 3)]
    for rows in (fees[:2], fees):
        await send(scenario, standard(rows, "10.00"), CSV)
    [sheet] = (await get(scenario, f"{BASE}/report/", date="2026-07-01")).json()["accounts"]
    assert (sheet["opening"], sheet["closing"], sheet["balances_agree"]) == ("10.00", "4.00", True)


async def test_of_two_overlapping_files_at_once_one_has_the_lines_that_are_new(scenario):
    second_day = TWO_DAYS[TWO_DAYS.index(":20:DAY2") :]
    whole, half = await asyncio.gather(send(scenario, TWO_DAYS), send(scenario, second_day))
    assert (whole.status_code, half.status_code) == (201, 201)
    assert whole.json()["new_lines"] + half.json()["new_lines"] == 3
    assert (await get(scenario, f"{BASE}/report/", date="2026-07-02")).json()["accounts"][0]["bank_movement"] == "0.02"


@pytest.mark.parametrize(
    ("sent", "field", "code"),
    [
        ((TWO_DAYS.replace("NGN100,02", "NGN100,03"), MT940, {}), "line 14, :62F:", "balance_broken"),
        ((TWO_DAYS.replace("DAY2\n:25:0123456789NGN", "DAY2\n:25:1"), MT940, {}), "line 8, account", "account_unknown"),
        (("", MT940, {}), "line 1, file", "statement_empty"),
        (("\x00", CSV, {}), "line 1, text", "control_character"),
        ((NIGERIAN, CSV, {}), "line 1, date", "column_missing"),
        ((NIGERIAN, CSV, {"mapping": "nobody"}), "mapping", "mapping_unknown"),
        ((NIGERIAN, CSV, {"mapping": "nigerian", "surprise": "1"}), "surprise", "extra_forbidden"),
        ((NIGERIAN, CSV, {"mapping": "nigerian", "covers_from": "soon"}), "covers_from", "date_malformed"),
        ((standard([("2999-01-01", "1.00", "", "")]), CSV, {}), "line 1, date", "date_in_future"),
        ((f"{STANDARD_HEADER}\n", CSV, {}), "line 1, date", "period_unknown"),
    ],
)
async def test_a_statement_with_a_mistake_is_refused_by_name_and_nothing_is_stored(scenario, sent, field, code):
    text, kind, query = sent
    answer = await send(scenario, text, kind, **query)
    assert answer.status_code == 422, answer.text
    assert (answer.json()["errors"][0]["field"], answer.json()["errors"][0]["code"]) == (field, code)
    assert await nothing_is_stored(scenario)


async def test_only_admins_who_have_just_confirmed_themselves_import(scenario):
    for who, status, code in (
        ({"user_id": None}, 401, "unauthenticated"),
        ({"role": "member"}, 403, "forbidden"),
        ({"role": "executive"}, 403, "forbidden"),
        ({"auth_age_seconds": 301}, 403, "step_up_required"),
    ):
        answer = await send(scenario, TWO_DAYS, who=who)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await send(scenario, TWO_DAYS, "text/plain")).status_code == 415
    assert (await send(scenario, b" " * (32 * 1024 * 1024 + 1))).status_code == 413
    async with scenario.service.client(scenario.admin, "admin") as client:
        answer = await client.post(STATEMENTS, content=TWO_DAYS, headers={"Content-Type": MT940})
        assert answer.json()["code"] == "idempotency_key_required"
    assert await nothing_is_stored(scenario)


async def test_only_admins_read_and_what_is_not_there_is_not_found(scenario):
    body = (await send(scenario, TWO_DAYS)).json()
    paths = ["", f"{body['id']}/", f"{body['id']}/lines/"]
    for path in [f"{STATEMENTS}{path}" for path in paths] + [f"{BASE}/report/?date=2026-07-01"]:
        for person, status in ((None, 401), (scenario.applicant, 403)):
            async with scenario.service.client(person) as client:
                assert (await client.get(path)).status_code == status, path
        assert (await get(scenario, path)).status_code == 200, path
    for missing in (new_id(), "not-an-id"):
        for path in (f"{STATEMENTS}{missing}/", f"{STATEMENTS}{missing}/lines/"):
            assert (await get(scenario, path)).status_code == 404
    assert (await get(scenario, f"{STATEMENTS}{body['id']}/lines/", cursor="xx")).status_code == 422


async def withdraw(scenario: Any, file_id: str, user_id: UUID, role: str = "admin", **token: Any) -> httpx.Response:
    async with scenario.service.client(user_id, role, **token) as client:
        answer: httpx.Response = await client.post(
            f"{STATEMENTS}{file_id}/withdraw/",
            json={"reason": "Wrong mapping."},
            headers={"Idempotency-Key": str(new_id())},
        )
    return answer


async def test_a_second_admin_withdraws_a_mistake_which_stays_on_record_and_may_come_again(scenario):
    body = (await send(scenario, TWO_DAYS)).json()
    assert (await withdraw(scenario, body["id"], scenario.admin)).json()["code"] == "same_person"
    assert (await withdraw(scenario, body["id"], scenario.applicant, "member")).status_code == 403
    stale = await withdraw(scenario, body["id"], scenario.other_admin, auth_age_seconds=301)
    assert stale.json()["code"] == "step_up_required"
    assert (await withdraw(scenario, str(new_id()), scenario.other_admin)).status_code == 404
    withdrawn = await withdraw(scenario, body["id"], scenario.other_admin)
    assert (withdrawn.status_code, withdrawn.json()["reason"]) == (200, "Wrong mapping.")
    assert (await withdraw(scenario, body["id"], scenario.other_admin)).json()["code"] == "illegal_state"
    report = (await get(scenario, f"{BASE}/report/", date="2026-07-02")).json()["accounts"][0]
    assert (report["covered"], report["bank_movement"]) == (False, "0.00")
    again = await send(scenario, TWO_DAYS)
    assert (again.status_code, again.json()["imported"], again.json()["new_lines"]) == (201, True, 3)
    numbers = [item["number"] for item in (await get(scenario, STATEMENTS)).json()["items"]]
    assert len(numbers) == 2
    page = (await get(scenario, STATEMENTS, limit=1)).json()
    assert (await get(scenario, STATEMENTS, limit=1, cursor=page["next_cursor"])).json()["items"][0]["id"] == body["id"]


async def test_the_database_keeps_statements_as_they_came_whoever_asks(scenario):
    await send(scenario, TWO_DAYS)
    for table in (*TABLES, "statement_withdrawals"):
        for role in ("api", "worker", "signer"):
            for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await scenario.fetch(statement, role=role)
        for prelude in ("", "SET session_replication_role = replica; "):
            url = scenario.urls["admin"].replace("postgresql+asyncpg", "postgresql")
            connection = await asyncpg.connect(url)
            try:
                with pytest.raises(asyncpg.RestrictViolationError):
                    await connection.execute(f"SET search_path = ledger; {prelude}TRUNCATE {table} CASCADE")
            finally:
                await connection.close()
    with pytest.raises(asyncpg.RestrictViolationError):
        await scenario.fetch("UPDATE statement_lines SET amount = 1")
    copy = "INSERT INTO statement_files (file_id, sha256, occurrence, format, size_bytes, line_count, new_line_count)"
    with pytest.raises(asyncpg.UniqueViolationError):
        await scenario.fetch(f"{copy} SELECT gen_random_uuid(), sha256, 2, format, 1, 1, 1 FROM statement_files")
    for role in ("worker", "signer"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await scenario.fetch(f"{copy} VALUES (gen_random_uuid(), '', 1, 'csv', 1, 1, 1)", role=role)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await scenario.fetch("DELETE FROM statement_matches", role="api")


async def test_a_large_file_comes_in_whole_and_its_lines_are_found_again(scenario):
    rows = [("2026-07-01", "0.01", f"R{number}", f"text {number}") for number in range(20_000)]
    answer = await asyncio.wait_for(send(scenario, standard(rows), CSV), timedelta(seconds=60).total_seconds())
    body = answer.json()
    assert (answer.status_code, body["lines"], body["statements"][0]["closing"]) == (201, 20_000, "200.00")
    page = (await get(scenario, f"{STATEMENTS}{body['id']}/lines/", limit=100)).json()
    seen = [line["description"] for line in page["items"]]
    assert seen == [f"text {number}" for number in range(100)]
    await scenario.service.tick("reconcile")
    report = (await get(scenario, f"{BASE}/report/", date="2026-07-01")).json()["accounts"][0]
    assert report["totals"]["extra"]["count"] == 20_000
    assert len((await get(scenario, f"{BASE}/report/", date="2026-07-01", format="pdf")).content) > 10_000
