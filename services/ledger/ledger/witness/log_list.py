"""Which logs a witness watches: a C2SP tlog-policy file, or a log list of the witness network (`logs/v0`)."""

from collections.abc import Mapping
from typing import Final

from ledger.domain.notes import VerifierKey
from ledger.domain.refusals import BadKeyError
from ledger.domain.witness_policy import BadPolicyError, parse_policy

LIST_HEADER: Final = "logs/v0"
# Keys by origin: a log whose key was rotated has several.
Logs = Mapping[str, tuple[VerifierKey, ...]]


def parse_log_list(content: bytes) -> Logs:
    """The keys that are trusted for each origin.

    In a policy file the origin is the key's name; a log list may say another, as Go's checksum database needs.

    Raises:
        BadPolicyError: the file is of neither form, or names no log.
    """
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), None)
    pairs = _listed(lines) if first == LIST_HEADER else [(key.name, key) for key in parse_policy(content).logs]
    logs: dict[str, tuple[VerifierKey, ...]] = {}
    for origin, key in pairs:
        logs[origin] = (*logs.get(origin, ()), key)
    if not logs:
        raise BadPolicyError("the file names no log to watch")
    return logs


def _listed(lines: list[str]) -> list[tuple[str, VerifierKey]]:
    """`vkey` opens a log, `origin` may follow it; what else there is (`qpd`, `contact`) is for people."""
    pairs: list[tuple[str, VerifierKey]] = []
    for number, line in enumerate(lines, 1):
        word, _, rest = line.partition(" ")
        if word == "vkey":
            try:
                key = VerifierKey.parse(rest.strip())
            except BadKeyError as error:
                raise BadPolicyError(f"line {number}: {error.detail}") from error
            if any(key.public_key == other.public_key for _, other in pairs):
                raise BadPolicyError(f"line {number}: the same public key stands in another line")
            pairs.append((key.name, key))
        elif word == "origin":
            if not pairs or not rest:
                raise BadPolicyError(f"line {number}: an origin stands below its vkey")
            pairs[-1] = (rest, pairs[-1][1])
    return pairs
