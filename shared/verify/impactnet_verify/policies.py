"""C2SP tlog-policy: which logs, which witnesses, and how many of them have to have seen a checkpoint."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from impactnet_verify.failures import NotVerifiedError, UnusableInputError
from impactnet_verify.notes import COSIGNATURE, ED25519, VerifierKey, parse_verifier_key

SIZE_BYTES_MAX: Final = 1_000_000  # far beyond the 32 logs, witnesses and groups that every reader has to take
NO_QUORUM: Final = "none"
_FORBIDDEN: Final = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_THRESHOLD: Final = re.compile("[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Group:
    """Has seen a checkpoint when at least `threshold` of its members have."""

    threshold: int
    members: tuple[str, ...]


@dataclass(slots=True)
class Policy:
    """Logs, and witnesses and groups by their names; `quorum` names one of these, or is `none`."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = NO_QUORUM

    @property
    def keys(self) -> list[VerifierKey]:
        return [*self.logs, *self.witnesses.values()]

    def is_satisfied(self, cosigned_by: AbstractSet[VerifierKey]) -> bool:
        have_seen = {name for name, key in self.witnesses.items() if key in cosigned_by}
        # Members stand above their group, so going down the file is enough, however deep groups are nested.
        for name, group in self.groups.items():
            if sum(member in have_seen for member in group.members) >= group.threshold:
                have_seen.add(name)
        return self.quorum == NO_QUORUM or self.quorum in have_seen


class _Reader:
    """Takes the lines one by one; what a line refers to must stand above it."""

    def __init__(self) -> None:
        self.policy = Policy()
        self._has_quorum = False
        self._grouped: set[str] = set()

    def take(self, items: list[str]) -> None:
        keyword, *rest = items
        takers = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum}
        if keyword not in takers:
            raise UnusableInputError(f"{keyword!r} is none of log, witness, group, quorum")
        takers[keyword](rest)

    def finish(self) -> Policy:
        if not self._has_quorum:
            raise UnusableInputError("policy: it has no quorum line")
        if not self.policy.logs:
            raise UnusableInputError("policy: it names no log, so nothing can be verified under it")
        return self.policy

    def _log(self, items: list[str]) -> None:
        if len(items) not in {1, 2}:
            raise UnusableInputError("a log line is: log <vkey> [<url>]")
        self.policy.logs.append(self._key(items[0], ED25519, self.policy.logs))

    def _witness(self, items: list[str]) -> None:
        if len(items) not in {2, 3}:
            raise UnusableInputError("a witness line is: witness <name> <vkey> [<url>]")
        self._check_new(items[0])
        self.policy.witnesses[items[0]] = self._key(items[1], COSIGNATURE, list(self.policy.witnesses.values()))

    def _key(self, text: str, kind: int, others: list[VerifierKey]) -> VerifierKey:
        try:
            # Names are opaque octets to a policy, and UTF-8 in notes: a key that is not could sign nothing.
            key = parse_verifier_key(text.encode("latin-1").decode())
        except UnicodeDecodeError as error:
            raise UnusableInputError("a key's name is not UTF-8") from error
        except NotVerifiedError as failure:
            raise UnusableInputError(str(failure)) from failure
        if key.kind != kind:
            raise UnusableInputError(f"key of {key.name}: its type is {key.kind}; logs have 1, witnesses 4")
        if any(key.public_key == other.public_key for other in others):
            raise UnusableInputError(f"key of {key.name}: it is there twice")
        if any((key.name, key.id) == (other.name, other.id) for other in self.policy.keys):
            raise UnusableInputError(f"key of {key.name}: another has the same name and id")
        return key

    def _check_new(self, name: str) -> None:
        if name == NO_QUORUM or name in self.policy.witnesses or name in self.policy.groups:
            raise UnusableInputError(f"the name {_shown(name)} is taken")

    def _check_defined(self, name: str) -> None:
        if name not in self.policy.witnesses and name not in self.policy.groups:
            raise UnusableInputError(f"{_shown(name)} is not defined above")

    def _group(self, items: list[str]) -> None:
        if len(items) < 3:  # noqa: PLR2004 -- a name, a threshold, a member
            raise UnusableInputError("a group line is: group <name> all|any|<k> <name>...")
        name, threshold, *members = items
        self._check_new(name)
        for member in members:
            self._check_defined(member)
            if member in self._grouped:
                raise UnusableInputError(f"{_shown(member)} is a member twice")
            self._grouped.add(member)
        words = {"all": len(members), "any": 1}
        if threshold not in words and not _THRESHOLD.fullmatch(threshold):
            raise UnusableInputError("a threshold is all, any, or a decimal number")
        count = words[threshold] if threshold in words else int(threshold)
        if count > len(members):
            raise UnusableInputError(f"a group of {len(members)} cannot have {count} members that agree")
        self.policy.groups[name] = Group(count, tuple(members))

    def _quorum(self, items: list[str]) -> None:
        if len(items) != 1 or self._has_quorum:
            raise UnusableInputError("there is exactly one line: quorum <name>")
        if items[0] != NO_QUORUM:
            self._check_defined(items[0])
        self._has_quorum = True
        self.policy.quorum = items[0]


def _shown(name: str) -> str:
    return name.encode("latin-1").decode(errors="replace")


def parse_policy(content: bytes) -> Policy:
    """Raises UnusableInputError, naming the line, for anything but a policy that names a log and one quorum."""
    if len(content) > SIZE_BYTES_MAX:
        raise UnusableInputError(f"policy: more than {SIZE_BYTES_MAX} bytes")
    reader = _Reader()
    # Latin-1 keeps every octet as one letter: names are compared as octets, whatever they mean.
    for number, line in enumerate(content.split(b"\n"), 1):
        if _FORBIDDEN.search(line):
            raise UnusableInputError(f"policy, line {number}: a control character")
        items = [item for item in re.split("[ \t]+", line.decode("latin-1")) if item]
        if not items or items[0].startswith("#"):
            continue
        try:
            reader.take(items)
        except UnusableInputError as failure:
            raise UnusableInputError(f"policy, line {number}: {failure}") from failure
    return reader.finish()
