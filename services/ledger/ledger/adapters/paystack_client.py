"""Paystack's HTTP API, as its reference describes it: one request, one answer, nothing repeated by itself."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self

import httpx
import orjson

from ledger.domain.money import currency_digits
from ledger.use_cases.payment_ports import RailUnsureError

# Their answers are a few KiB; a page of a hundred refunds stays far below this.
ANSWER_BYTES_MAX: Final = 1024 * 1024
# A list of refunds is read to its end, but not without end: 2,000 refunds of one donation are a fault.
PAGE_ITEMS: Final = 100
PAGES_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class PaystackAnswer:
    """`ok` is their own `status`; `code` and `kind` (their `type`) come with errors, `data` with success."""

    http_status: int
    ok: bool
    message: str
    data: Any
    code: str | None
    kind: str | None


class PaystackClient(AbstractAsyncContextManager["PaystackClient"]):
    """One pool of connections with the secret key. `url` is https://api.paystack.co outside of tests."""

    def __init__(self, url: str, secret_key: str, timeout_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {secret_key}", "Accept": "application/json"}
        self._timeout_seconds = timeout_seconds
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient(
            base_url=self._url,
            headers=self._headers,
            timeout=self._timeout_seconds,
            # A repeated POST could pay twice, and a redirect could take it somewhere else.
            transport=httpx.AsyncHTTPTransport(retries=0),
            follow_redirects=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def get(self, path: str, **query: str | int) -> PaystackAnswer:
        return await self._request("GET", path, params=query)

    async def post(self, path: str, **body: Any) -> PaystackAnswer:
        return await self._request("POST", path, json=body)

    async def _request(self, method: str, path: str, **content: Any) -> PaystackAnswer:
        """Raises RailUnsureError for anything that is not clearly an answer of Paystack's."""
        if self._client is None:
            raise RuntimeError("the client is not open")
        try:
            response = await self._client.request(method, path, **content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RailUnsureError(f"{method} {path}: {type(error).__name__}") from error
        return _read(method, path, response)


def _read(method: str, path: str, response: httpx.Response) -> PaystackAnswer:
    status = response.status_code
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or len(response.content) > ANSWER_BYTES_MAX:
        raise RailUnsureError(f"{method} {path}: HTTP {status}")
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise RailUnsureError(f"{method} {path}: HTTP {status}, not JSON") from error
    if not isinstance(body, dict) or not isinstance(body.get("status"), bool):
        raise RailUnsureError(f"{method} {path}: HTTP {status}, not of the documented form")
    if body["status"] is not (status < httpx.codes.BAD_REQUEST):
        raise RailUnsureError(f"{method} {path}: HTTP {status} and status {body['status']} contradict each other")
    return PaystackAnswer(
        status, body["status"], str(body.get("message")), body.get("data"), _text(body, "code"), _text(body, "type")
    )


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def to_subunits(amount: Decimal, currency: str) -> int:
    """Kobo of naira, exactly; raises ValueError for what is no whole number of them."""
    scaled = amount.scaleb(currency_digits(currency))
    if scaled != scaled.to_integral_value() or scaled <= 0:
        raise ValueError(f"{amount} {currency} is not a positive number of subunits")
    return int(scaled)


def from_subunits(value: Any, currency: Any) -> tuple[Decimal, str]:
    """The amount that a body says in subunits (refund webhooks write it as a string).

    Raises:
        ValueError: not a whole number, or no currency.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("an amount is a whole number of subunits")  # noqa: TRY004 -- one kind of error for bad input
    if isinstance(value, str) and not (value.isascii() and value.isdecimal() and len(value) <= 18):  # noqa: PLR2004 -- numeric(20,2)
        raise ValueError("an amount is a whole number of subunits")
    number = int(value)
    # More is no amount that we could have asked for, and none that the database could hold.
    if not 0 <= number < 10**18 or not isinstance(currency, str) or not 1 <= len(currency) <= 3:  # noqa: PLR2004 -- ISO 4217
        raise ValueError("an amount has a currency")
    return Decimal(number).scaleb(-2), currency
