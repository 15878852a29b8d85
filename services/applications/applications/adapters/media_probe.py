"""Looks into an uploaded video: how long it is, whether it is whole, a thumbnail, its speech as PCM."""

from pathlib import Path
from typing import Final

from applications.adapters.isolated import IsolatedWorkError, run_isolated
from applications.domain.video import Probe, UnreadableVideoError

# Ten minutes of 4K are demultiplexed and their sound decoded in some 20 s; four times that on a busy machine.
TIMEOUT_SECONDS: Final = 120
_BOX_HEADER_BYTES: Final = 8
_LARGE_BOX_HEADER_BYTES: Final = 16
# A sane file has a handful of top-level boxes, a fragmented one two per fragment of a second or more.
_BOXES_MAX: Final = 10_000
_BOX_KINDS: Final = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"sidx", b"uuid"})


async def probe(path: Path, folder: Path) -> Probe:
    """Look into the file at `path`; `speech.wav` is left in `folder` when there is a sound track.

    Raises:
        UnreadableVideoError
    """
    module = "applications.adapters.media_process"
    try:
        found = await run_isolated(module, [str(path), str(folder)], timeout_seconds=TIMEOUT_SECONDS, directory=folder)
    except IsolatedWorkError as error:
        # Whatever kills a decoder or keeps it busy for minutes is no video that a board can watch.
        raise UnreadableVideoError("video_unreadable") from error
    if is_cut_off(path):
        raise UnreadableVideoError("video_truncated")
    if "error" in found:
        raise UnreadableVideoError("video_unreadable")
    thumbnail = folder / "thumbnail.jpg"
    return Probe(
        declared_milliseconds=round(found["declared_seconds"] * 1000),
        present_milliseconds=round(found["present_seconds"] * 1000),
        has_picture=found["has_picture"],
        thumbnail=thumbnail.read_bytes() if thumbnail.exists() else None,
        has_speech_track=found["has_speech"],
    )


def is_cut_off(path: Path) -> bool:
    """Whether an mp4 or mov says that it goes on behind its end, or lacks its index (ISO/IEC 14496-12, 4.2)."""
    size = path.stat().st_size
    kinds: set[bytes] = set()
    position = 0
    with path.open("rb") as file:
        for _ in range(_BOXES_MAX):
            if position >= size:
                break
            file.seek(position)
            header = file.read(_LARGE_BOX_HEADER_BYTES)
            kind, length = header[4:8], int.from_bytes(header[:4], "big")
            if not kinds and kind not in _BOX_KINDS:
                return False  # another kind of container
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            elif length == 0:
                length = size - position
            if len(header) < _BOX_HEADER_BYTES or length < _BOX_HEADER_BYTES or position + length > size:
                return True
            kinds.add(kind)
            position += length
    return b"moov" not in kinds
