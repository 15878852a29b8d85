"""The journey's steps on a system that lags: whoever has to wait asks again, and only about that."""

import httpx
import pytest

from local_stack.journey import steps
from local_stack.journey.platform import Person, UnexpectedAnswerError

PROBLEMS = {404: "not_found", 429: "too_many_requests", 403: "forbidden"}


async def donated(*refusals: int) -> str:
    """What becomes of a donation that is refused so at first."""
    statuses = iter(refusals)

    def answer(request: httpx.Request) -> httpx.Response:
        status = next(statuses, 201) if request.method == "POST" else 200
        if status in PROBLEMS:
            return httpx.Response(status, json={"code": PROBLEMS[status]})
        return httpx.Response(status, json={"id": "1", "status": "completed", "blockchain_hash": "ab"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://gateway") as http:
        return str((await steps.donate(Person(http, "donor"), "1", "10.00"))["status"])


async def test_a_donor_asks_again_while_the_programme_is_unknown_though_the_gateway_limits_it():
    assert await donated(404, 429, 404) == "completed"


async def test_another_refusal_ends_the_journey():
    with pytest.raises(UnexpectedAnswerError, match="forbidden"):
        await donated(404, 403)
