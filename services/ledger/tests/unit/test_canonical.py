"""One value, one encoding."""

import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import canonical
from ledger.domain.refusals import NotCanonicalError

DATA = Path(__file__).parents[1] / "data"
KEYS = st.from_regex(r"[A-Za-z0-9_.:-]+", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
INTEGERS = st.integers(-canonical.INTEGER_MAX, canonical.INTEGER_MAX)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)


@given(VALUES)
def test_the_fast_encoding_agrees_with_rfc_8785_on_the_whole_profile(value):
    encoded = canonical.encode(value)
    assert encoded == rfc8785.dumps(value)
    assert canonical.decode(encoded) == value


@given(st.characters(max_codepoint=0x2FF) | st.sampled_from("\u2028\u2029\ufeff\U0001f600\uffff"))
def test_every_single_character_is_escaped_as_rfc_8785_does(character):
    assert canonical.encode(character) == rfc8785.dumps(character)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        {"a": [0.5]},
        2**53,
        -(2**53),
        {"key with space": 1},
        {"": 1},
        {"ключ": 1},
        {"a\n": 1},
        {1: "a"},
        "\ud800",
        {"a": "\udfff"},
        (1, 2),
        b"bytes",
        {"a": {1, 2}},
    ],
)
def test_what_is_outside_the_profile_is_refused(value):
    with pytest.raises(NotCanonicalError):
        canonical.encode(value)


def test_nesting_and_size_are_bounded():
    deep: object = 1
    for _ in range(1000):
        deep = [deep]
    with pytest.raises(NotCanonicalError, match="nested"):
        canonical.encode(deep)
    assert len(canonical.encode("x" * 65_533)) == 65_535
    with pytest.raises(NotCanonicalError, match="bytes"):
        canonical.encode("x" * 65_534)


@pytest.mark.parametrize(
    "encoded",
    [
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'"\\u0041"',
        b'{"a":-0}',
        b'{"a":1}\n',
        b'{"a":',
        b"\xff",
        b'"\\ud800"',
        b"NaN",
    ],
)
def test_bytes_that_are_not_the_one_encoding_are_refused(encoded):
    with pytest.raises(NotCanonicalError):
        canonical.decode(encoded)


def test_the_vectors_of_rfc_8785_that_lie_within_the_profile_agree():
    agreed = []
    for source in sorted((DATA / "jcs" / "input").glob("*.json")):
        value = json.loads(source.read_text(encoding="utf-8"))
        try:
            encoded = canonical.encode(value)
        except NotCanonicalError:
            continue  # foreign keys or floats: not of our profile
        assert encoded == (DATA / "jcs" / "output" / source.name).read_bytes()
        agreed.append(source.stem)
    assert agreed
