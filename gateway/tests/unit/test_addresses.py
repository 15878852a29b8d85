"""Whose address counts."""

import pytest

from gateway.addresses import ClientAddresses, rate_limit_key


def test_nobody_is_believed_when_nobody_is_trusted():
    addresses = ClientAddresses([])
    assert addresses.client_of("127.0.0.1", [(b"x-forwarded-for", b"6.6.6.6")]) == "127.0.0.1"


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ([(b"x-forwarded-for", b"6.6.6.6, 203.0.113.9, 10.0.0.7")], "203.0.113.9"),
        ([(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.9")], "203.0.113.9"),
        ([(b"x-forwarded-for", b"6.6.6.6, nonsense")], "10.0.0.1"),
        ([(b"x-forwarded-for", b"10.0.0.7"), (b"x-real-ip", b"203.0.113.9")], "203.0.113.9"),
        ([(b"x-real-ip", b"203.0.113.9")], "203.0.113.9"),
        ([(b"x-real-ip", b"<script>")], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_from_a_trusted_proxy_the_last_hop_that_is_not_ours_counts(headers, client):
    assert ClientAddresses(["10.0.0.0/8"]).client_of("10.0.0.1", headers) == client


def test_an_ipv6_client_is_counted_by_its_network():
    assert rate_limit_key("2001:db8::1") == rate_limit_key("2001:db8::ffff:1")
    assert rate_limit_key("::ffff:1.2.3.4") == "1.2.3.4"
    assert rate_limit_key("1.2.3.4") == "1.2.3.4"
