"""Who is calling: the peer's address, or what a trusted proxy says about it."""

import ipaddress
from collections.abc import Sequence

from gateway.headers import Headers, find

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ClientAddresses:
    """Believes `X-Forwarded-For` and `X-Real-IP` only from the proxies it was told to trust."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        """`trusted_proxies`: addresses or CIDR networks. Raises ValueError for anything else."""
        self._trusted: list[Network] = [ipaddress.ip_network(entry, strict=False) for entry in trusted_proxies]

    def is_trusted(self, address: str) -> bool:
        """Whether this peer is one of our own proxies."""
        if not self._trusted:
            return False
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)

    def client_of(self, peer: str, headers: Headers) -> str:
        """The client's address: the last hop in `X-Forwarded-For` that is not ours, for it alone can't be forged."""
        if not self.is_trusted(peer):
            return peer
        headers = list(headers)
        hops = [
            hop.strip()
            for name, value in headers
            if name == b"x-forwarded-for"
            for hop in value.decode("latin-1").split(",")
        ]
        for hop in reversed(hops):
            if not _is_address(hop):
                return peer
            if not self.is_trusted(hop):
                return hop
        said = (find(headers, b"x-real-ip") or b"").decode("latin-1").strip()
        return said if _is_address(said) else peer

    def scheme_of(self, peer: str, headers: Headers, scheme: str) -> str:
        """`https` when a trusted proxy says that the client came over TLS, else the connection's own."""
        said = find(headers, b"x-forwarded-proto") if self.is_trusted(peer) else None
        return said.decode("ascii") if said in {b"http", b"https"} else scheme


def rate_limit_key(address: str) -> str:
    """IPv6 clients own a whole /64, so that is what is counted; IPv4 addresses count one by one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
