"""Kobo, signatures and settings of Paystack, without a network."""

import hashlib
import hmac
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from ledger.adapters.paystack_client import from_subunits, to_subunits
from ledger.adapters.paystack_webhooks import PaystackWebhooks
from ledger.domain.refusals import BadNoticeError
from ledger.settings import LedgerSettings

KEY = "sk_test_key"
SOURCE = PaystackWebhooks(KEY)


def sign(body: bytes, key: str = KEY) -> str:
    return hmac.new(key.encode(), body, hashlib.sha512).hexdigest()


@given(st.decimals(min_value="0.01", max_value="999999999999999.99", places=2))
def test_naira_become_kobo_and_back_exactly(amount):
    kobo = to_subunits(amount, "NGN")
    assert type(kobo) is int
    assert from_subunits(kobo, "NGN") == (amount, "NGN")
    assert from_subunits(str(kobo), "NGN") == (amount, "NGN"), "refund webhooks write it as a string"


@pytest.mark.parametrize("amount", ["0.001", "0", "-1.00", "1.005"])
def test_what_is_no_whole_number_of_kobo_is_never_sent(amount):
    with pytest.raises(ValueError, match="subunits"):
        to_subunits(Decimal(amount), "NGN")


@pytest.mark.parametrize("value", [1.5, True, None, "-1", "1.0", "٣", "9" * 19, 10**18, -1, [], "1e3"])
def test_an_amount_that_is_no_whole_number_is_none(value):
    with pytest.raises(ValueError, match="amount"):
        from_subunits(value, "NGN")


@given(st.binary(max_size=200), st.integers(0, 127), st.data())
def test_a_signature_holds_for_exactly_these_bytes_and_this_key(body, place, data):
    signature = sign(body)
    assert SOURCE.is_signed({"x-paystack-signature": signature}, body)
    other = data.draw(st.sampled_from([each for each in "0123456789abcdef" if each != signature[place]]))
    assert not SOURCE.is_signed({"x-paystack-signature": signature[:place] + other + signature[place + 1 :]}, body)
    assert not SOURCE.is_signed({"x-paystack-signature": signature}, body + b" ")
    assert not SOURCE.is_signed({"x-paystack-signature": sign(body, "sk_test_other")}, body)


@pytest.mark.parametrize("given_header", ["", "é", "\x00", "a" * 10_000])
def test_a_signature_that_is_none_is_refused(given_header):
    assert not SOURCE.is_signed({"x-paystack-signature": given_header}, b"{}")
    assert not SOURCE.is_signed({}, b"{}")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'"a"', b"{", b"\xff", b"{}", b'{"event": 1, "data": {}}', b'{"event": "x", "data": 1}'],
)
def test_what_is_no_webhook_is_refused(body):
    with pytest.raises(BadNoticeError):
        SOURCE.read(body)


def test_a_webhook_is_read_as_far_as_it_leads_to_a_payment_and_nobody_is_kept_of_it():
    body = (
        b'{"event": "refund.processed", "data": {"status": "processed", "transaction_reference": "impact-1",'
        b' "amount": "5000", "currency": "NGN", "customer": {"email": "somebody@example.com"}}}'
    )
    notice = SOURCE.read(body)
    assert (notice.kind, notice.reference, notice.amount) == ("refund", "impact-1", Decimal("50.00"))
    assert "somebody" not in repr(notice)


@pytest.mark.parametrize("event", ["subscription.create", "customeridentification.success", "invoice.update"])
def test_an_event_about_anything_else_leads_nowhere(event):
    notice = SOURCE.read(b'{"event": "%s", "data": {"reference": "impact-1"}}' % event.encode())
    assert (notice.kind, notice.reference) == (None, None)


def test_a_chargeback_leads_to_the_charge_it_is_about():
    body = b'{"event": "charge.dispute.create", "data": {"transaction": {"reference": "impact-1", "amount": 1}}}'
    assert SOURCE.read(body).reference == "impact-1"


def settings(**values: object) -> LedgerSettings:
    return LedgerSettings.model_validate(values)


@pytest.mark.parametrize("process", ["any", "api", "worker"])
@pytest.mark.parametrize("rail", ["donation_rail", "payment_rail"])
def test_choosing_paystack_without_its_key_is_refused_by_name(process, rail):
    with pytest.raises(ValidationError, match="IMPACTNET_LEDGER_PAYSTACK_SECRET_KEY"):
        settings(process=process, **{rail: "paystack"})
    assert settings(process=process, paystack_secret_key=SecretStr(KEY), **{rail: "paystack"}).paystack_secret_key


def test_an_empty_key_is_none_and_the_key_is_never_shown():
    with pytest.raises(ValidationError, match="empty"):
        settings(paystack_secret_key=SecretStr(""))
    assert KEY not in repr(settings(paystack_secret_key=SecretStr(KEY)))


@pytest.mark.parametrize(("key", "url"), [(KEY, "https://api.paystack.co"), ("sk_live_1", "http://api.paystack.co")])
def test_money_that_counts_needs_a_live_key_and_tls(key, url):
    with pytest.raises(ValidationError, match="production needs"):
        settings(
            environment="production", process="command", origin="log.example/1",
            paystack_secret_key=SecretStr(key), paystack_url=url,
        )  # fmt: skip
