"""A Paystack of our own for tests: its documented shapes over real HTTP, and every way in which it can disappoint."""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SECRET_KEY = "sk_test_0123456789abcdef"
START_SECONDS_MAX = 30

# What may happen to a request. `before`: nothing is accepted; `after`: it is accepted, and the caller does not hear so.
FAULTS = ("error_before", "error_after", "hang_before", "hang_after", "garbage_before", "garbage_after", "unauthorized")


class PaystackServer:
    """What Paystack would remember, and what it is told to do next."""

    def __init__(self) -> None:
        self.recipients: dict[tuple[str, str], str] = {}
        self.transfers: dict[str, dict[str, Any]] = {}
        self.charges: dict[str, dict[str, Any]] = {}
        self.refunds: list[dict[str, Any]] = []
        self.asked: list[str] = []
        # The status of a new transfer: `success` at once, or `pending`, `otp`, ... until `settle` is called.
        self.new_transfer_status = "success"
        self.refusal: dict[str, tuple[int, dict[str, Any]]] = {}
        self._faults: dict[str, deque[str]] = defaultdict(deque)
        self._ids = itertools.count(1_000_001)
        self._over = asyncio.Event()
        self.url = ""

    # --- what a test says ------------------------------------------------------------------------------------------

    def fail_next(self, operation: str, *faults: str) -> None:
        """The next requests of `operation` (`POST /transfer`) meet these, one each."""
        assert set(faults) <= set(FAULTS)
        self._faults[operation].extend(faults)

    def refuse(
        self, operation: str, status: int, code: str | None, message: str, kind: str = "validation_error"
    ) -> None:
        """Every request of `operation` is refused, as documented."""
        body = {"status": False, "message": message, "meta": {"nextStep": "Read the reference."}, "type": kind}
        self.refusal[operation] = (status, body | ({"code": code} if code else {}))

    def settle(self, transfer: str, status: str, **changes: Any) -> None:
        self.transfers[transfer] |= {"status": status, **changes}

    def pay(self, reference: str, amount: int, currency: str = "NGN", status: str = "success") -> dict[str, Any]:
        """A donor pays at the checkout."""
        charge = {
            "id": next(self._ids), "domain": "test", "status": status, "reference": reference, "amount": amount,
            "currency": currency, "gateway_response": "Successful", "channel": "card", "fees": 1_500,
            "customer": {"email": "donor@example.com", "customer_code": "CUS_1"},
            "authorization": {"last4": "4081", "bank": "TEST BANK"},
        }  # fmt: skip
        self.charges[reference] = charge
        return charge

    def count(self, operation: str) -> int:
        return sum(1 for each in self.asked if _is_of(each, operation))

    @staticmethod
    def signed(event: str, data: dict[str, Any], secret_key: str = SECRET_KEY) -> tuple[bytes, dict[str, str]]:
        """A webhook's bytes and headers."""
        body = json.dumps({"event": event, "data": data}).encode()
        signature = hmac.new(secret_key.encode(), body, hashlib.sha512).hexdigest()
        return body, {"x-paystack-signature": signature, "content-type": "application/json"}

    def transfer_webhook(self, event: str, reference: str, **changes: Any) -> tuple[bytes, dict[str, str]]:
        transfer = self.transfers.get(reference, {"reference": reference, "amount": 1, "currency": "NGN"})
        return self.signed(event, transfer | {"status": event.partition(".")[2]} | changes)

    # --- what it answers -------------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Response:
        operation = f"{request.method} {request.url.path}"
        self.asked.append(operation)
        name = next((each for each in self._faults if _is_of(operation, each)), operation)
        fault = self._faults[name].popleft() if self._faults[name] else ""
        if request.headers.get("authorization") != f"Bearer {SECRET_KEY}" or fault == "unauthorized":
            body = {"status": False, "message": "Invalid key", "type": "validation_error", "code": "invalid_Key"}
            return JSONResponse(body, 401)
        if fault.endswith("_before"):
            return await self._disappoint(fault)
        refused = next((answer for each, answer in self.refusal.items() if _is_of(operation, each)), None)
        accepted = JSONResponse(refused[1], refused[0]) if refused else await self._accept(request)
        return await self._disappoint(fault) if fault else accepted

    async def _disappoint(self, fault: str) -> Response:
        match fault.partition("_")[0]:
            case "hang":
                await self._over.wait()
                return Response(status_code=504)
            case "garbage":
                return Response(b'{"status": true, "data": {"sta', 200, media_type="application/json")
            case _:
                return Response("<html>502 Bad Gateway</html>", 502, media_type="text/html")

    async def _accept(self, request: Request) -> Response:
        path, body = request.url.path, (await request.body())
        given = json.loads(body) if body else {}
        match request.method, path.strip("/").split("/"):
            case "POST", ["transferrecipient"]:
                answer = self._recipient(given)
            case "POST", ["transfer"]:
                answer = self._transfer(given)
            case "GET", ["transfer", "verify", reference]:
                answer = self._found(self.transfers.get(reference), "Transfer retrieved", "Transfer not found")
            case "GET", ["transaction", "verify", reference]:
                answer = self._charge(reference)
            case "POST", ["refund"]:
                answer = self._refund(given)
            case "GET", ["refund"]:
                answer = self._list_refunds(request)
            case _:
                answer = JSONResponse({"status": False, "message": "Route not found"}, 404)
        return answer

    def _charge(self, reference: str) -> Response:
        found = self.charges.get(reference)
        if found is None:
            code = {"type": "validation_error", "code": "transaction_not_found"}
            return JSONResponse({"status": False, "message": "Transaction reference not found."} | code, 400)
        return self._found(found, "Verification successful", "")

    @staticmethod
    def _found(data: dict[str, Any] | None, message: str, missing: str) -> Response:
        if data is None:
            return JSONResponse({"status": False, "message": missing}, 404)
        return JSONResponse({"status": True, "message": message, "data": data})

    def _recipient(self, given: dict[str, Any]) -> Response:
        assert given["type"] == "nuban"
        key = (given["bank_code"], given["account_number"])
        code = self.recipients.setdefault(key, f"RCP_{len(self.recipients) + 1:015d}")
        data = {"active": True, "recipient_code": code, "name": given["name"], "type": "nuban", "currency": "NGN"}
        return JSONResponse({"status": True, "message": "Transfer recipient created successfully", "data": data}, 201)

    def _transfer(self, given: dict[str, Any]) -> Response:
        reference = given["reference"]
        assert type(given["amount"]) is int
        assert given["source"] == "balance"
        assert 16 <= len(reference) <= 50
        assert reference == reference.lower()
        if reference in self.transfers:
            refusal = {
                "status": False, "message": "Please provide a unique reference. Reference already exists on a transfer",
                "meta": {"nextStep": "Create a new reference for the new transfer"},
                "type": "validation_error", "code": "duplicate_transfer_reference",
            }  # fmt: skip
            return JSONResponse(refusal, 400)
        assert given["recipient"] in self.recipients.values()
        self.transfers[reference] = {
            "domain": "test", "amount": given["amount"], "currency": given["currency"], "reference": reference,
            "source": "balance", "reason": given["reason"], "status": self.new_transfer_status, "failures": None,
            "transfer_code": f"TRF_{next(self._ids)}", "id": next(self._ids), "recipient": 56824902,
        }  # fmt: skip
        message = (
            "Transfer requires OTP to continue" if self.new_transfer_status == "otp" else "Transfer has been queued"
        )
        return self._found(self.transfers[reference], message, "")

    def _refund(self, given: dict[str, Any]) -> Response:
        charge = self.charges[given["transaction"]]
        refund = {
            "id": next(self._ids), "transaction": charge["id"], "amount": given["amount"], "status": "pending",
            "currency": given["currency"], "merchant_note": given["merchant_note"], "domain": "test",
        }  # fmt: skip
        self.refunds.insert(0, refund)
        # As documented, the answer to the creation carries the whole transaction, the list only its id.
        return JSONResponse(
            {
                "status": True,
                "message": "Refund has been queued for processing",
                "data": refund | {"transaction": charge},
            }
        )

    def _list_refunds(self, request: Request) -> Response:
        wanted = request.query_params.get("transaction")
        mine = [each for each in self.refunds if wanted is None or str(each["transaction"]) == wanted]
        size, page = int(request.query_params["perPage"]), int(request.query_params["page"])
        shown = mine[size * (page - 1) : size * page]
        return JSONResponse({"status": True, "message": "Refunds retrieved", "data": shown})

    def stop(self) -> None:
        self._over.set()


def _is_of(operation: str, name: str) -> bool:
    """`GET /transfer/verify/<reference>` is of `GET /transfer/verify`, and not of `GET /trans`."""
    return operation == name or operation.startswith(f"{name}/")


@asynccontextmanager
async def running_paystack() -> AsyncIterator[PaystackServer]:
    """The server, listening on a free port of this machine."""
    paystack = PaystackServer()
    routes = [Route("/{path:path}", paystack.answer, methods=["GET", "POST"])]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(START_SECONDS_MAX):
        while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
            await asyncio.sleep(0.01)
    paystack.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield paystack
    finally:
        paystack.stop()
        server.should_exit = True
        await task
