"""Addresses, names, numbers; who may decide about whom; windows of attempts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.domain.people import is_nin, is_phone, normal_email, normal_username
from identity.domain.sessions import Session
from identity.domain.throttle import Limit, recent, wait_seconds

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["a@x.ng", "Amina.B+grants@mail.example.com", "o'neil@x-y.co.uk"])
def test_an_address_is_kept_in_lower_case(text):
    assert normal_email(text) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "amina",
        "@x.ng",
        "a@",
        "a@x",
        "a@@x.ng",
        "a b@x.ng",
        ".a@x.ng",
        "a..b@x.ng",
        "a@-x.ng",
        "a@x..ng",
        "a@x.ng\n",
        "a@x.ng\r\nBcc: b@x.ng",
        "<a@x.ng>",
        f"{'a' * 65}@x.ng",
        f"a@{'x' * 64}.ng",
        f"a@{'x.' * 130}ng",
        "\u0430mina@\u0445.ng",
    ],
)
def test_what_is_no_address_is_none(text):
    assert normal_email(text) is None


@given(st.text(max_size=300))
def test_any_text_is_an_address_in_one_line_or_none(text):
    normal = normal_email(text)
    assert normal is None or (normal.isascii() and normal.isprintable() and normal.count("@") == 1)


@pytest.mark.parametrize(
    ("text", "normal"), [("Amina_B.1-x", "amina_b.1-x"), ("ab", None), ("a" * 31, None), ("amína", None), ("a b", None)]
)
def test_a_username_is_lower_case_or_none(text, normal):
    assert normal_username(text) == normal


@pytest.mark.parametrize("text", ["+2348000000000", "+442071838750", "+1234567"])
def test_a_number_in_e164_is_a_phone(text):
    assert is_phone(text)


@pytest.mark.parametrize(
    "text", ["08000000000", "+0348000000000", "+234 800", "+12345", "+1234567890123456", "+٢٣٤٨٠٠٠٠"]
)
def test_any_other_number_is_none(text):
    assert not is_phone(text)


def test_a_nin_is_eleven_digits():
    assert is_nin("12345678901")
    assert not any(is_nin(text) for text in ("1234567890", "123456789012", "1234567890a", "١٢٣٤٥٦٧٨٩٠١"))


def test_a_window_lets_through_so_many_and_tells_how_long_to_wait():
    limit = Limit(5)
    times = [NOW - timedelta(seconds=seconds) for seconds in (70, 50, 40, 30, 20)]
    assert wait_seconds(recent(times, NOW, limit), NOW, limit) == 0
    times.append(NOW)
    assert wait_seconds(recent(times, NOW, limit), NOW, limit) == 10
    later = NOW + timedelta(seconds=10)
    assert wait_seconds(recent(times, later, limit), later, limit) == 0


@given(st.lists(st.integers(-1000, 1000), max_size=50), st.integers(1, 20))
def test_nobody_waits_longer_than_the_window_whatever_the_clock_did(offsets, attempts):
    limit = Limit(attempts)
    times = recent([NOW + timedelta(seconds=offset) for offset in offsets], NOW, limit)
    assert 0 <= wait_seconds(times, NOW, limit) <= limit.window_seconds


def session(**changes):
    fields = {
        "session_id": None,
        "user_id": None,
        "auth_time": NOW,
        "created_at": NOW,
        "last_used_at": NOW,
        "expires_at": NOW + timedelta(days=30),
        "revoked_at": None,
    }
    return Session(**{**fields, **changes})


def test_a_session_lives_until_it_is_idle_old_or_ended():
    assert session().is_alive(NOW + timedelta(days=13, hours=23))
    assert not session().is_alive(NOW + timedelta(days=14))
    assert not session(last_used_at=NOW + timedelta(days=29)).is_alive(NOW + timedelta(days=30))
    assert not session(revoked_at=NOW).is_alive(NOW)
