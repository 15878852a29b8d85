"""The port to speech recognition."""

from pathlib import Path
from typing import Protocol


class TranscriberUnavailableError(Exception):
    """The recogniser cannot be reached or does not answer: the video waits, or goes on without a transcript."""


class Transcriber(Protocol):
    """Turns speech into text. `name` is recorded with each transcript."""

    @property
    def name(self) -> str: ...

    async def transcribe(self, speech: Path) -> str | None:
        """What is said in a WAV file of 16 kHz mono PCM; None when nothing can be recognised here.

        Raises:
            TranscriberUnavailableError
        """
        ...
