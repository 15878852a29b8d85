"""The receipt's page and what it carries: readable in every language, the same bytes always, proven, and sealed."""

import gc
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
import segno
from fontTools.ttLib import TTFont  # type: ignore[import-untyped] # it says nothing of its types
from hypothesis import given
from hypothesis import strategies as st
from services.ledger.tests.receipts import (
    BENEFICIARY,
    DONOR,
    KEY,
    PROGRAM,
    TRANSACTION,
    data_of,
    make_receipt,
)

from impactnet_verify.failures import NotVerifiedError
from impactnet_verify.policies import parse_policy
from impactnet_verify.receipts import verify_receipt
from ledger.adapters.receipt_document import SEAL, PdfPress, render_receipt
from ledger.domain.refusals import BadProofError, BadShapeError, ReceiptUnavailableError
from ledger.use_cases.receipt_ports import Press

ROOT = Path(__file__).parents[4]
POLICY = parse_policy(f"log {KEY.verifier.vkey}\nquorum none\n".encode())
DOCUMENT = render_receipt(make_receipt())
NIGERIAN = "Ẹ̀kọ́ ọmọdé ní Ọ̀ṣun · Ụmụaka Ṅkwọ · Ɓagwai, Ɗaura da Ƙanƙara"
ARABIC = "برنامج المنح في كانو"
MM = 72 / 25.4
RECTANGLE = re.compile(r"([\d.]+) ([\d.]+) ([\d.]+) (-[\d.]+) re f")


def text_of(document: bytes) -> str:
    [page] = pypdf.PdfReader(BytesIO(document)).pages
    return page.extract_text()


def test_the_page_says_what_was_given_by_whom_when_and_where_it_is_written():
    receipt = make_receipt(donor_name="Acme Foundation")
    page = text_of(render_receipt(receipt))
    for line in (
        "Receipt No. 7",
        "Tailors of Kano",
        "Donation received",
        "₦1,234,567.89",
        "Acme Foundation",
        f"Donor {DONOR}",
        "24 November 2026, 17:06:05 UTC",
        "NGN 1234567.89",
        TRANSACTION,
        PROGRAM,
        receipt.block.hash,
        receipt.checkpoint.root.hex(),
        *receipt.checkpoint_note.rstrip("\n").split("\n"),
        "impactnet-verify receipt impactnet-receipt-7.pdf --policy policy.txt",
    ):
        assert line in page
    words = "One million, two hundred and thirty-four thousand, five hundred and sixty-seven naira and eighty-nine kobo"
    assert words in " ".join(page.split())


def test_code_and_link_lead_to_the_public_page_of_the_block():
    receipt = make_receipt()
    address = f"https://impactnet.example/api/v1/blockchain/verify/{receipt.block.hash}/"
    page: Any = pypdf.PdfReader(BytesIO(DOCUMENT)).pages[0]
    assert address in "".join(page.extract_text().split())
    assert {note.get_object()["/A"]["/URI"] for note in page["/Annots"]} == {address}
    # The code is drawn as rectangles of the module's height: read back, they are the code of that address.
    drawn = [tuple(map(float, found)) for found in RECTANGLE.findall(page.get_contents().get_data().decode("latin-1"))]
    matrix = [list(row) for row in segno.make_qr(address, error="m").matrix]
    module = 40.0 / len(matrix) * MM
    boxes = [box for box in drawn if abs(-box[3] - module) < 0.01]
    left, top = min(box[0] for box in boxes), max(box[1] for box in boxes)
    read = [[0] * len(matrix) for _ in matrix]
    for x, y, width, _ in boxes:
        row, column = round((top - y) / module), round((x - left) / module)
        for offset in range(round(width / module)):
            read[row][column + offset] = 1
    assert read == matrix


@pytest.mark.parametrize(
    ("kind", "title", "party"),
    [
        ("donation", "Donation received", f"Received from Donor {DONOR}"),
        ("disbursement", "Payment made", f"Paid to Beneficiary {BENEFICIARY}"),
        ("refund", "Refund made", f"Returned to Donor {DONOR}"),
    ],
)
def test_money_in_money_out_and_money_back_have_receipts_that_verify(kind, title, party):
    document = render_receipt(make_receipt(kind))
    page = " ".join(text_of(document).split())
    assert title in page
    assert party in page
    assert verify_receipt(document, POLICY).number == 7


@pytest.mark.parametrize("title", [NIGERIAN, ARABIC, "Ποιότητα, Качество, São Tomé", "₦ naira — “quoted”"])
def test_a_title_in_any_letters_of_ours_can_be_read_and_copied_from_the_page(title):
    assert title in " ".join(text_of(render_receipt(make_receipt(program_title=title))).split())


