"""The receipt as a PDF that proves itself: a page for people, its proof attached, sealed (docs/verification.md)."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

import segno
from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos
from fpdf.fonts import SubsetMap

from ledger.domain.amount_words import amount_figures, amount_words
from ledger.domain.receipts import LAYOUT, Receipt
from ledger.domain.refusals import ReceiptUnavailableError
from ledger.domain.transactions import TransactionType

SEAL: Final = b"%impactnet-sha256:"
_FONTS: Final = Path(__file__).parent / "fonts"
_FONT: Final = "DejaVu"
_MARGIN_MM: Final = 20.0
_WIDTH_MM: Final = 170.0  # A4 without its margins
_LABEL_MM: Final = 38.0
_QR_MM: Final = 40.0
_QR_GAP_MM: Final = 6.0
_ACCENT: Final = (0, 104, 71)
_GRAY: Final = (95, 99, 104)
_BLACK: Final = (20, 20, 20)
_BAND: Final = (243, 246, 244)
# Signature lines of more witnesses than this are in the attached proof only: the page stays one page.
_NOTE_LINES_MAX: Final = 12
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_TITLES: Final[Mapping[TransactionType, tuple[str, str, str]]] = MappingProxyType(
    {
        TransactionType.DONATION: ("Donation received", "Received from", "Donor"),
        TransactionType.DISBURSEMENT: ("Payment made", "Paid to", "Beneficiary"),
        TransactionType.REFUND: ("Refund made", "Returned to", "Donor"),
    }
)


def render_receipt(receipt: Receipt) -> bytes:
    """The document's bytes: a function of the receipt alone, the same in every process."""
    title = f"ImpactNet receipt No. {receipt.number}"
    page = FPDF(format="A4")
    page.set_creation_date(receipt.booked_at)
    page.set_title(title)
    page.set_author("ImpactNet")
    page.set_producer("ImpactNet ledger")
    page.set_lang("en-NG")
    page.set_margin(_MARGIN_MM)
    page.c_margin = 0
    for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
        page.add_font(_FONT, style, _FONTS / name)
    # Arabic letters join and run from right to left; marks sit on their letters.
    page.set_text_shaping(use_shaping_engine=True)
    page.add_page()
    _print_letterhead(page, receipt)
    _print_amount(page, receipt)
    _print_parties(page, receipt)
    _print_proof(page, receipt)
    _print_instructions(page, receipt)
    for name, content, kind, description in (
        ("receipt.tlog-proof", receipt.proof.encode(), "text/plain", "C2SP tlog-proof of this receipt's block"),
        ("receipt.json", receipt.facts_file(), "application/json", "What this receipt says, for a verifier"),
    ):
        page.embed_file(
            basename=name,
            bytes=content,
            desc=description,
            mime_type=kind,
            creation_date=receipt.booked_at,
            modification_date=receipt.booked_at,
        )
    document = bytes(page.output())
    # The library remembers the letters of every font that it has ever seen, and the fonts with them.
    SubsetMap.pick.cache_clear()
    SubsetMap.get_glyph.cache_clear()
    return _sealed(document)


def _sealed(document: bytes) -> bytes:
    if SEAL in document:
        raise ValueError("a receipt holds one seal, at its end")
    return document + SEAL + sha256(document).hexdigest().encode() + b"\n"


def _print_letterhead(page: FPDF, receipt: Receipt) -> None:
    page.set_fill_color(*_ACCENT)
    page.rect(0, 0, page.w, 4, style="F")
    page.set_y(13)
    _write(page, "ImpactNet", size=20, bold=True, color=_ACCENT, width=85, stay=True)
    _write(page, f"Receipt No. {receipt.number}", size=14, bold=True, width=85, align=Align.R)
    _write(page, _date(receipt.booked_at), size=9, color=_GRAY, align=Align.R)
    page.ln(3)
    _write(page, "PROGRAMME", size=7.5, color=_GRAY)
    # One line of text, whatever its author typed.
    _write(page, " ".join((receipt.program_title or receipt.program_id).split()), size=16, height=8)
    page.ln(2)
    page.set_draw_color(*_ACCENT)
    page.set_line_width(0.4)
    page.line(_MARGIN_MM, page.get_y(), _MARGIN_MM + _WIDTH_MM, page.get_y())
    page.ln(6)


def _print_amount(page: FPDF, receipt: Receipt) -> None:
    heading, _, _ = _TITLES[receipt.transaction_type]
    _write(page, heading, size=12, bold=True, color=_ACCENT)
    _write(page, amount_figures(receipt.amount, receipt.currency), size=24, bold=True, height=13)
    _write(page, amount_words(receipt.amount, receipt.currency), size=10.5)
    page.ln(5)


def _print_parties(page: FPDF, receipt: Receipt) -> None:
    _, label, role = _TITLES[receipt.transaction_type]
    party = f"{role} {receipt.party_id}"
    _row(page, label, party if receipt.donor_name is None else " ".join(receipt.donor_name.split()))
    if receipt.donor_name is not None:
        _row(page, "", party)
    _row(page, "Booked", f"{_date(receipt.booked_at)}, {receipt.booked_at:%H:%M:%S} UTC")
    _row(page, "Amount in the block", f"{receipt.currency} {receipt.block.data['amount']}")
    _row(page, "Transaction", str(receipt.transaction_id))
    _row(page, "Programme", receipt.program_id)
    page.ln(5)


