"""What programmes refuse: each gate with the one who should not pass it."""

import asyncio
from typing import Any

import pytest

from chassis.ids import new_id
from contracts.applications import ApplicationStarted, ApplicationSubmitted
from contracts.identity import RoleChanged, UserErased
from contracts.ledger import DonationReceived
from contracts.programs import ExecutiveRemoved, ProgramDeleted, ProgramUpdated

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "/api/v1/programs"
PROGRAM_ERRORS = [
    ({"budget": 5000000.0}, "budget"),
    ({"budget": "-5.00"}, "budget"),
    ({"budget": "12345678901234567890.00"}, "budget"),
    ({"budget": "1e6"}, "budget"),
    ({"award_min": "0.00"}, "award_min"),
    ({"award_min": "500000.01"}, "award_max"),
    ({"award_max": "5000000.01"}, "award_max"),
    ({"currency": "ngn"}, "currency"),
    ({"slots": 0}, "slots"),
    ({"slots": "10"}, "slots"),
    ({"slots": True}, "slots"),
    ({"review_quorum": 0}, "review_quorum"),
    ({"open_date": "1899-12-31"}, "open_date"),
    ({"open_date": "2026-02-30"}, "open_date"),
    ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ({"time_zone": "../../etc/passwd"}, "time_zone"),
    ({"title": ""}, "title"),
    ({"title": "x" * 201}, "title"),
    ({"title": "bell\u0007"}, "title"),
    ({"unheard_of": 1}, "unheard_of"),
]


def application(kind, program, **more):
    facts = {"application_id": new_id(), "program_id": program["id"], "user_id": new_id(), "status": "draft"}
    return kind.model_validate(facts | more)


def submission(program):
    return application(
        ApplicationSubmitted, program, status="under_review", submission_sha256="0" * 64, first_submission=True
    )


@pytest.mark.parametrize(("change", "field"), PROGRAM_ERRORS)
async def test_a_field_that_breaks_a_rule_is_named_and_nothing_is_stored(scenario, change, field):
    program = await scenario.draft(category="untouched")
    answer = await scenario.admin.patch(f"{BASE}/{program['id']}/", json=change)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert (await scenario.admin.get(f"{BASE}/{program['id']}/")).json() == program


async def test_a_field_cannot_be_patched_to_null(scenario):
    program = await scenario.draft()
    answer = await scenario.admin.patch(f"{BASE}/{program['id']}/", json={"title": None})
    assert answer.status_code == 422
    cleared = await scenario.admin.patch(f"{BASE}/{program['id']}/", json={"location": None})
    assert cleared.json()["location"] is None


async def test_only_admins_write(scenario):
    program = await scenario.published()
    url = f"{BASE}/{program['id']}"
    body = {"display_name": "N", "title": "T"}
    attempts: list[tuple[str, str, Any]] = [
        ("POST", f"{BASE}/", {"title": "x"}),
        ("PATCH", f"{url}/", {}),
        ("DELETE", f"{url}/", None),
        ("POST", f"{url}/publish/", {}),
        ("POST", f"{url}/close/", {}),
        ("POST", f"{url}/archive/", {}),
        ("PUT", f"{url}/form/", {"schema": {"type": "object"}}),
        ("PUT", f"{url}/criteria/", {"items": []}),
        ("POST", f"{url}/executives/{new_id()}/", body),
        ("DELETE", f"{url}/executives/{new_id()}/", None),
        ("POST", f"{url}/updates/", {"title": "x", "body": "y"}),
    ]
    for role in ("member", "executive"):
        async with scenario.service.client(new_id(), role) as client:
            statuses = [(await client.request(method, path, json=sent)).status_code for method, path, sent in attempts]
        assert statuses == [403] * len(attempts)
    anonymous = [(await scenario.public.request(method, path, json=sent)) for method, path, sent in attempts]
    assert {answer.status_code for answer in anonymous} == {401}


