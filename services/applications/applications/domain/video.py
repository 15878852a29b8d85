"""The rules of a video: what counts as one by its first bytes, how large and how long it may be, why it is refused."""

from dataclasses import dataclass
from typing import Final, Literal

from chassis.refusals import RefusalError

# 09-values: mp4, mov, webm.
ContentType = Literal["video/mp4", "video/quicktime", "video/webm"]
# Above this a direct upload goes in parts, so that a broken connection costs one part and not the file.
SINGLE_PUT_BYTES_MAX: Final = 64 * 1024 * 1024
PART_BYTES: Final = 64 * 1024 * 1024
# What `content_type_of` needs to see: a box header and a brand, or an EBML header with its document type.
SIGNATURE_BYTES: Final = 64
# Packets may end this much before the declared duration in an honest file (the last frame's own length, rounding).
MISSING_MILLISECONDS_MAX: Final = 1_500

_EBML: Final = b"\x1a\x45\xdf\xa3"
# What old QuickTime files begin with, before `ftyp` was invented.
_QUICKTIME_BOXES: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})

RefusalCode = Literal[
    "not_a_video",
    "video_truncated",
    "video_unreadable",
    "video_too_short",
    "video_too_long",
    "sha256_mismatch",
]


class NotAVideoError(RefusalError):
    """The file's content is no mp4, mov or webm video, whatever its name says."""

    CODE = "not_a_video"

    def __init__(self) -> None:
        message = "must be an mp4, mov or webm video by its content"
        super().__init__(errors=[{"field": "file", "code": self.CODE, "message": message}])


class UploadMissingError(RefusalError):
    """The file, or a part of it, has not arrived at the signed address."""

    CODE = "upload_missing"


class SizeMismatchError(RefusalError):
    """The file at the signed address is not as large as was declared."""

    CODE = "size_mismatch"

    def __init__(self, size_bytes: int) -> None:
        message = f"{size_bytes} bytes have arrived"
        super().__init__(errors=[{"field": "size_bytes", "code": self.CODE, "message": message}])


class UploadExpiredError(RefusalError):
    """The signed address is too old: ask for a new one."""

    CODE = "upload_expired"


class UnreadableVideoError(Exception):
    """The file cannot be opened as a video; `code` says why."""

    def __init__(self, code: RefusalCode) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """How large and how long a video may be; 09-values has these numbers."""

    size_bytes_max: int = 2 * 1024**3
    seconds_min: int = 5
    seconds_max: int = 10 * 60


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look into the file found. Durations are what is declared and what is really there."""

    declared_milliseconds: int
    present_milliseconds: int
    has_picture: bool
    thumbnail: bytes | None
    has_speech_track: bool


def content_type_of(head: bytes) -> ContentType | None:
    """The type of a video by its first bytes, or None when it is none of ours.

    ISO/IEC 14496-12 files begin with a box (size, kind); Matroska with an EBML header (RFC 8794).
    """
    if head.startswith(_EBML):
        return "video/webm" if b"webm" in head[:SIGNATURE_BYTES] else None
    kind = head[4:8]
    if kind == b"ftyp":
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    return "video/quicktime" if kind in _QUICKTIME_BOXES else None


def refusal_of(probe: Probe, limits: VideoLimits) -> RefusalCode | None:
    """Why a video that could be opened is refused, or None when it is good."""
    if not probe.has_picture:
        return "not_a_video"
    if probe.present_milliseconds + MISSING_MILLISECONDS_MAX < probe.declared_milliseconds:
        return "video_truncated"
    if probe.present_milliseconds < limits.seconds_min * 1000:
        return "video_too_short"
    if probe.present_milliseconds > limits.seconds_max * 1000:
        return "video_too_long"
    return None


def part_count(size_bytes: int) -> int:
    """How many parts a direct upload goes in; 0 for one that goes in a single PUT."""
    if size_bytes <= SINGLE_PUT_BYTES_MAX:
        return 0
    return -(-size_bytes // PART_BYTES)
