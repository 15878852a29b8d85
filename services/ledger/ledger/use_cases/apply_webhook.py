"""What a provider told us makes a payment due: the rail is asked, and the webhook itself moves nothing."""

from typing import Final

import structlog

from ledger.use_cases.ports import Books

log = structlog.get_logger(__name__)

DUE: Final = "due"
UNMATCHED: Final = "unmatched"
IGNORED: Final = "ignored"


async def apply_next_webhook(books: Books) -> bool:
    """Applies one delivery; False when none waits.

    Whatever order they come in, however old they are and whatever they claim: the state follows from what the rail
    answers when it is asked. A reference that is none of ours is kept as `unmatched`, for people to look at.
    """
    delivery = await books.payments.webhooks.next_pending()
    if delivery is None:
        return False
    notice = delivery.notice
    if notice.kind is None or notice.reference is None:
        await books.payments.webhooks.record(delivery.delivery_id, IGNORED, None)
        return True
    found = await books.payments.find_by_reference(delivery.provider, notice.reference, notice.kind)
    # First what refers to the transaction, which waits for whoever holds it; then its payment. The other way round, two
    # workers could each hold what the other waits for.
    outcome = DUE if found else UNMATCHED
    await books.payments.webhooks.record(delivery.delivery_id, outcome, found[0] if found else None)
    if not found:
        log.warning("webhook_unmatched", provider=delivery.provider, webhook=notice.event, reference=notice.reference)
    # A provider says which donation a refund is of, not which of its refunds: all of them are asked about.
    for transaction_id in found:
        await books.payments.schedule(transaction_id, books.now)
    return True
