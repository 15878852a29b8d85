"""The receipt as a PDF: what was paid, where it stands in the chain, and the proof itself as an attachment."""

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Final

import segno
from fpdf import FPDF
from fpdf.enums import XPos, YPos

_WIDTH_MM: Final = 190
_LABEL_MM: Final = 45
_QR_MM: Final = 45


@dataclass(frozen=True, slots=True)
class ReceiptContent:
    """Everything on the page; no names: a receipt may be shown to anyone."""

    number: int
    issued_at: datetime
    title: str
    lines: tuple[tuple[str, str], ...]
    verify_url: str
    proof_file: str
    checkpoint: str


def render_receipt(content: ReceiptContent) -> bytes:
    """The PDF's bytes; the tlog-proof is attached as `proof.tlog-proof`, so that the file proves itself offline."""
    document = FPDF(format="A4")
    document.set_creation_date(content.issued_at)
    document.set_title(f"ImpactNet receipt {content.number}")
    document.add_page()
    document.set_font("helvetica", "B", 18)
    document.cell(0, 12, f"ImpactNet receipt No. {content.number}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    document.set_font("helvetica", "", 12)
    document.cell(0, 8, _latin(content.title), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    document.ln(4)
    for label, value in content.lines:
        document.set_font("helvetica", "B", 9)
        document.cell(_LABEL_MM, 7, label)
        document.set_font("courier", "", 9)
        document.multi_cell(_WIDTH_MM - _LABEL_MM, 7, _latin(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    document.ln(6)
    document.image(_qr(content.verify_url), w=_QR_MM, h=_QR_MM)
    document.set_font("helvetica", "", 8)
    document.multi_cell(
        0, 5, f"Verify: {content.verify_url}", new_x=XPos.LMARGIN, new_y=YPos.NEXT, link=content.verify_url
    )
    document.ln(2)
    document.set_font("courier", "", 7)
    document.multi_cell(0, 4, _latin(content.checkpoint), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    document.embed_file(
        basename="proof.tlog-proof",
        bytes=content.proof_file.encode(),
        desc="C2SP tlog-proof of this payment's block",
        mime_type="text/plain",
        creation_date=content.issued_at,
        modification_date=content.issued_at,
    )
    return bytes(document.output())


def _qr(url: str) -> BytesIO:
    picture = BytesIO()
    segno.make(url, error="m").save(picture, kind="png", scale=6)
    picture.seek(0)
    return picture


def _latin(text: str) -> str:
    """The built-in fonts know Latin-1; another letter is shown as `?` rather than refused."""
    return text.encode("latin-1", "replace").decode("latin-1")