async def test_a_draft_does_not_exist_for_others(scenario):
    program = await scenario.draft()
    async with scenario.service.client(new_id(), "member") as member:
        for client in (member, scenario.public):
            for part in ("", "executives/", "updates/"):
                assert (await client.get(f"{BASE}/{program['id']}/{part}")).status_code == 404
            listed = await client.get(f"{BASE}/?status=draft")
            assert listed.json()["items"] == []
    assert (await scenario.public.get(f"{BASE}/{new_id()}/")).status_code == 404
    assert (await scenario.public.get(f"{BASE}/not-an-id/")).status_code == 404


async def test_a_stale_change_is_refused(scenario):
    program = await scenario.draft()
    url = f"{BASE}/{program['id']}/"
    etag = (await scenario.admin.get(url)).headers["etag"]
    first = await scenario.admin.patch(url, json={"slots": 11}, headers={"If-Match": etag})
    assert first.status_code == 200
    assert first.headers["etag"] != etag
    for method, path, body in (
        ("PATCH", url, {"slots": 12}),
        ("PUT", f"{url}criteria/", {"items": []}),
        ("DELETE", url, None),
    ):
        stale = await scenario.admin.request(method, path, json=body, headers={"If-Match": etag})
        assert stale.status_code == 412
        assert stale.json()["code"] == "stale_version"
    assert (await scenario.admin.get(url)).json()["slots"] == 11


async def test_a_programme_that_was_applied_to_stays(scenario):
    program = await scenario.published()
    await scenario.service.deliver(application(ApplicationStarted, program))
    refused = await scenario.admin.delete(f"{BASE}/{program['id']}/")
    assert refused.status_code == 409
    assert refused.json()["code"] == "program_in_use"
    assert (await scenario.admin.post(f"{BASE}/{program['id']}/archive/", json={})).status_code == 200


async def test_a_programme_that_holds_money_stays(scenario):
    program = await scenario.published()
    donation = DonationReceived.model_validate(
        {
            "transaction_id": new_id(),
            "program_id": program["id"],
            "user_id": None,
            "amount": "1.00",
            "currency": "NGN",
        }
    )
    await scenario.service.deliver(donation)
    assert (await scenario.admin.delete(f"{BASE}/{program['id']}/")).status_code == 409


async def test_a_programme_nobody_used_can_be_deleted(scenario):
    program = await scenario.ready()
    assert (await scenario.admin.delete(f"{BASE}/{program['id']}/")).status_code == 204
    assert (await scenario.admin.get(f"{BASE}/{program['id']}/")).status_code == 404
    assert program["id"] in {str(fact.program_id) for fact in await scenario.service.announced(ProgramDeleted)}


async def test_the_first_submission_freezes_the_criteria_however_often_it_is_heard(scenario):
    program = await scenario.published()
    url = f"{BASE}/{program['id']}"
    event = await scenario.service.deliver(submission(program))
    await scenario.service.deliver(event)
    await scenario.service.deliver(submission(program))
    refused = await scenario.admin.put(f"{url}/criteria/", json={"items": program["criteria"]})
    assert refused.status_code == 409
    assert refused.json()["code"] == "criteria_frozen"
    other = await scenario.admin.put(f"{url}/benefits/", json={"items": [{"title": "Advice"}]})
    assert other.status_code == 200


async def test_a_public_programme_stays_sound(scenario):
    program = await scenario.published()
    url = f"{BASE}/{program['id']}"
    board = (await scenario.admin.get(f"{url}/executives/")).json()["items"]
    attempts = [
        (await scenario.admin.put(f"{url}/criteria/", json={"items": program["criteria"][:1]}), "weights_not_100"),
        (await scenario.admin.delete(f"{url}/executives/{board[0]['user_id']}/"), "board_too_small"),
        (await scenario.admin.patch(f"{url}/", json={"review_quorum": 3}), "board_too_small"),
        (await scenario.admin.patch(f"{url}/", json={"close_date": "2025-12-31"}), "dates_invalid"),
    ]
    for answer, code in attempts:
        assert answer.status_code == 409
        assert code in [error["code"] for error in answer.json()["errors"]]
    assert (await scenario.admin.get(f"{url}/")).json() == program