def test_arabic_letters_are_joined():
    page: Any = pypdf.PdfReader(BytesIO(render_receipt(make_receipt(program_title="ببب")))).pages[0]
    fonts = page["/Resources"]["/Font"].values()
    [font] = [font for font in fonts if font["/BaseFont"].endswith("DejaVuSansBook")]
    file = font["/DescendantFonts"][0]["/FontDescriptor"]["/FontFile2"].get_data()
    embedded = TTFont(BytesIO(file))
    full = TTFont(Path(render_receipt.__code__.co_filename).parent / "fonts" / "DejaVuSans.ttf")
    # One letter in its three forms, none of which is the one that stands alone.
    outlines = {tuple(embedded["glyf"][name].getCoordinates(embedded["glyf"])[0]) for name in embedded.getGlyphOrder()}
    forms = {full.getBestCmap()[point] for point in (0xFE91, 0xFE92, 0xFE90)}
    alone = full.getBestCmap()[0x628]
    assert all(tuple(full["glyf"][name].getCoordinates(full["glyf"])[0]) in outlines for name in forms)
    assert tuple(full["glyf"][alone].getCoordinates(full["glyf"])[0]) not in outlines


def test_letters_that_no_font_here_has_lines_and_unprintables_do_not_stop_a_receipt():
    title = "日本語\n\r\t\x00\u202e\u200f" + "W" * 180
    assert verify_receipt(render_receipt(make_receipt(program_title=title)), POLICY).number == 7


def test_the_donor_is_a_number_on_the_page_and_no_name_is_in_what_a_stranger_checks():
    document = render_receipt(make_receipt(donor_name="Zuwaira Abubakar"))
    attachments = pypdf.PdfReader(BytesIO(document)).attachments
    assert set(attachments) == {"receipt.tlog-proof", "receipt.json"}
    assert not any(b"Zuwaira" in content for [content] in attachments.values())
    facts = json.loads(attachments["receipt.json"][0])
    assert facts["donor_id"] == DONOR
    assert "Zuwaira Abubakar" not in text_of(DOCUMENT)


def test_the_same_receipt_is_the_same_bytes_in_every_process_whatever_its_hashes_locale_and_time_zone():
    script = (
        "import sys; from services.ledger.tests.receipts import make_receipt\n"
        "from ledger.adapters.receipt_document import render_receipt\n"
        "from hashlib import sha256; print(sha256(render_receipt(make_receipt(program_title=sys.argv[1]))).hexdigest())"
    )
    printed = set()
    worlds = (("1", "UTC", "C.UTF-8"), ("4711", "Africa/Lagos", "C.UTF-8"), ("0", "Asia/Tokyo", "POSIX"))
    for seed, zone, locale in worlds:
        surroundings = {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "PYTHONUTF8": "1"}
        environment = {"PATH": os.environ["PATH"], **surroundings}
        command = [sys.executable, "-c", script, f"{NIGERIAN} {ARABIC}"]
        printed.add(subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout)
    here = sha256(render_receipt(make_receipt(program_title=f"{NIGERIAN} {ARABIC}"))).hexdigest()
    assert printed == {f"{here}\n".encode()}


def test_receipts_printed_side_by_side_do_not_mix():
    receipts = [make_receipt(number=number, program_title=f"{NIGERIAN} {number}") for number in range(1, 7)]
    alone = [render_receipt(receipt) for receipt in receipts]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(render_receipt, receipts)) == alone


@given(position=st.integers(0, len(DOCUMENT) - 1), mask=st.integers(1, 255))
def test_any_byte_that_flips_is_noticed_by_a_stranger(position, mask):
    damaged = bytearray(DOCUMENT)
    damaged[position] ^= mask
    with pytest.raises(NotVerifiedError):
        verify_receipt(bytes(damaged), POLICY)


def test_the_seal_is_the_last_line_and_alone():
    before, _, digest = DOCUMENT.rpartition(SEAL)
    assert before.endswith(b"%%EOF\n")
    assert SEAL not in before
    assert digest == sha256(before).hexdigest().encode() + b"\n"
    assert b"proof.tlog-proof" not in DOCUMENT.replace(b"receipt.tlog-proof", b"")


def test_a_receipt_stays_small():
    assert len(render_receipt(make_receipt(program_title=f"{NIGERIAN} {ARABIC}"))) < 64 * 1024


@pytest.mark.parametrize("step", ["sent", "failed"])
def test_there_is_no_receipt_for_money_that_has_not_arrived(step):
    with pytest.raises(BadShapeError):
        _ = make_receipt("disbursement", data=data_of("disbursement", "1.00") | {"step": step}).block


def test_a_proof_that_leads_elsewhere_is_not_printed():
    good, other = make_receipt(), make_receipt(amount="2.00")
    forged = good.proof.replace(good.proof.split("\n")[1], other.proof.split("\n")[1])
    with pytest.raises(BadProofError):
        make_receipt(proof=forged).check()
    good.check()


async def test_a_layout_of_a_newer_version_is_refused_rather_than_printed_wrongly():
    press: Press = PdfPress()
    with pytest.raises(ReceiptUnavailableError):
        await press.print(make_receipt(layout=99))
    assert await press.print(make_receipt()) == DOCUMENT


def test_printing_does_not_keep_the_fonts_of_every_document():
    for _ in range(3):
        render_receipt(make_receipt())
    gc.collect()
    before = sum(isinstance(thing, TTFont) for thing in gc.get_objects())
    for _ in range(5):
        render_receipt(make_receipt())
    gc.collect()
    assert sum(isinstance(thing, TTFont) for thing in gc.get_objects()) <= before
