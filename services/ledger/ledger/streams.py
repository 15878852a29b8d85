"""What commands do when nobody hears them: exit statuses are verdicts, and the interpreter must not choose one."""

import os
from typing import TextIO


def silence(stream: TextIO) -> None:
    """What it still holds goes nowhere: the interpreter would try again at its end, and exit with a code of its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
