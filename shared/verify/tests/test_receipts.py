"""Receipts: the layout to the letter, and nothing on them that the proven block does not say."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fpdf import FPDF
from shared.verify.tests.logs import POLICY, Log, disbursement, donation, story
from shared.verify.tests.receipt_files import attachment, facts_of, pdf_of, receipt_of, seal

from impactnet_verify.failures import NotVerifiedError
from impactnet_verify.policies import parse_policy
from impactnet_verify.receipts import verify_receipt

STORY = story()
TRUST = parse_policy(POLICY.encode())
GIFT, PAID, REFUNDED = 2, 9, 15


@pytest.mark.parametrize("index", [GIFT, PAID, REFUNDED])
def test_a_receipt_of_money_that_arrived_is_verified(index):
    receipt = verify_receipt(receipt_of(STORY, index), TRUST)
    assert receipt.number == 7
    assert receipt.proven.read.block.block_index == index


def test_the_layout_is_what_the_ledgers_pdf_library_writes():
    document = FPDF(format="A4")
    document.add_page()
    document.set_font("helvetica", "", 12)
    document.cell(0, 8, "ImpactNet receipt No. 7")
    when = datetime(2026, 1, 2, tzinfo=UTC)
    for name, content in (("receipt.tlog-proof", STORY.proof(PAID)), ("receipt.json", facts_of(STORY, PAID))):
        document.embed_file(
            basename=name, bytes=content, mime_type="text/plain", creation_date=when, modification_date=when
        )
    assert verify_receipt(seal(bytes(document.output())), TRUST).proven.read.block.block_index == PAID


WRONG_FACTS: dict[str, dict[str, Any]] = {
    "another amount": {"amount": "2000.00"},
    "another currency": {"currency": "USD"},
    "another block": {"block_index": 8},
    "another hash": {"block_hash": "0" * 64},
    "another checkpoint": {"checkpoint_size": 16},
    "another program": {"program_id": "p"},
    "another transaction": {"transaction_id": "pay-2"},
    "the block's id for the transaction's": {"transaction_id": "pay-1:completed"},
    "another type": {"transaction_type": "donation"},
    "another beneficiary": {"beneficiary_id": "b"},
    "a boolean for a number": {"block_index": True},
    "no number": {"number": None},
    "a number of zero": {"number": 0},
    "a number that is a text": {"number": "7"},
    "a number that is a boolean": {"number": True},
    "a field too much": {"name": "Amina"},
    "a field too few": {"currency": None},
}


@pytest.mark.parametrize("name", WRONG_FACTS)
def test_a_receipt_cannot_say(name):
    with pytest.raises(NotVerifiedError, match=r"^receipt\.json: "):
        verify_receipt(receipt_of(STORY, PAID, **WRONG_FACTS[name]), TRUST)


def test_there_is_no_receipt_for_money_that_has_not_arrived_or_does_not_move():
    for index, failure in (
        (8, "the block says sent"),
        (6, "no receipts for a commitment"),
        (1, "for a program_create"),
    ):
        pdf = pdf_of(STORY.proof(index), facts_of(STORY, PAID))
        with pytest.raises(NotVerifiedError, match=failure):
            verify_receipt(seal(pdf), TRUST)


def test_facts_that_are_no_object_or_not_canonical_are_refused():
    for facts, failure in ((b"[]", "not an object"), (b'{"number": 7}', "not canonical"), (b"", "not JSON")):
        with pytest.raises(NotVerifiedError, match=rf"receipt\.json: .*{failure}"):
            verify_receipt(seal(pdf_of(STORY.proof(PAID), facts)), TRUST)


def test_a_receipt_with_a_proof_that_does_not_hold_is_refused():
    other = Log(list(STORY.preimages[:-1])).add("donation", "gift-9", donation(), nonce=3)
    proof = other.proof(PAID).replace(other.checkpoint(), STORY.checkpoint())
    with pytest.raises(NotVerifiedError, match=r"receipt\.tlog-proof: inclusion: "):
        verify_receipt(seal(pdf_of(proof, facts_of(STORY, PAID))), TRUST)
    with pytest.raises(NotVerifiedError, match=r"receipt\.tlog-proof: not a tlog-proof"):
        verify_receipt(seal(pdf_of(STORY.json_proof(PAID), facts_of(STORY, PAID))), TRUST)


PDF = pdf_of(STORY.proof(PAID), facts_of(STORY, PAID))
LENGTH = b"/Length %d\n" % len(facts_of(STORY, PAID))
LAYOUTS = {
    "not a PDF": (PDF.replace(b"%PDF-1.", b"%PDX-1."), "receipt: not a PDF"),
    "something behind its end": (PDF + b"\n", "seal: not directly behind the end"),
    "a second seal": (PDF.replace(b"trailer", b"%impactnet-sha256:\ntrailer"), "seal: more than one"),
    "no proof": (
        PDF.replace(b"/F (receipt.tlog-proof)", b"/F (other.tlog-proof)"),
        r"receipt\.tlog-proof: not attached",
    ),
    "two of one name": (
        PDF.replace(b"trailer", attachment(6, "receipt.json", b"{}") + b"trailer"),
        "not attached exactly",
    ),
    "a reference to nothing": (PDF.replace(b"/F 4 0 R", b"/F 9 0 R"), r"receipt\.json: its object is not there"),
    "an object twice": (
        PDF.replace(b"trailer", b"4 0 obj\n<<\n>>\nendobj\ntrailer"),
        "its object is not there exactly",
    ),
    "an object twice, in another form": (
        PDF.replace(b"trailer", b"4 0 obj\n(x)\nendobj\ntrailer"),
        "its object is not",
    ),
    "two references": (
        PDF.replace(b"/EF <</F 4 0 R>>\n", b"/EF <</F 4 0 R>>\n/EF <</F 2 0 R>>\n"),
        "does not name one",
    ),
    "a specification of another kind": (PDF.replace(b"/Filespec", b"/FileSpec"), "no file specification"),
    "a compressed stream": (PDF.replace(LENGTH, LENGTH + b"/Filter /FlateDecode\n"), "compressed"),
    "no length": (PDF.replace(LENGTH, b""), "no length"),
    "a length too long": (
        PDF.replace(LENGTH, b"/Length %d\n" % (len(facts_of(STORY, PAID)) + 1)),
        "length is not true",
    ),
    "a length beyond the file": (PDF.replace(LENGTH, b"/Length 999999999\n"), "length is not true"),
    "an object that is no embedded file": (PDF.replace(b"/Type /EmbeddedFile", b"/Type /XObject"), "no embedded file"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_receipt_cannot_have(name):
    pdf, failure = LAYOUTS[name]
    assert pdf != PDF
    with pytest.raises(NotVerifiedError, match=failure):
        verify_receipt(seal(pdf), TRUST)


def test_a_receipt_without_its_seal_or_saved_anew_is_refused():
    for content, failure in (
        (PDF, "seal: the last line is no seal"),
        (b"", "not a PDF"),
        (seal(PDF)[:-1], "seal: the last line is no seal"),
        (seal(PDF).replace(b"/Catalog", b"/Catalag"), "seal: the file is damaged"),
        (seal(PDF) + b"6 0 obj\n<<\n>>\nendobj\n%%EOF\n", "seal: the last line is no seal"),
        (b"%PDF-1." + bytes(20_000_000), "receipt: more than"),
    ):
        with pytest.raises(NotVerifiedError, match=failure):
            verify_receipt(content, TRUST)


def test_a_second_payment_has_a_receipt_of_its_own():
    log = Log(list(STORY.preimages[:10]))
    log.add("disbursement", "pay-9:sent", disbursement("pay-9", "sent"))
    log.add("disbursement", "pay-9:completed", disbursement("pay-9", "completed"))
    with pytest.raises(NotVerifiedError, match=r"receipt\.json: block_hash: "):
        verify_receipt(seal(pdf_of(log.proof(11), facts_of(log, 9))), TRUST)
    assert verify_receipt(receipt_of(log, 11), TRUST).proven.read.block.transaction_id == "pay-9:completed"
