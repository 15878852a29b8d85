"""The child that listens: `python -m applications.adapters.transcription_process <wav>` prints a JSON list of lines."""

import array
import json
import sys
import wave
from collections.abc import Iterator
from typing import Final

from moonshine_voice import ModelArch, get_model_path
from moonshine_voice.transcriber import Transcriber

HERTZ: Final = 16_000
# A minute at a time: the library takes samples as a list of Python floats, 32 bytes each.
PIECE_SECONDS: Final = 60
# A piece ends where it is quietest within its last seconds, so that no word is cut in two.
SEARCH_SECONDS: Final = 5
WINDOW_SAMPLES: Final = HERTZ // 10
_FULL_SCALE: Final = 32_768


def quiet_end(samples: "array.array[int]") -> int:
    """Where to cut a full piece: the middle of the quietest tenth of a second near its end."""
    start = len(samples) - SEARCH_SECONDS * HERTZ
    windows = range(start, len(samples) - WINDOW_SAMPLES, WINDOW_SAMPLES)
    quietest = min(windows, key=lambda at: sum(abs(sample) for sample in samples[at : at + WINDOW_SAMPLES : 8]))
    return quietest + WINDOW_SAMPLES // 2


def pieces(path: str) -> Iterator["array.array[int]"]:
    """The samples of a 16 kHz mono WAV file, a minute or less at a time."""
    pending = array.array("h")
    with wave.open(path, "rb") as speech:
        while True:
            pending.frombytes(speech.readframes(PIECE_SECONDS * HERTZ - len(pending)))
            if len(pending) < PIECE_SECONDS * HERTZ:
                break
            cut = quiet_end(pending)
            yield pending[:cut]
            pending = pending[cut:]
    if pending:
        yield pending


def listen(path: str) -> list[str]:
    """The lines that are said, in order."""
    lines: list[str] = []
    with Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY) as transcriber:
        for piece in pieces(path):
            heard = transcriber.transcribe_without_streaming([sample / _FULL_SCALE for sample in piece], HERTZ)
            lines += [line.text.strip() for line in heard.lines if line.text.strip()]
    return lines


if __name__ == "__main__":
    sys.stdout.write(json.dumps(listen(sys.argv[1])))
