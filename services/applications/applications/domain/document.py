"""A document that a requirement asks for; its type is told by its content, never by its name."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Document:
    """`sha256`: hex of the stored bytes."""

    id: UUID
    application_id: UUID
    requirement_id: UUID
    object_key: str
    file_name: str
    content_type: str
    size_bytes: int
    sha256: str
    uploaded_at: datetime
    scan: str = "unscanned"


# First bytes of what is accepted: PDF (ISO 32000-1, 7.5.2), JPEG (ITU-T T.81, SOI and a marker), PNG (RFC 2083, 3.1).
_SIGNATURES: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
)
# And what must stand near their end: a file cut off in transit is not taken for a whole one.
_ENDINGS: Final = {"application/pdf": b"%%EOF", "image/jpeg": b"\xff\xd9", "image/png": b"IEND"}
# Writers may append a little after the end mark; 2 KiB is generous.
_ENDING_BYTES: Final = 2048


def content_type_of(content: bytes) -> str | None:
    """The media type that the content itself shows, or None when it is none of pdf, jpg, png, or is cut off."""
    for signature, content_type in _SIGNATURES:
        if content.startswith(signature):
            whole = _ENDINGS[content_type] in content[-_ENDING_BYTES:]
            return content_type if whole else None
    return None
