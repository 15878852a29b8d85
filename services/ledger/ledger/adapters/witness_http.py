"""Speaks to witnesses over HTTP (C2SP tlog-witness). What they send is bounded, and none of it is believed here."""

import asyncio
from hashlib import sha256
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, Self

import httpx

from ledger.domain.witness_policy import Witness
from ledger.domain.witnessing import AddCheckpoint
from ledger.use_cases.witness_ports import WitnessAnswer, WitnessFailedError

# A checkpoint with many signatures; an answer to add-checkpoint is a line or two.
ANSWER_BYTES_MAX: Final = 64 * 1024
# One connection a witness is all that is ever needed; kept open between rounds, as the specification asks.
KEEP_ALIVE_SECONDS: Final = 60
_PORT_MAX: Final = 65_535


def can_be_asked(url: str) -> bool:
    """Whether requests can be made of a witness's URL: a policy may hold any octets, which nobody could be asked at."""
    try:
        address = httpx.URL(f"{url}/add-checkpoint")
    except (httpx.InvalidURL, UnicodeEncodeError):
        return False
    return bool(address.host) and (address.port is None or 0 < address.port <= _PORT_MAX)


class HttpWitnessClient:
    """Keeps `witness_ports.WitnessClient`; `timeout_seconds` bounds a whole exchange, however it trickles."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._http = httpx.AsyncClient(
            timeout=timeout_seconds,
            limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS),
            # A witness is where the policy says; it sends us nowhere else.
            follow_redirects=False,
            # No cookie is taken: they would be kept as long as this process lives, however many a witness sends.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            # Unpacked: a small answer must not become a large one.
            headers={"User-Agent": "impactnet-ledger", "Accept-Encoding": "identity"},
        )

    async def add_checkpoint(self, witness: Witness, request: AddCheckpoint) -> WitnessAnswer:
        return await self._ask(witness, "POST", "add-checkpoint", str(request).encode())

    async def latest(self, witness: Witness, origin: str) -> str | None:
        """The monitoring prefix is taken to be the submission prefix, as it is for most."""
        try:
            answer = await self._ask(witness, "GET", f"{sha256(origin.encode()).hexdigest()}/checkpoint", None)
        except WitnessFailedError:
            return None
        return answer.body if answer.status == httpx.codes.OK else None

    async def _ask(self, witness: Witness, method: str, path: str, content: bytes | None) -> WitnessAnswer:
        body = b""
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._http.stream(method, f"{witness.url}/{path}", content=content) as response,
            ):
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > ANSWER_BYTES_MAX:
                        raise WitnessFailedError("malformed", f"more than {ANSWER_BYTES_MAX} bytes")
                return WitnessAnswer(response.status_code, body.decode())
        except UnicodeDecodeError as error:
            raise WitnessFailedError("malformed", "not UTF-8") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise WitnessFailedError("timeout", type(error).__name__) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WitnessFailedError("unreachable", f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
