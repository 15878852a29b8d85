"""Forms, eligibility, opening dates, documents by content, the frozen submission."""

import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from applications.domain.application import Application, Status
from applications.domain.document import content_type_of
from applications.domain.form import errors_in_answers, errors_in_draft, errors_in_eligibility
from applications.domain.program import Program, Qualification
from applications.domain.refusals import ProgramNotOpenError
from applications.domain.submission import freeze
from chassis.ids import new_id

FORM: dict[str, Any] = {
    "type": "object",
    "required": ["business", "age"],
    "additionalProperties": False,
    "properties": {
        "business": {"type": "string", "minLength": 3, "maxLength": 10},
        "age": {"type": "integer", "minimum": 18},
        "site": {"$ref": "https://example.org/nowhere.json"},
    },
}


def test_a_draft_is_refused_for_what_more_typing_cannot_mend() -> None:
    assert errors_in_draft(FORM, {}) == []
    assert errors_in_draft(FORM, {"business": "x", "age": 3}) == []
    wrong = errors_in_draft(FORM, {"business": "x" * 11, "age": "old", "colour": "red"})
    assert sorted((field, code) for field, code, _ in wrong) == [
        ("answers.age", "type"),
        ("answers.business", "maxlength"),
        ("answers.colour", "unknown"),
    ]


def test_complete_answers_are_checked_whole_and_every_fault_is_named() -> None:
    assert errors_in_answers(FORM, {"business": "tailor", "age": 18}) == []
    found = errors_in_answers(FORM, {"age": 17})
    assert sorted((field, code) for field, code, _ in found) == [
        ("answers.age", "minimum"),
        ("answers.business", "missing"),
    ]
    assert len(errors_in_answers(FORM, {})) == 2


def test_a_form_never_makes_us_fetch_anything() -> None:
    found = errors_in_answers(FORM, {"business": "tailor", "age": 18, "site": "x"})
    assert [code for _, code, _ in found] == ["form"]


@pytest.mark.parametrize("broken", [{"type": "strin"}, {"properties": {"a": {"pattern": "("}}}, {"$ref": "#/nowhere"}])
def test_a_broken_form_is_a_refusal_and_never_a_fault(broken: dict[str, Any]) -> None:
    assert [code for _, code, _ in errors_in_answers(broken, {"a": "b"})] == ["form"]
    assert errors_in_draft(broken, {"a": "b"}) == []


def test_messages_do_not_repeat_what_the_applicant_wrote() -> None:
    found = errors_in_answers(FORM, {"business": "a secret that is too long", "age": 18})
    assert "secret" not in json.dumps(found)


@pytest.mark.parametrize(
    ("rule", "answers", "eligible"),
    [
        ({"field": "age", "op": "gte", "value": 18}, {"age": 18}, True),
        ({"field": "age", "op": "gte", "value": 18}, {"age": 17}, False),
        ({"field": "age", "op": "gte", "value": 18}, {"age": "18"}, False),
        ({"field": "age", "op": "gte", "value": 18}, {}, False),
        ({"field": "state", "op": "in", "value": ["Kano", "Kaduna"]}, {"state": "Kano"}, True),
        ({"field": "state", "op": "ne", "value": "Kano"}, {"state": "Kano"}, False),
        ({"field": "state", "op": "resembles", "value": "Kano"}, {"state": "Kano"}, False),
        (None, {}, True),
    ],
)
def test_a_qualification_with_a_rule_decides_who_is_eligible(
    rule: dict[str, Any] | None, answers: dict[str, Any], *, eligible: bool
) -> None:
    found = errors_in_eligibility((Qualification(new_id(), "Adults of the north", rule),), answers)
    assert (found == []) is eligible


def _program(status: str = "open") -> Program:
    return Program(
        id=new_id(),
        status=status,
        currency="NGN",
        title="Tailors",
        open_date=date(2026, 1, 1),
        close_date=date(2026, 12, 31),
        time_zone="Africa/Lagos",
        award_min=Decimal(1),
        award_max=Decimal(2),
        review_quorum=2,
    )


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC), False),
        (datetime(2025, 12, 31, 23, 0, 0, tzinfo=UTC), True),  # midnight in Lagos
        (datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 23, 0, 0, tzinfo=UTC), False),
    ],
)
def test_dates_are_inclusive_and_in_the_programs_time_zone(moment: datetime, *, is_open: bool) -> None:
    if is_open:
        assert _program().require_open(moment) is None  # type: ignore[func-returns-value] # not raising is the point
    else:
        with pytest.raises(ProgramNotOpenError):
            _program().require_open(moment)


@pytest.mark.parametrize("status", ["draft", "closed", "archived"])
def test_only_an_open_program_is_open(status: str) -> None:
    with pytest.raises(ProgramNotOpenError):
        _program(status).require_open(datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"%PDF-1.7\n...\n%%EOF\n", "application/pdf"),
        (b"%PDF-1.7\n...", None),
        (b"\xff\xd8\xff\xe0....\xff\xd9", "image/jpeg"),
        (b"\xff\xd8\xff\xe0....", None),
        (b"\x89PNG\r\n\x1a\n....IEND\xaeB`\x82", "image/png"),
        (b"MZ\x90\x00", None),
        (b"<html>%PDF-1.7 %%EOF", None),
        (b"", None),
    ],
)
def test_a_document_is_what_its_content_says(content: bytes, content_type: str | None) -> None:
    assert content_type_of(content) == content_type


def test_a_submission_is_hashed_as_stored_and_says_nothing_that_could_be_guessed() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    application = Application(new_id(), new_id(), new_id(), Status.UNDER_REVIEW, 1, {"income": 1.5}, now, now)
    first, second = (freeze(application, [], None, None) for _ in range(2))
    assert hashlib.sha256(first.snapshot).hexdigest() == first.sha256
    assert json.loads(first.snapshot)["answers"] == {"income": 1.5}
    assert first.sha256 != second.sha256
