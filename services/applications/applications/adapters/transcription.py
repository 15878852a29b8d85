"""Speech to text: a small model on this machine, OpenAI's audio API, or none at all, said plainly."""

import importlib.util
import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import openai

from applications.adapters.isolated import IsolatedWorkError, run_isolated
from applications.domain.transcription import TranscriberUnavailableError

# Ten minutes of speech take about half a minute; ten times that on a machine that is busy.
LOCAL_TIMEOUT_SECONDS: Final = 300
# The API refuses files over 25 MB; ten minutes of 16 kHz mono are 19 MB, one minute is a sane piece to repeat.
API_PIECE_BYTES_MAX: Final = 24_000_000
API_TIMEOUT_SECONDS: Final = 120
API_RETRIES_MAX: Final = 2


class NoTranscriber:
    """There is no recogniser: videos have no transcript, and it says so."""

    name = "none"

    async def transcribe(self, speech: Path) -> str | None:
        del speech
        return None


class LocalTranscriber:
    """Moonshine's `tiny-en` (MIT, English) in a process of its own, there only while it works: some 260 MB."""

    name = "moonshine-tiny-en"

    @staticmethod
    def is_installed() -> bool:
        """Whether the extra `transcription` is."""
        return importlib.util.find_spec("moonshine_voice") is not None

    async def transcribe(self, speech: Path) -> str | None:
        module = "applications.adapters.transcription_process"
        try:
            lines: list[str] = await run_isolated(
                module, [str(speech)], timeout_seconds=LOCAL_TIMEOUT_SECONDS, directory=speech.parent
            )
        except IsolatedWorkError as error:
            raise TranscriberUnavailableError(str(error)) from error
        return " ".join(lines) or None


class OpenAITranscriber:
    """OpenAI's audio API, or any that is compatible."""

    def __init__(self, client: openai.AsyncOpenAI, model: str) -> None:
        self._client = client.with_options(timeout=API_TIMEOUT_SECONDS, max_retries=API_RETRIES_MAX)
        self.name = model

    async def transcribe(self, speech: Path) -> str | None:
        texts = []
        try:
            for number, piece in enumerate(wav_pieces(speech, API_PIECE_BYTES_MAX)):
                answer = await self._client.audio.transcriptions.create(
                    model=self.name, file=(f"speech-{number}.wav", piece, "audio/wav")
                )
                texts.append(answer.text.strip())
        except openai.OpenAIError as error:
            raise TranscriberUnavailableError(type(error).__name__) from error
        return " ".join(text for text in texts if text) or None


def wav_pieces(speech: Path, size_bytes_max: int) -> Iterator[bytes]:
    """A WAV file as WAV files of at most `size_bytes_max` of sound each."""
    with wave.open(str(speech), "rb") as whole:
        frame_bytes = whole.getnchannels() * whole.getsampwidth()
        while frames := whole.readframes(size_bytes_max // frame_bytes):
            buffer = io.BytesIO()
            with wave.open(buffer, "wb") as piece:
                piece.setparams(whole.getparams())
                piece.writeframes(frames)
            yield buffer.getvalue()
