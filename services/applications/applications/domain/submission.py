"""The frozen copy of an application: canonical bytes, and the hash that a block will hold."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from applications.domain.application import Application
from applications.domain.document import Document
from applications.domain.video_record import Video

SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Submission:
    """`snapshot`: the exact bytes; `sha256`: their hash in hex."""

    snapshot: bytes
    sha256: str


def freeze(
    application: Application, documents: Sequence[Document], video: Video | None, transcript_sha256: str | None
) -> Submission:
    """The snapshot of all that was submitted: JSON with sorted keys, without white space, in UTF-8.

    The hash becomes public in a block. The random salt inside makes it a commitment that says nothing about answers
    that could be guessed, and with the applicant's key it is gone (06-security, "salted commitments").
    """
    content = {
        "application_id": str(application.id),
        "program_id": str(application.program_id),
        "answers": application.answers,
        "documents": [
            {"id": str(each.id), "requirement_id": str(each.requirement_id), "sha256": each.sha256}
            for each in sorted(documents, key=lambda document: document.id)
        ],
        "video": None if video is None else {"id": str(video.id), "sha256": video.sha256},
        "interview": {"transcript_sha256": transcript_sha256},
        "salt": secrets.token_hex(SALT_BYTES),
    }
    snapshot = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    return Submission(snapshot, hashlib.sha256(snapshot).hexdigest())
