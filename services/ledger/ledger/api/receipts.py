"""The receipt of a transaction, for those whose it is."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.api.callers import AuthenticatedCaller
from chassis.api.preconditions import conditional
from chassis.api.routing import OwnWorkRoute
from chassis.database import Database
from ledger.api.answers import PROBLEM
from ledger.api.dependencies import Wiring
from ledger.domain.receipts import PARTIES, IssuedReceipt
from ledger.domain.refusals import NotFoundError, ReceiptNotReadyError, ReceiptUnavailableError
from ledger.domain.transactions import Status

# No connection is held while object storage is asked: a storage that hangs must not use up the pool.
router = APIRouter(prefix="/api/v1/transactions", tags=["transactions"], route_class=OwnWorkRoute)


@router.get(
    "/{transaction_id}/receipt/",
    response_class=Response,
    responses={
        200: {"content": {"application/pdf": {"schema": {"type": "string", "contentMediaType": "application/pdf"}}}},
        304: {"description": "You have these bytes."},
        409: {"description": "Not issued yet: come back after Retry-After.", "content": PROBLEM},
    },
)
async def read_receipt(request: Request, wiring: Wiring, caller: AuthenticatedCaller, transaction_id: UUID) -> Response:
    """The PDF, always the same bytes; there once a signed checkpoint covers the block."""
    database: Database = request.app.state.database
    async with database.unit_of_work() as work:
        row = await wiring.transactions(work).find(transaction_id, viewer=None if caller.is_admin else caller.user_id)
        if row is None:
            raise NotFoundError
        issued = await wiring.receipts(work).find(row.id)
    if issued is None:
        comes = row.transaction_type in PARTIES and row.status == Status.COMPLETED
        raise ReceiptNotReadyError(**_facts(ReceiptNotReadyError.RETRY_AFTER_SECONDS if comes else None))
    known = _answer(request, issued, b"")
    # Who has these bytes already needs nothing from storage.
    return known if known.status_code == 304 else _answer(request, issued, await _produce(wiring, issued))  # noqa: PLR2004 -- HTTP's Not Modified


async def _produce(wiring: Wiring, issued: IssuedReceipt) -> bytes:
    try:
        return await wiring.receipt_room.produce(issued)
    except ReceiptUnavailableError as refusal:
        raise ReceiptUnavailableError(**_facts(ReceiptUnavailableError.RETRY_AFTER_SECONDS)) from refusal


def _facts(retry_after_seconds: int | None) -> dict[str, Any]:
    """The fact that becomes `Retry-After`; none when coming again is of no use."""
    return {} if retry_after_seconds is None else {"retry_after_seconds": retry_after_seconds}


def _answer(request: Request, issued: IssuedReceipt, document: bytes) -> Response:
    answer = conditional(request, document, etag=f'"{issued.sha256}"', media_type="application/pdf", cache="private")
    answer.headers["Content-Disposition"] = f'inline; filename="impactnet-receipt-{issued.number}.pdf"'
    return answer
