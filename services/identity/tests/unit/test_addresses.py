"""Whose attempt it is: the client's address as the gateway gives it, and nobody else."""

import pytest
from fastapi import Request

from identity.api.addresses import ClientAddresses


def request(peer, forwarded=None):
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    client = None if peer is None else (peer, 1234)
    return Request({"type": "http", "headers": headers, "client": client})


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.7", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.7", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.7", None, "10.0.0.7"),
        ("10.0.0.7", "nonsense", "10.0.0.7"),
        ("10.0.0.7", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", None, "203.0.113.9"),
        (None, "203.0.113.9", "unknown"),
        ("", None, "unknown"),
    ],
)
def test_the_gateway_is_believed_and_a_client_is_not(peer, forwarded, address):
    assert ClientAddresses(["10.0.0.0/8"]).of(request(peer, forwarded)) == address
