"""The contract between services: every event has its schema and example, and no change breaks an old consumer."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import contracts
from contracts.envelope import EVENT_SIZE_BYTES_MAX, Event, EventTooLargeError, UndecodableEventError, encode_fact
from contracts.fact import TYPE_PATTERN
from contracts.publication import check
from contracts.registry import FACT_BY_TYPE, fact_of

ROOT = Path(contracts.__file__).parent
TYPES = sorted(FACT_BY_TYPE)
# Names of fields that would hold a person's data; an event carries opaque ids only (06-security).
PERSONAL = re.compile(
    r"(email|phone|nin$|full_name|display_name|account_number|account_name|address|location|answers|content|transcript$)"
)


def load(folder: str, name: str) -> Any:
    return json.loads((ROOT / folder / f"{name}.json").read_text())


def test_schemas_and_asyncapi_are_what_the_models_say():
    assert check() == 0


@pytest.mark.parametrize("name", TYPES)
def test_each_event_has_a_real_example_that_is_read_and_written_the_same(name: str):
    example = load("examples", name)
    event = Event.from_bytes(json.dumps(example).encode())
    fact = fact_of(event)
    assert fact is not None
    assert event.type == name
    assert event.subject == fact.subject()
    assert json.loads(event.to_bytes()) == example
    Draft202012Validator(load("schemas", name)).validate(example["data"])
    before, after = encode_fact(
        fact,
        event_id=event.id,
        subject=fact.subject(),
        time=event.time,
        traceparent=event.traceparent,
        actorid=event.actorid,
        causationid=event.causationid,
        correlationid=event.correlationid,
    )
    assert before + str(event.sequence).encode() + after == event.to_bytes()


@pytest.mark.parametrize("name", TYPES)
def test_no_event_has_a_field_for_personal_data_or_a_float(name: str):
    assert TYPE_PATTERN.match(name)
    schema = load("schemas", name)
    objects = [schema, *schema.get("$defs", {}).values()]
    fields = [field for part in objects for field in part.get("properties", {})]
    assert fields
    assert [field for field in fields if PERSONAL.search(field)] == []
    assert '"number"' not in json.dumps(schema)


def breaks(old: Any, new: Any) -> list[str]:
    """What a consumer written for `old` would stumble over in events written by `new`."""
    found = [f"{field} is gone" for field in old.get("properties", {}) if field not in new.get("properties", {})]
    found += [
        f"{field} may now be missing" for field in old.get("required", []) if field not in new.get("required", [])
    ]
    for field, shape in old.get("properties", {}).items():
        present = new.get("properties", {}).get(field)
        if present is not None and present != shape:
            found.append(f"{field} changed from {shape} to {present}")
    for name, part in old.get("$defs", {}).items():
        found += [f"{name}: {problem}" for problem in breaks(part, new.get("$defs", {}).get(name, {}))]
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "released").glob("*.json")), ids=lambda path: path.stem)
def test_no_released_event_changes_in_a_way_that_breaks_an_old_consumer(path: Path):
    assert path.stem in FACT_BY_TYPE, "a released event type may not be removed: publish a new version beside it"
    assert breaks(json.loads(path.read_text()), load("schemas", path.stem)) == []


def test_the_compatibility_check_sees_a_removed_a_weakened_and_a_changed_field():
    old: dict[str, Any] = {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}
    assert breaks(old, {"properties": {"a": {"type": "string"}}, "required": ["a"]}) == ["b is gone"]
    assert breaks(old, {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": []}) == [
        "a may now be missing",
        "b changed from {'type': 'integer'} to {'type': 'string'}",
    ]
    assert breaks(old, {**old, "properties": {**old["properties"], "c": {"type": "string"}}}) == []


def test_an_event_over_the_size_cap_is_refused_on_both_sides():
    example = load("examples", "ledger.checkpoint_published.v1")
    event = Event.from_bytes(json.dumps(example).encode())
    with pytest.raises(EventTooLargeError):
        event.model_copy(update={"data": {"note": "x" * EVENT_SIZE_BYTES_MAX}}).to_bytes()
    with pytest.raises(UndecodableEventError):
        Event.from_bytes(b" " * (EVENT_SIZE_BYTES_MAX + 1))


def test_an_event_of_a_newer_producer_is_read_by_an_older_consumer():
    example = load("examples", "programs.program_created.v1")
    example["data"]["added_later"] = "ignored"
    example["newextension"] = "ignored"
    event = Event.from_bytes(json.dumps(example).encode())
    assert fact_of(event) is not None
    assert fact_of(event.model_copy(update={"type": "programs.not_yet_known.v1"})) is None
