"""What a client can read and likes best (RFC 9110 12.5): of what it names, how much it wants each."""

import re
from typing import Final

from fastapi import Request

_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)


def weights(request: Request, header: str) -> dict[str, float]:
    """The names in a header that is a list, in lower case, each with its weight from 0 to 1; a weight that is none: 0.

    Several lines of it are one list (RFC 9110 5.3).
    """
    wanted = {}
    for element in ",".join(request.headers.getlist(header)).split(","):
        name, *parameters = (part.strip() for part in element.split(";"))
        weight = next((each for each in parameters if each.lower().startswith("q=")), "q=1")
        read = _WEIGHT.fullmatch(weight)
        wanted[name.lower()] = 0.0 if read is None else float(read[1])
    return wanted


def accepts_gzip(request: Request) -> bool:
    """Gzip named with a weight above zero; `*` says nothing about what the client can read."""
    wanted = weights(request, "accept-encoding")
    return max(wanted.get("gzip", 0), wanted.get("x-gzip", 0)) > 0


def asks_for_json(request: Request) -> bool:
    """JSON named, and wanted no less than plain text."""
    wanted = weights(request, "accept")
    as_json = wanted.get("application/json", 0)
    as_text = next((wanted[kind] for kind in ("text/plain", "text/*", "*/*") if kind in wanted), 0)
    return 0 < as_json >= as_text
