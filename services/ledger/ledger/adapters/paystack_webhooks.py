"""Paystack's webhooks: HMAC-SHA512 of the raw body with the secret key, and the few fields that lead to a payment.

Source: paystack.com/docs/payments/webhooks.
"""

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

from ledger.adapters.paystack_client import from_subunits
from ledger.domain.refusals import BadNoticeError
from ledger.use_cases.payment_ports import Notice

SIGNATURE_HEADER: Final = "x-paystack-signature"
_REFERENCE_FIELD: Final = {"charge": "reference", "transfer": "reference", "refund": "transaction_reference"}
# A chargeback is about the transaction it names; asking about that one tells what has become of it.
_DISPUTE_EVENT: Final = "charge.dispute."
_TEXT_CHARACTERS_MAX: Final = 100
_STATUS_CHARACTERS_MAX: Final = 50


class PaystackWebhooks:
    """Keeps `payment_ports.WebhookSource`."""

    name = "paystack"

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key.encode()

    def is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        given = headers.get(SIGNATURE_HEADER, "")
        expected = hmac.new(self._secret_key, body, hashlib.sha512).hexdigest()
        return hmac.compare_digest(given.encode("latin-1", "replace"), expected.encode())

    def read(self, body: bytes) -> Notice:
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BadNoticeError("The body is not JSON.") from error
        if not isinstance(content, dict):
            raise BadNoticeError
        event, data = _text(content.get("event")), content.get("data")
        if event is None or not isinstance(data, dict):
            raise BadNoticeError("An event has a name and data.")
        kind = event.partition(".")[0]
        if kind not in _REFERENCE_FIELD:
            return Notice(event, None, None, _status(data), None, None)
        if event.startswith(_DISPUTE_EVENT):
            charge = data.get("transaction")
            data = charge if isinstance(charge, dict) else {}
        amount, currency = _amount(data)
        reference = _text(data.get(_REFERENCE_FIELD[kind]))
        return Notice(event, kind, reference, _status(data), amount, currency)


def _amount(data: dict[str, Any]) -> tuple[Decimal | None, str | None]:
    try:
        return from_subunits(data.get("amount"), data.get("currency"))
    except ValueError:
        return None, None


def _status(data: dict[str, Any]) -> str | None:
    return _text(data.get("status"), _STATUS_CHARACTERS_MAX)


def _text(value: Any, characters_max: int = _TEXT_CHARACTERS_MAX) -> str | None:
    """Short printable text, or nothing: what is longer is no event and no reference of ours."""
    if not isinstance(value, str) or not 0 < len(value) <= characters_max or not value.isprintable():
        return None
    return value
