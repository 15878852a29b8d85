"""The child that opens uploaded media: `python -m applications.adapters.media_process <file> <folder>` prints JSON.

It writes `thumbnail.jpg` and `speech.wav` into the folder when there is a picture and a sound track. Run by
`media_probe`, never inside a process of ours: decoders are large, and their input is anybody's.
"""

import json
import resource
import sys
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter

# Decoding 4K needs some 300 MB; a file that makes a decoder ask for more than this is refused.
MEMORY_BYTES_MAX: Final = 3 * 1024**3
# Speech recognisers want 16 kHz mono.
SPEECH_HERTZ: Final = 16_000
# Ten minutes (the longest video) and a little: a sound track that goes on behind the picture is cut here.
SPEECH_SECONDS_MAX: Final = 11 * 60
# Wide enough for a card on a large screen; about 30 kB.
THUMBNAIL_WIDTH_MAX: Final = 640
# Over this a picture is no video for people but an attack on the decoder (8K is 7680 x 4320).
PIXELS_MAX: Final = 7680 * 4320
# A look this far into the recording shows the person rather than the black first frame.
THUMBNAIL_AT: Final = 0.1


def _end_of(packet: Any) -> float:
    """Seconds at which a packet's content ends; 0.0 when it does not say."""
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def _present_seconds(path: str) -> float:
    """How long the recording really is: every packet is read, none decoded."""
    latest = 0.0
    with av.open(path) as container:
        for packet in container.demux(container.streams.video[0]):
            # A cut file still lists its missing packets; they come empty or flagged.
            if packet.size and not packet.is_corrupt:
                latest = max(latest, _end_of(packet))
    return latest


def _thumbnail(path: str, seconds: float) -> bytes | None:
    """A JPEG of a frame, without any metadata: it is made of pixels alone."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        # One thread: the worker shares its cores, and threads multiply the decoder's memory.
        stream.thread_count = 1
        container.seek(int(seconds * THUMBNAIL_AT * av.time_base))
        frame = next(container.decode(stream), None)
    if frame is None or frame.width * frame.height > PIXELS_MAX:
        return None
    scale = min(1.0, THUMBNAIL_WIDTH_MAX / frame.width)
    # Even sizes: the format halves its colour planes.
    width, height = (max(2, int(side * scale) // 2 * 2) for side in (frame.width, frame.height))
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    # Without it the encoder writes its own name into the picture.
    encoder.flags |= Flags.bitexact
    picture = VideoReformatter().reformat(frame, width, height, "yuvj420p")
    picture.pts = 0
    return b"".join(bytes(packet) for packet in (*encoder.encode(picture), *encoder.encode(None)))


def _write_speech(path: str, target: Path) -> bool:
    """Write the sound track as 16 kHz mono PCM; False when there is none or it cannot be decoded."""
    with av.open(path) as container:
        if not container.streams.audio:
            return False
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SPEECH_HERTZ)
        samples_left = SPEECH_HERTZ * SPEECH_SECONDS_MAX
        with wave.open(str(target), "wb") as speech:
            speech.setnchannels(1)
            speech.setsampwidth(2)
            speech.setframerate(SPEECH_HERTZ)
            for frame in container.decode(container.streams.audio[0]):
                for piece in resampler.resample(frame):
                    count = min(piece.samples, samples_left)
                    speech.writeframesraw(bytes(piece.planes[0])[: count * 2])
                    samples_left -= count
                if samples_left <= 0:
                    break
    return True


def look(path: str, folder: Path) -> dict[str, Any]:
    """Everything there is to know about a file; `error` says that it cannot be opened at all."""
    try:
        with av.open(path) as container:
            has_picture = bool(container.streams.video)
            declared = (container.duration or 0) / av.time_base
        if not has_picture:
            return {"declared_seconds": declared, "present_seconds": 0, "has_picture": False, "has_speech": False}
        present = _present_seconds(path)
        thumbnail = _thumbnail(path, present)
    except (av.FFmpegError, ValueError) as error:
        return {"error": type(error).__name__}
    if thumbnail is not None:
        (folder / "thumbnail.jpg").write_bytes(thumbnail)
    try:
        has_speech = _write_speech(path, folder / "speech.wav")
    except (av.FFmpegError, ValueError):
        # A picture with a broken sound track is still a video; it has no transcript then.
        has_speech = False
    # A container that does not say how long it is (streamed webm) is as long as what it holds.
    return {
        "declared_seconds": declared or present,
        "present_seconds": present,
        "has_picture": thumbnail is not None,
        "has_speech": has_speech,
    }


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(look(sys.argv[1], Path(sys.argv[2]))))
