"""The programme's part of the journey: written, given criteria and a board, published, told to the others."""

import pytest

from contracts.programs import ExecutiveAdded, ProgramCreated, ProgramPublished, ProgramUpdated

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "/api/v1/programs"


async def test_a_new_programme_is_a_draft_with_a_slug_and_empty_parts(scenario):
    program = await scenario.draft(title="A First Programme")
    assert program["status"] == "draft"
    assert program["slug"] == "a-first-programme"
    assert program["budget"] == "5000000.00"
    assert program["time_zone"] == "Africa/Lagos"
    assert program["created_at"].endswith("Z")
    for part in ("qualifications", "requirements", "criteria", "benefits", "timeline", "executives"):
        assert program[part] == []


async def test_its_parts_are_replaced_as_whole_lists_and_keep_their_ids(scenario):
    program = await scenario.draft()
    url = f"{BASE}/{program['id']}"
    sent = {
        "qualifications": [{"text": "Adults", "rule": {"field": "age", "op": "gte", "value": 18}}, {"text": "Kano"}],
        "requirements": [{"name": "CAC certificate", "description": "pdf", "required": True}],
        "criteria": [{"name": "Impact", "max_score": 10, "weight": "100.00"}],
        "benefits": [{"title": "Advice", "description": "A year of it"}],
        "timeline": [
            {"name": "Apply", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-02-01T00:00:00+01:00"},
            {"name": "Review", "starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-03-01T00:00:00Z"},
        ],
    }
    for kind, items in sent.items():
        first = await scenario.admin.put(f"{url}/{kind}/", json={"items": items})
        assert first.status_code == 200, first.text
        again = await scenario.admin.put(f"{url}/{kind}/", json={"items": list(reversed(first.json()["items"]))[:1]})
        if kind == "timeline":
            assert again.status_code == 200
        assert again.json()["items"] == first.json()["items"][-1:]
    whole = (await scenario.admin.get(f"{url}/")).json()
    assert whole["qualifications"][0]["rule"] is None
    assert whole["timeline"][0]["name"] == "Review"
    assert whole["criteria"][0]["weight"] == "100.00"


async def test_the_form_comes_back_as_it_was_sent(scenario):
    program = await scenario.draft()
    schema = {"type": "object", "properties": {"zeal": {"type": "string"}, "age": {"type": "integer", "minimum": 0}}}
    answer = await scenario.admin.put(f"{BASE}/{program['id']}/form/", json={"schema": schema})
    assert answer.status_code == 200
    assert answer.json() == {"schema": schema}
    whole = (await scenario.admin.get(f"{BASE}/{program['id']}/")).json()
    assert list(whole["form"]["properties"]) == ["zeal", "age"]


async def test_publishing_names_everything_that_is_missing_at_once(scenario):
    program = await scenario.draft(open_date="2026-05-01", close_date="2026-04-01")
    answer = await scenario.admin.post(f"{BASE}/{program['id']}/publish/", json={})
    assert answer.status_code == 409
    codes = {error["code"] for error in answer.json()["errors"]}
    assert codes == {"criteria_missing", "weights_not_100", "board_too_small", "dates_invalid"}
    assert (await scenario.admin.get(f"{BASE}/{program['id']}/")).json()["status"] == "draft"


async def test_a_complete_programme_opens_and_everybody_sees_it(scenario):
    program = await scenario.ready()
    hidden = await scenario.public.get(f"{BASE}/{program['id']}/")
    assert hidden.status_code == 404
    opened = await scenario.admin.post(f"{BASE}/{program['id']}/publish/", json={})
    assert opened.status_code == 200
    assert opened.json()["status"] == "open"
    shown = await scenario.public.get(f"{BASE}/{program['id']}/")
    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "public, max-age=10"
    assert "user_id" not in shown.json()["executives"][0]
    assert shown.json()["executives"][0]["is_chair"] is True
    known = await scenario.public.get(f"{BASE}/{program['id']}/", headers={"If-None-Match": shown.headers["etag"]})
    assert known.status_code == 304
    assert known.content == b""


async def test_the_others_are_told_the_whole_programme(scenario):
    program = await scenario.published()
    about = [
        [fact for fact in await scenario.service.announced(kind) if str(fact.program_id) == program["id"]]
        for kind in (ProgramCreated, ProgramUpdated, ExecutiveAdded, ProgramPublished)
    ]
    created, updated, seated, published = about
    assert [fact.currency for fact in created] == ["NGN"]
    assert [fact.revision for fact in updated] == [1, 2, 3, 4]
    assert [fact.is_chair for fact in seated] == [True, False]
    assert published[0].revision == 5
    assert published[0].status == "open"
    assert [criterion.weight for criterion in published[0].criteria] == ["60.00", "40.00"]
    assert {seat.user_id for seat in published[0].executives} == {fact.user_id for fact in seated}
    assert [str(item.criterion_id) for item in published[0].criteria] == [item["id"] for item in program["criteria"]]


async def test_the_board_is_public_by_name_and_title_only(scenario):
    program = await scenario.published()
    answer = await scenario.public.get(f"{BASE}/{program['id']}/executives/")
    assert answer.status_code == 200
    assert [set(seat) for seat in answer.json()["items"]] == [{"id", "display_name", "title", "is_chair"}] * 2


async def test_every_path_works_without_its_last_slash(scenario):
    program = await scenario.published()
    answer = await scenario.public.get(f"{BASE}/{program['id']}")
    assert answer.status_code == 200
    assert (await scenario.public.get(BASE)).status_code == 200
