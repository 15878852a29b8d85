"""Which network address a request counts for when attempts are limited."""

import ipaddress
from collections.abc import Sequence
from typing import Final

from fastapi import Request

# A person with IPv6 has a whole /64; counting single addresses would count nothing.
_IPV6_PREFIX: Final = 64


class ClientAddresses:
    """The peer's address, or what a trusted peer (the gateway) says about the client.

    The gateway drops what clients send and sets `X-Forwarded-For` afresh; its last entry is the one it wrote.
    """

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = [ipaddress.ip_network(entry, strict=False) for entry in trusted_proxies]

    def of(self, request: Request) -> str:
        """The address, a /64 network for IPv6, or `unknown`."""
        peer = _parse(request.client.host if request.client else "")
        if peer is None:
            return "unknown"
        if any(peer in network for network in self._trusted):
            said = request.headers.get("x-forwarded-for", "").rpartition(",")[2]
            peer = _parse(said) or peer
        if isinstance(peer, ipaddress.IPv6Address):
            if peer.ipv4_mapped is not None:
                return str(peer.ipv4_mapped)
            return str(ipaddress.ip_network((peer, _IPV6_PREFIX), strict=False))
        return str(peer)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None
