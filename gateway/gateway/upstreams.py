"""Connections to the services: one pool each, so that a hung service takes no other with it."""

from types import TracebackType
from typing import Final, Self

import aiohttp

from gateway.routes import Service
from gateway.settings import GatewaySettings

# Shorter than the keep-alive of our services (65 s): a connection that a service is about to close is not reused, for
# a POST that meets it cannot be repeated.
_KEEP_ALIVE_SECONDS: Final = 30.0
# Services answer with at most this much of headers in one line and one field.
_HEADER_BYTES_MAX: Final = 32 * 1024
# Bigger reads make fewer wake-ups while a download streams through.
_READ_BUFFER_BYTES: Final = 256 * 1024


class Upstreams:
    """One aiohttp client per service. Sends nothing by itself: no cookies, no redirects, no decompression."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._clients: dict[Service, aiohttp.ClientSession] = {}
        self._bases = {service: settings.url_of(service) for service in Service}

    async def __aenter__(self) -> Self:
        for service in Service:
            connector = aiohttp.TCPConnector(
                limit=self._settings.connections_per_service_max,
                keepalive_timeout=_KEEP_ALIVE_SECONDS,
                ttl_dns_cache=10,
            )
            self._clients[service] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                raise_for_status=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                max_line_size=_HEADER_BYTES_MAX,
                max_field_size=_HEADER_BYTES_MAX,
                read_bufsize=_READ_BUFFER_BYTES,
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            await client.close()

    def client(self, service: Service) -> aiohttp.ClientSession:
        """The client of a service; only inside `async with`."""
        return self._clients[service]

    def base(self, service: Service) -> str:
        """The service's base address, without a slash at its end."""
        return self._bases[service]
