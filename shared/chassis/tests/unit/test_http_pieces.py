"""Cursors, ETags, amounts: the small pieces that every answer is made of."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Annotated
from uuid import UUID

import pytest
from fastapi import APIRouter, Depends
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request

from chassis.api.middleware import sane_request_id
from chassis.api.pages import PageQuery, encode_cursor, page_of
from chassis.api.preconditions import IfMatch, conditional, version_etag
from chassis.api.routing import OwnWorkRoute, UnitOfWorkRoute
from chassis.api.values import Body, Money, PositiveMoney, SaneDate, WholeNumber
from chassis.clock import rfc3339
from chassis.ids import new_id
from chassis.refusals import FieldRefusalError, StaleVersionError
from chassis.tracing import child_traceparent, valid_traceparent


def request_with(**headers: str):
    return SimpleNamespace(headers=Headers({name.replace("_", "-"): value for name, value in headers.items()}))


@given(st.uuids(), st.integers(0, 10**9))
def test_a_cursor_gives_back_what_it_was_made_of(identifier: UUID, number: int):
    query = PageQuery(cursor=encode_cursor(identifier, number))
    assert query.position(UUID, int) == (identifier, number)


@pytest.mark.parametrize("cursor", ["x", "!!!!", "bnVsbA", encode_cursor("a", "b", "c"), encode_cursor("no-id", 1)])
def test_a_cursor_of_another_list_is_refused_by_name(cursor: str):
    with pytest.raises(FieldRefusalError) as refusal:
        PageQuery(cursor=cursor).position(UUID, int)
    assert refusal.value.errors[0][0] == "cursor"


@pytest.mark.parametrize(("rows", "more"), [(0, False), (19, False), (20, False), (21, True)])
def test_a_page_has_a_cursor_exactly_when_there_is_more(rows, more):
    page = page_of(list(range(rows)), 20, item=lambda row: row, key=lambda row: (row,))
    assert len(page["items"]) == min(rows, 20)
    assert (page["next_cursor"] is not None) is more


def test_if_match_takes_the_present_version_a_list_and_a_star_and_never_a_weak_tag():
    present = version_etag(3)
    for header in ('"v3"', '"v1", "v3"', "*"):
        IfMatch(request_with(if_match=header)).check(present)
    IfMatch(request_with()).check(present)
    for header in ('"v2"', 'W/"v3"', "v3", ""):
        with pytest.raises(StaleVersionError):
            IfMatch(request_with(if_match=header)).check(present)


def test_nothing_matches_what_is_not_there_yet_a_star_included():
    for header in ("*", '"v1"', ""):
        with pytest.raises(StaleVersionError):
            IfMatch(request_with(if_match=header)).check(None)
    IfMatch(request_with()).check(None)


def test_several_lines_of_tags_are_one_list():
    lines = [(b"if-match", b'"v1"'), (b"if-match", b'"v2"'), (b"if-none-match", b"x"), (b"if-none-match", b'W/"v2"')]
    request = Request({"type": "http", "headers": lines})
    IfMatch(request).check('"v2"')
    assert conditional(request, b"{}", etag='"v2"').status_code == 304


class Numbers(BaseModel):
    number: WholeNumber


@pytest.mark.parametrize("number", ["1.0", "1_0", "+1", " 1", "1 ", "01", "1e1", "", "٣", "-", "-0"])
def test_a_whole_number_is_written_in_one_way_only(number: str):
    with pytest.raises(ValidationError):
        Numbers.model_validate({"number": number})
    assert [Numbers.model_validate({"number": text}).number for text in ("0", "-5", "10")] == [0, -5, 10]


class Days(BaseModel):
    day: SaneDate


@pytest.mark.parametrize(
    "day",
    [
        0, 1764374400, 20260101, 1.0, True, None, "0", "1764374400", "20260101", "2026-1-1", "2026-01-01 ",
        "2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+14:00", "2026-W01-1", "٢026-01-01",
        "2026-02-29", "1899-12-31", "3000-01-01", "0001-01-01", "9999-12-31",
    ],
)  # fmt: skip
def test_a_day_is_written_in_one_way_only_and_never_as_seconds_or_with_a_time(day: object):
    with pytest.raises(ValidationError):
        Days.model_validate({"day": day})
    assert Days.model_validate({"day": "2028-02-29"}).day == date(2028, 2, 29)
    assert Days.model_json_schema()["properties"]["day"]["format"] == "date"


def test_what_the_client_has_is_answered_304_without_a_body():
    first = conditional(request_with(), b"{}")
    again = conditional(request_with(if_none_match=first.headers["etag"]), b"{}")
    weak = conditional(request_with(if_none_match="W/" + first.headers["etag"]), b"{}")
    changed = conditional(request_with(if_none_match=first.headers["etag"]), b"{1}")
    assert [answer.status_code for answer in (first, again, weak, changed)] == [200, 304, 304, 200]
    assert again.body == b""
    assert first.headers["cache-control"] == "public, max-age=10"


class Amounts(Body):
    positive: PositiveMoney
    any: Money = "0"


@pytest.mark.parametrize(("given_as", "kept_as"), [("1", "1.00"), ("0.5", "0.50"), ("999999999999999.99",) * 2])
def test_an_amount_is_kept_with_exactly_two_digits(given_as: str, kept_as: str):
    assert Amounts(positive=given_as).positive == kept_as


@given(st.text(max_size=30))
def test_no_text_that_is_not_an_amount_passes(text: str):
    try:
        kept = Amounts(positive=text).positive
    except ValidationError:
        return
    assert kept.isascii()
    assert len(kept.partition(".")[2]) == 2
    assert "e" not in kept.lower()


def test_ids_sort_by_the_time_they_were_made():
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made)
    assert {identifier.version for identifier in made} == {7}


def test_times_have_one_spelling():
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"


def test_a_trace_is_carried_on_with_a_span_of_our_own_and_nonsense_starts_a_new_one():
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    child = child_traceparent(valid_traceparent(parent))
    assert child.split("-")[1] == parent.split("-")[1]
    assert child.split("-")[2] != parent.split("-")[2]
    for nonsense in (None, "", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", parent.upper(), parent + "x"):
        assert valid_traceparent(nonsense) is None
    assert valid_traceparent(child_traceparent(None)) is not None


@pytest.mark.parametrize("value", ["", "a b", "x" * 101, "é", "a\nb"])
def test_a_request_id_that_could_forge_a_log_line_is_not_taken(value: str):
    assert sane_request_id(value) is None


def in_a_thread() -> int:
    return 1


class MadeInAThread:
    pass


async def through_another(_: Annotated[int, Depends(in_a_thread)]) -> int:
    return 2


@pytest.mark.parametrize("dependency", [in_a_thread, MadeInAThread, through_another])
@pytest.mark.parametrize("route_class", [OwnWorkRoute, UnitOfWorkRoute])
def test_a_route_refuses_what_would_be_given_a_thread_for_each_request(route_class, dependency):
    router = APIRouter(route_class=route_class)

    async def read(_: Annotated[object, Depends(dependency)]) -> None: ...

    with pytest.raises(TypeError, match="coroutine function"):
        router.get("/some/")(read)
    with pytest.raises(TypeError, match="in_a_thread"):
        router.get("/some/")(in_a_thread)
