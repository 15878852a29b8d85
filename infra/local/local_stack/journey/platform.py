"""A client of the gateway: people who log in, call, poll and listen."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Self
from uuid import uuid4

import httpx

# A read model lags its source: clients poll, up to 10 s (09-values); the slower half of a busy machine gets more.
POLL_SECONDS: Final = 60.0
POLL_EVERY_SECONDS: Final = 0.2
# A video upload over loopback takes milliseconds; anything else is a hung gateway.
REQUEST_TIMEOUT_SECONDS: Final = 60.0
TOO_MANY_REQUESTS: Final = 429
# A window of a minute and a little; a longer wait is no wait but an outage.
RETRY_AFTER_SECONDS_MAX: Final = 65.0


class UnexpectedAnswerError(AssertionError):
    """The gateway answered something else than the journey expects; the text says what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as the journey looks at it."""

    status: int
    body: Any
    headers: httpx.Headers

    def __getitem__(self, key: str) -> Any:
        return self.body[key]

    @property
    def etag(self) -> str:
        return self.headers["etag"]

    @property
    def code(self) -> str | None:
        """The problem's stable code, for an error."""
        return self.body.get("code") if isinstance(self.body, dict) else None


@dataclass(slots=True)
class Person:
    """Somebody, logged in or not."""

    http: httpx.AsyncClient
    name: str
    user_id: str | None = None
    password: str | None = None
    email: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    extra_headers: dict[str, str] = field(default_factory=dict)

    async def call(
        self,
        method: str,
        path: str,
        *,
        expect: int | None = None,
        headers: dict[str, str] | None = None,
        key: str | bool | None = None,
        **request: Any,
    ) -> Answer:
        """Call `/api/v1<path>` (or `path` as it is when it starts with `/.` or `/ws`).

        `key` is an Idempotency-Key; True makes a fresh one. `expect` is the status that must come.
        """
        sent = {**self.extra_headers, **(headers or {})}
        if self.access_token is not None:
            sent.setdefault("Authorization", f"Bearer {self.access_token}")
        if key is not None:
            sent["Idempotency-Key"] = str(uuid4()) if key is True else str(key)
        url = path if path.startswith(("/.", "/docs", "/openapi", "/health")) else f"/api/v1{path}"
        response = await self.http.request(method, url, headers=sent, **request)
        if response.status_code == TOO_MANY_REQUESTS and expect is not None:
            # The limits are per minute: whoever keeps to them is served.
            await asyncio.sleep(min(float(response.headers.get("retry-after", 1)), RETRY_AFTER_SECONDS_MAX))
            response = await self.http.request(method, url, headers=sent, **request)
        is_json = "json" in response.headers.get("content-type", "")
        answer = Answer(response.status_code, response.json() if is_json else response.text, response.headers)
        if expect is not None and answer.status != expect:
            raise UnexpectedAnswerError(
                f"{self.name}: {method} {path} answered {answer.status}, not {expect}: {str(answer.body)[:1000]}"
            )
        return answer

    async def get(self, path: str, *, expect: int | None = 200, **request: Any) -> Answer:
        return await self.call("GET", path, expect=expect, **request)

    async def post(self, path: str, body: Any = None, *, expect: int | None = 200, **request: Any) -> Answer:
        if "files" not in request:
            request["json"] = {} if body is None else body
        return await self.call("POST", path, expect=expect, **request)

    async def put(self, path: str, body: Any, *, expect: int | None = 200, **request: Any) -> Answer:
        return await self.call("PUT", path, expect=expect, json=body, **request)

    async def patch(self, path: str, body: Any, *, expect: int | None = 200, **request: Any) -> Answer:
        return await self.call("PATCH", path, expect=expect, json=body, **request)

    async def log_in(self) -> Self:
        answer = await self.post("/auth/login/", {"email": self.email, "password": self.password})
        self._keep(answer)
        self.user_id = answer["user"]["id"]
        return self

    async def refresh(self) -> None:
        """A new access token, which carries the present role."""
        self._keep(await self.post("/auth/refresh/", {"refresh_token": self.refresh_token}))

    async def step_up(self) -> None:
        """Confirm with the password: the new token's `auth_time` is now."""
        answer = await self.post("/auth/step-up/", {"password": self.password})
        self.access_token = answer["access_token"]

    def _keep(self, answer: Answer) -> None:
        self.access_token = answer["access_token"]
        self.refresh_token = answer["refresh_token"]


async def until(what: str, look: Callable[[], Awaitable[Any]], *, seconds: float = POLL_SECONDS) -> Any:
    """Ask again until `look` gives something true, and return it."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = await look()
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise UnexpectedAnswerError(f"did not happen within {seconds:.0f} s: {what}")
        await asyncio.sleep(POLL_EVERY_SECONDS)


class Platform:
    """The gateway, seen from outside."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.http = httpx.AsyncClient(base_url=base_url, timeout=REQUEST_TIMEOUT_SECONDS)
        self.anyone = Person(self.http, "anyone")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def register(self, username: str, *, password: str, full_name: str, phone: str, email: str) -> Person:
        """A new member, logged in."""
        person = Person(self.http, username, password=password, email=email)
        body = {"email": email, "username": username, "password": password, "full_name": full_name, "phone": phone}
        await person.post("/auth/register/", body, expect=201)
        return await person.log_in()

    async def existing(self, username: str, *, email: str, password: str) -> Person:
        """Somebody who has an account, logged in."""
        return await Person(self.http, username, password=password, email=email).log_in()