def _print_proof(page: FPDF, receipt: Receipt) -> None:
    top = page.get_y()
    checkpoint = receipt.checkpoint
    column = _WIDTH_MM - _QR_MM - _QR_GAP_MM
    _write(page, "Where it is written, for ever", size=11, bold=True, color=_ACCENT, width=column, height=7)
    for label, value in (
        ("Block", str(receipt.block.block_index)),
        ("Block hash", receipt.block.hash),
        ("Log", checkpoint.origin),
        ("Checkpoint", f"{checkpoint.size} blocks"),
        ("Root hash", checkpoint.root.hex()),
    ):
        # Small enough for a hash to stay on its line.
        _row(page, label, value, label_mm=22, width=column, size=7)
    text_bottom = page.get_y()
    _draw_qr(page, receipt.verify_url, _MARGIN_MM + _WIDTH_MM - _QR_MM, top)
    page.set_xy(_MARGIN_MM, max(text_bottom, top + _QR_MM) + 2)
    _write(page, "The code leads to what anybody can check of this block:", size=7.5, color=_GRAY, height=4)
    _write(page, receipt.verify_url, size=6.5, height=4, link=receipt.verify_url)
    page.ln(3)
    note = receipt.checkpoint_note.rstrip("\n").split("\n")
    left_out = len(note) - _NOTE_LINES_MAX
    shown = note[:_NOTE_LINES_MAX] + ([f"… {left_out} more lines in the attached proof"] if left_out > 0 else [])
    page.set_fill_color(*_BAND)
    _write(page, "\n".join(shown), size=6, height=3.2, fill=True)
    page.ln(4)


def _print_instructions(page: FPDF, receipt: Receipt) -> None:
    _write(page, "How to check this receipt without asking us", size=11, bold=True, color=_ACCENT, height=7)
    file_name = f"impactnet-receipt-{receipt.number}.pdf"
    for line in (
        f"1.  Keep this file as it was sent ({file_name}); printing or saving it anew breaks its seal.",
        (
            "2.  Get the program impactnet-verify, and from people you trust a policy with the keys of the log and its"
            " witnesses. Our key: "
            f"{receipt.public_url.rstrip('/')}/.well-known/impactnet-ledger.vkey"
        ),
        f"3.  impactnet-verify receipt {file_name} --policy policy.txt",
    ):
        _write(page, line, size=8.5, height=4.6)
    page.ln(3)
    about_names = (
        "Donors and beneficiaries are numbers of the ledger's own here; whose they are is no part of the proof."
        if receipt.donor_name is None
        else "The donor's name is on this page alone: the log and the proof know the number beside it."
    )
    attached = "The proof travels with this file as receipt.tlog-proof and receipt.json."
    _write(page, f"{attached} {about_names}", size=7.5, color=_GRAY, height=4)


def _row(
    page: FPDF, label: str, value: str, *, label_mm: float = _LABEL_MM, width: float = _WIDTH_MM, size: float = 8.5
) -> None:
    _write(page, label, size=size, color=_GRAY, width=label_mm, height=5.2, stay=True)
    _write(page, value, size=size, width=width - label_mm, height=5.2)


def _write(
    page: FPDF,
    text: str,
    *,
    size: float,
    bold: bool = False,
    color: tuple[int, int, int] = _BLACK,
    width: float = _WIDTH_MM,
    height: float | None = None,
    align: Align = Align.L,
    stay: bool = False,
    fill: bool = False,
    link: str = "",
) -> None:
    """A paragraph; the next one starts below it, or with `stay` to its right. Sizes in points, the rest in mm."""
    page.set_font(_FONT, "B" if bold else "", size)
    page.set_text_color(*color)
    page.multi_cell(
        width,
        size * 0.53 if height is None else height,
        text,
        align=align,
        fill=fill,
        link=link,
        new_x=XPos.RIGHT if stay else XPos.LMARGIN,
        new_y=YPos.TOP if stay else YPos.NEXT,
    )


def _draw_qr(page: FPDF, url: str, left: float, top: float) -> None:
    """As rectangles, row by row: sharp at every size, and the same bytes whatever compresses pictures elsewhere."""
    matrix = [list(row) for row in segno.make_qr(url, error="m").matrix]
    module = _QR_MM / len(matrix)
    page.set_fill_color(0, 0, 0)
    for number, row in enumerate(matrix):
        start = 0
        while start < len(row):
            end = start
            while end < len(row) and row[end]:
                end += 1
            if end > start:
                page.rect(left + start * module, top + number * module, (end - start) * module, module, style="F")
            start = end + 1


def _date(moment: datetime) -> str:
    """Written out in English, whatever the machine's language is."""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


_LAYOUTS: Final[Mapping[int, Callable[[Receipt], bytes]]] = MappingProxyType({LAYOUT: render_receipt})


class PdfPress:
    """Keeps `receipt_ports.Press`: in a thread, one document at a time, so that nothing else waits for it."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def print(self, receipt: Receipt) -> bytes:
        render = _LAYOUTS.get(receipt.layout)
        if render is None:
            # A newer process issued it, and this one is about to be replaced.
            raise ReceiptUnavailableError
        async with self._one_at_a_time:
            return await asyncio.to_thread(render, receipt)