async def test_moves_that_a_state_does_not_allow_name_the_state(scenario):
    program = await scenario.published()
    url = f"{BASE}/{program['id']}"
    again = await scenario.admin.post(f"{url}/publish/", json={})
    assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "illegal_state", "open")
    assert (await scenario.admin.post(f"{url}/close/", json={})).json()["status"] == "closed"
    assert (await scenario.admin.post(f"{url}/close/", json={})).json()["state"] == "closed"
    assert (await scenario.admin.post(f"{url}/archive/", json={})).json()["status"] == "archived"
    late = await scenario.admin.patch(f"{url}/", json={"slots": 1})
    assert (late.status_code, late.json()["state"]) == (409, "archived")


async def test_a_past_programme_cannot_be_published(scenario):
    program = await scenario.ready(open_date="2025-01-01", close_date="2025-02-01")
    answer = await scenario.admin.post(f"{BASE}/{program['id']}/publish/", json={})
    assert [error["code"] for error in answer.json()["errors"]] == ["dates_invalid"]


async def test_only_executives_sit_on_a_board_once_each_under_one_chair(scenario):
    program = await scenario.draft()
    url = f"{BASE}/{program['id']}/executives"
    body = {"display_name": "Ngozi A.", "title": "Chair", "is_chair": True}
    stranger = await scenario.admin.post(f"{url}/{new_id()}/", json=body)
    assert (stranger.status_code, stranger.json()["code"]) == (409, "not_an_executive")
    first = await scenario.seat(program["id"], chair=True)
    again = await scenario.admin.post(f"{url}/{first}/", json=body | {"is_chair": False})
    assert (again.status_code, again.json()["code"]) == (409, "already_on_board")
    second = await scenario.admin.post(f"{url}/{await scenario.executive()}/", json=body)
    assert (second.status_code, second.json()["code"]) == (409, "chair_taken")
    absent = await scenario.admin.delete(f"{url}/{new_id()}/")
    assert absent.status_code == 404


async def test_who_returns_to_a_board_gets_the_same_seat(scenario):
    program = await scenario.draft()
    user_id = await scenario.seat(program["id"])
    url = f"{BASE}/{program['id']}/executives"
    seat = (await scenario.admin.get(f"{url}/")).json()["items"][0]["id"]
    assert (await scenario.admin.delete(f"{url}/{user_id}/")).status_code == 204
    back = await scenario.admin.post(f"{url}/{user_id}/", json={"display_name": "N", "title": "T", "is_chair": True})
    assert (back.status_code, back.json()["id"]) == (201, seat)


async def test_who_loses_the_role_leaves_every_board(scenario):
    program = await scenario.published()
    user_id = (await scenario.admin.get(f"{BASE}/{program['id']}/")).json()["executives"][1]["user_id"]
    change = RoleChanged.model_validate(
        {"user_id": user_id, "role": "member", "previous_role": "executive", "role_version": 1}
    )
    event = await scenario.service.deliver(change)
    await scenario.service.deliver(event)
    board = (await scenario.public.get(f"{BASE}/{program['id']}/executives/")).json()["items"]
    assert len(board) == 1
    left = [fact for fact in await scenario.service.announced(ExecutiveRemoved) if str(fact.user_id) == user_id]
    assert len(left) == 1
    snapshots = [
        fact for fact in await scenario.service.announced(ProgramUpdated) if str(fact.program_id) == program["id"]
    ]
    assert len(snapshots[-1].executives) == 1


