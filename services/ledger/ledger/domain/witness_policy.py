"""C2SP tlog-policy: which logs and witnesses one believes, and how many of the witnesses it takes."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.cosignatures import WitnessKey
from ledger.domain.notes import VerifierKey
from ledger.domain.refusals import BadKeyError, RefusalError

# The specification asks for 32 at least; a note with that many lines still fits the event that carries it.
WITNESSES_MAX: Final = 32
GROUPS_MAX: Final = 32
LOGS_MAX: Final = 1000
# A signature line carries the name: 32 of them, with their signatures, stay below the event's 16,384 characters.
KEY_NAME_LENGTH_MAX: Final = 200
NONE: Final = "none"
_THRESHOLD: Final = re.compile("[1-9][0-9]{0,3}")
_FORBIDDEN: Final = re.compile("[^\t\n\x20-\x7e\x80-\U0010ffff]")
_URL: Final = re.compile("https?://[^/?#]+[^?#]*")


class BadPolicyError(RefusalError):
    """A policy file is not exactly of the specified form."""

    CODE = "bad_policy"


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness under the name that the policy gives it; `url` is its submission prefix, without a slash at the end."""

    name: str
    key: WitnessKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses a checkpoint as soon as `threshold` of its members (witnesses or groups) do."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Groups are in the order of the file: each names only what stands before it. `quorum` None asks for no witness."""

    logs: tuple[VerifierKey, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str | None = None

    def is_met_by(self, names: Collection[str]) -> bool:
        """Whether cosignatures of the witnesses of these (policy) names make a quorum."""
        if self.quorum is None:
            return True
        met = set(names)
        for group in self.groups:
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(group.name)
        return self.quorum in met


NO_WITNESSES: Final = Policy()


def parse_policy(content: bytes) -> Policy:
    """Raises BadPolicyError, naming the line, for anything that the specification does not allow.

    Names are opaque bytes there; those that are no UTF-8 become lone surrogates, so that no two are mixed up.
    """
    reader = _Reader()
    for number, line in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1):
        if _FORBIDDEN.search(line):
            raise BadPolicyError(f"line {number}: a control character")
        words = [word for word in re.split("[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.read(words[0], words[1:])
        except (BadPolicyError, BadKeyError) as error:
            raise BadPolicyError(f"line {number}: {error.detail}") from error
    return reader.finish()


class _Reader:
    """What was read so far. Key bytes are looked at across names: one key must not count twice."""

    def __init__(self) -> None:
        self._logs: list[VerifierKey] = []
        self._witnesses: list[Witness] = []
        self._groups: list[Group] = []
        self._quorum: str | None = None
        self._members: set[str] = set()

    def read(self, keyword: str, words: Sequence[str]) -> None:
        lines = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._set_quorum}
        if keyword not in lines:
            raise BadPolicyError(f"nothing is called {_shown(keyword)} here")
        lines[keyword](words)

    def finish(self) -> Policy:
        if self._quorum is None:
            raise BadPolicyError("there is no quorum line")
        quorum = None if self._quorum == NONE else self._quorum
        return Policy(tuple(self._logs), tuple(self._witnesses), tuple(self._groups), quorum)

    def _log(self, words: Sequence[str]) -> None:
        if len(words) not in (1, 2):
            raise BadPolicyError("a log line is: log <vkey> [<url>]")
        key = VerifierKey.parse(words[0])
        _check_distinct(key, self._logs)
        if len(self._logs) == LOGS_MAX:
            raise BadPolicyError(f"more than {LOGS_MAX} logs")
        self._logs.append(key)

    def _witness(self, words: Sequence[str]) -> None:
        if len(words) not in (2, 3):
            raise BadPolicyError("a witness line is: witness <name> <vkey> [<url>]")
        key = WitnessKey.parse(words[1])
        if len(key.name) > KEY_NAME_LENGTH_MAX:
            raise BadPolicyError(f"a witness key's name has more than {KEY_NAME_LENGTH_MAX} characters")
        _check_distinct(key, [witness.key for witness in self._witnesses])
        url = words[2] if len(words) > 2 else None  # noqa: PLR2004 -- the third word, if there is one
        if url is not None and not _URL.fullmatch(url):
            raise BadPolicyError("a witness's URL is http:// or https://, without query and fragment")
        if len(self._witnesses) == WITNESSES_MAX:
            raise BadPolicyError(f"more than {WITNESSES_MAX} witnesses")
        self._witnesses.append(Witness(self._new_name(words[0]), key, None if url is None else url.rstrip("/")))

    def _group(self, words: Sequence[str]) -> None:
        if len(words) < 3:  # noqa: PLR2004 -- name, threshold and one member
            raise BadPolicyError("a group line is: group <name> <all|any|k> <name>...")
        name, threshold, *members = words
        known = self._names()
        for member in members:
            if member not in known:
                raise BadPolicyError(f"{_shown(member)} is not defined above")
            if member in self._members:
                raise BadPolicyError(f"{_shown(member)} is a member already")
            self._members.add(member)
        if len(self._groups) == GROUPS_MAX:
            raise BadPolicyError(f"more than {GROUPS_MAX} groups")
        self._groups.append(Group(self._new_name(name), _threshold(threshold, len(members)), tuple(members)))

    def _set_quorum(self, words: Sequence[str]) -> None:
        if len(words) != 1:
            raise BadPolicyError("a quorum line is: quorum <name>")
        if self._quorum is not None:
            raise BadPolicyError("a second quorum line")
        if words[0] != NONE and words[0] not in self._names():
            raise BadPolicyError(f"{_shown(words[0])} is not defined above")
        self._quorum = words[0]

    def _names(self) -> set[str]:
        return {witness.name for witness in self._witnesses} | {group.name for group in self._groups}

    def _new_name(self, name: str) -> str:
        if name == NONE or name in self._names():
            raise BadPolicyError(f"{_shown(name)} is taken")
        return name


def _threshold(word: str, members: int) -> int:
    words: Mapping[str, int] = {"any": 1, "all": members}
    if word in words:
        return words[word]
    if not _THRESHOLD.fullmatch(word) or int(word) > members:
        raise BadPolicyError(f"a threshold is all, any, or a number from 1 to {members}")
    return int(word)


def _check_distinct(key: VerifierKey, known: Sequence[VerifierKey]) -> None:
    for other in known:
        if other.public_key == key.public_key:
            raise BadPolicyError("the same public key stands in another line")
        if (other.name, other.id) == (key.name, key.id):
            raise BadPolicyError("another key has the same name and id")


def _shown(word: str) -> str:
    return repr(word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:100])
