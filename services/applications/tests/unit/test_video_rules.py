"""What counts as a video, when it is refused, and how its parts and its speech are cut."""

import wave
from pathlib import Path

import av
import pytest

from applications.adapters.media_probe import is_cut_off, probe
from applications.adapters.transcription import NoTranscriber, wav_pieces
from applications.domain.video import Probe, UnreadableVideoError, VideoLimits, content_type_of, part_count, refusal_of

DATA = Path(__file__).parents[1] / "data"
GOOD = Probe(20_600, 20_600, has_picture=True, thumbnail=b"", has_speech_track=True)
MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"\x00\x00\x00\x14ftypqt  ", "video/quicktime"),
        (b"\x00\x00\x00\x08wide\x00\x00", "video/quicktime"),
        (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f\x42\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f\x42\x82\x88matroska", None),
        (b"GIF89a not a video", None),
        (b"RIFF\x00\x00\x00\x00AVI LIST", None),
        (b"", None),
    ],
)
def test_a_video_is_told_by_its_first_bytes(head, content_type):
    assert content_type_of(head) == content_type


@pytest.mark.parametrize(
    ("declared", "present", "has_picture", "code"),
    [
        (20_600, 20_600, True, None),
        (20_600, 19_500, True, None),
        (20_600, 10_000, True, "video_truncated"),
        (4_999, 4_999, True, "video_too_short"),
        (5_000, 5_000, True, None),
        (600_000, 600_000, True, None),
        (600_001, 600_001, True, "video_too_long"),
        (20_600, 0, False, "not_a_video"),
    ],
)
def test_a_video_is_refused_for_a_reason(declared, present, has_picture, code):
    found = Probe(declared, present, has_picture=has_picture, thumbnail=None, has_speech_track=False)
    assert refusal_of(found, VideoLimits()) == code


@pytest.mark.parametrize(
    ("size", "parts"), [(1, 0), (64 * MIB, 0), (64 * MIB + 1, 2), (128 * MIB, 2), (2048 * MIB, 32)]
)
def test_large_files_go_in_parts(size, parts):
    assert part_count(size) == parts


async def test_the_real_video_is_looked_into(tmp_path):
    found = await probe(DATA / "applicant-amina.mp4", tmp_path)
    assert (found.declared_milliseconds, found.present_milliseconds) == (20_600, 20_600)
    assert found.has_picture
    assert found.has_speech_track
    assert found.thumbnail is not None
    # JPEG, and neither Exif nor a comment in it.
    assert found.thumbnail.startswith(b"\xff\xd8\xff\xdb")
    assert b"Exif" not in found.thumbnail
    assert b"Lavc" not in found.thumbnail
    with wave.open(str(tmp_path / "speech.wav")) as speech:
        assert (speech.getframerate(), speech.getnchannels(), speech.getsampwidth()) == (16_000, 1, 2)
        assert speech.getnframes() / 16_000 == pytest.approx(14.7, abs=0.1)
        assert speech.getnframes() > 0


@pytest.mark.parametrize(
    ("name", "code"), [("truncated.mp4", "video_truncated"), ("not-a-video.mp4", "video_unreadable")]
)
async def test_what_cannot_be_opened_says_why(tmp_path, name, code):
    with pytest.raises(UnreadableVideoError) as refused:
        await probe(DATA / name, tmp_path)
    assert refused.value.code == code


async def test_noise_behind_a_right_beginning_is_refused(tmp_path):
    path = tmp_path / "noise"
    path.write_bytes((DATA / "applicant-amina.mp4").read_bytes()[:32] + b"\xff" * 5_000)
    with pytest.raises(UnreadableVideoError):
        await probe(path, tmp_path)


def _webm(path):
    """Six seconds of a moving picture without sound, as a browser records it."""
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(60):
            frame = av.VideoFrame(160, 90, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number * 4 % 256]) * plane.buffer_size)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


async def test_a_webm_without_sound_is_a_video(tmp_path):
    path = tmp_path / "video.webm"
    _webm(path)
    found = await probe(path, tmp_path)
    assert content_type_of(path.read_bytes()[:64]) == "video/webm"
    assert refusal_of(found, VideoLimits()) is None
    assert found.present_milliseconds == pytest.approx(6_000, abs=200)
    assert found.thumbnail is not None
    assert not found.has_speech_track


async def test_a_webm_that_is_cut_off_is_truncated(tmp_path):
    whole, cut = tmp_path / "video.webm", tmp_path / "cut.webm"
    _webm(whole)
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    assert refusal_of(await probe(cut, tmp_path), VideoLimits()) == "video_truncated"


def test_a_whole_file_is_not_cut_off():
    assert not is_cut_off(DATA / "applicant-amina.mp4")


def test_speech_is_cut_into_files_below_the_cap(tmp_path):
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as speech:
        speech.setnchannels(1)
        speech.setsampwidth(2)
        speech.setframerate(16_000)
        speech.writeframes(bytes(100_000))
    pieces = list(wav_pieces(path, 30_000))
    assert len(pieces) == 4
    assert all(piece.startswith(b"RIFF") and len(piece) <= 30_100 for piece in pieces)


async def test_without_a_recogniser_there_is_no_transcript():
    assert await NoTranscriber().transcribe(Path("unused")) is None
    assert NoTranscriber.name == "none"