async def test_an_erased_executive_leaves_no_name_behind(scenario):
    program = await scenario.published()
    await scenario.admin.post(f"{BASE}/{program['id']}/archive/", json={})
    user_id = (await scenario.admin.get(f"{BASE}/{program['id']}/")).json()["executives"][0]["user_id"]
    await scenario.service.deliver(UserErased.model_validate({"user_id": user_id}))
    assert "Chair" not in (await scenario.public.get(f"{BASE}/{program['id']}/")).text


async def test_lists_refuse_ids_they_do_not_have(scenario):
    program = await scenario.published()
    other = await scenario.draft()
    url = f"{BASE}/{other['id']}/criteria/"
    stolen = await scenario.admin.put(url, json={"items": program["criteria"]})
    assert stolen.status_code == 422
    assert stolen.json()["errors"][0]["field"] == "items.0.id"
    mine = (await scenario.admin.put(url, json={"items": [{"name": "A", "max_score": 5, "weight": "9.00"}]})).json()
    twice = await scenario.admin.put(url, json={"items": [mine["items"][0], mine["items"][0] | {"name": "B"}]})
    assert twice.json()["errors"][0]["code"] == "duplicate_id"


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("criteria", {"name": "A", "max_score": 10, "weight": 60.0}),
        ("criteria", {"name": "A", "max_score": 10, "weight": "100.01"}),
        ("criteria", {"name": "A", "max_score": 10, "weight": "33.333"}),
        ("criteria", {"name": "A", "max_score": 0, "weight": "10.00"}),
        ("criteria", {"name": "A", "max_score": 2.5, "weight": "10.00"}),
        ("qualifications", {"text": "x", "rule": {"field": "age", "op": "like", "value": 1}}),
        ("qualifications", {"text": "x", "rule": {"field": "age", "op": "in", "value": 1}}),
        ("qualifications", {"text": "x", "rule": {"field": "age", "op": "gt", "value": {}}}),
        ("requirements", {"name": "x", "required": "yes"}),
        ("timeline", {"name": "x", "starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"}),
        ("timeline", {"name": "x", "starts_at": 1, "ends_at": 2}),
        ("timeline", {"name": "x", "starts_at": "1767225600", "ends_at": "1769904000"}),
        ("timeline", {"name": "x", "starts_at": "2026-01-02T00:00:00", "ends_at": "2026-01-03T00:00:00"}),
        ("timeline", {"name": "x", "starts_at": "0001-01-01T00:00:00+14:00", "ends_at": "2026-01-03T00:00:00Z"}),
    ],
)
async def test_items_that_break_a_rule_are_refused(scenario, kind, item):
    program = await scenario.draft()
    answer = await scenario.admin.put(f"{BASE}/{program['id']}/{kind}/", json={"items": [item]})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]
    assert (await scenario.admin.get(f"{BASE}/{program['id']}/")).json()[kind] == []


async def test_phases_do_not_overlap(scenario):
    program = await scenario.draft()
    phases = [
        {"name": "a", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-02-01T00:00:00Z"},
        {"name": "b", "starts_at": "2026-01-31T00:00:00Z", "ends_at": "2026-03-01T00:00:00Z"},
    ]
    answer = await scenario.admin.put(f"{BASE}/{program['id']}/timeline/", json={"items": phases})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "overlapping"


async def test_a_programme_too_large_for_an_event_is_refused(scenario):
    program = await scenario.draft()
    items = [{"text": "\u00e9" * 9_000} for _ in range(20)]
    answer = await scenario.admin.put(f"{BASE}/{program['id']}/qualifications/", json={"items": items})
    assert answer.status_code == 422
    assert answer.json()["code"] == "program_too_large"
    assert (await scenario.admin.get(f"{BASE}/{program['id']}/")).json()["qualifications"] == []


async def test_two_admins_at_once_cannot_seat_two_chairs(scenario):
    program = await scenario.draft()
    users = [await scenario.executive() for _ in range(4)]
    body = {"display_name": "N", "title": "T", "is_chair": True}
    answers = await asyncio.gather(
        *(scenario.admin.post(f"{BASE}/{program['id']}/executives/{user}/", json=body) for user in users)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
