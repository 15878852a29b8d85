"""Which regular expressions a form may hold: those that no answer can make run for minutes."""

import re
from typing import Final

from chassis.refusals import FieldRefusalError

# No pattern for a form's field needs more; the check below is linear in it.
PATTERN_CHARACTERS_MAX: Final = 200
# Each unbounded repetition can multiply the work by the length of the answer.
WIDE_REPEATS_MAX: Final = 3
# A bounded repetition above this counts as unbounded.
REPEATS_BOUND: Final = 200
_BRACES: Final = re.compile(r"\{(\d{0,6})(,(\d{0,6}))?\}")


class _PatternScan:
    """One pass over a pattern, group by group. Source of the danger: OWASP, "Regular expression denial of service"."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._wide = 0
        # For each open group: whether something inside it can match in more than one way.
        self._varied = [False]
        # Whether the atom that just ended can match in more than one way.
        self._last_varied = False

    def find_fault(self) -> str | None:
        while self._at < len(self._pattern):
            fault = self._step()
            if fault is not None:
                return fault
        return "repeats without end too often" if self._wide > WIDE_REPEATS_MAX else None

    def _step(self) -> str | None:
        character = self._pattern[self._at]
        if character in "*+?{":
            return self._repeat(character)
        self._last_varied = False
        if character == "\\":
            return self._escape()
        if character == "[":
            self._skip_set()
        elif character == "(":
            return self._open()
        elif character == ")":
            self._last_varied = self._varied.pop() if len(self._varied) > 1 else False
            self._varied[-1] |= self._last_varied
            self._at += 1
        else:
            self._varied[-1] |= character == "|"
            self._at += 1
        return None

    def _escape(self) -> str | None:
        following = self._pattern[self._at + 1 : self._at + 2]
        self._at += 2
        return "refers back to a group" if following.isdigit() and following != "0" else None

    def _open(self) -> str | None:
        self._varied.append(False)
        if self._pattern.startswith("(?", self._at):
            if not self._pattern.startswith("(?:", self._at):
                return "uses a group other than (...) and (?:...)"
            self._at += 3
        else:
            self._at += 1
        return None

    def _skip_set(self) -> None:
        self._at += 1
        if self._pattern.startswith("^", self._at):
            self._at += 1
        first = True
        while self._at < len(self._pattern) and (first or self._pattern[self._at] != "]"):
            self._at += 2 if self._pattern[self._at] == "\\" else 1
            first = False
        self._at += 1

    def _repeat(self, character: str) -> str | None:
        braces = _BRACES.match(self._pattern, self._at)
        if character == "{" and braces is None:
            self._at += 1
            self._last_varied = False
            return None
        self._at = braces.end() if braces is not None else self._at + 1
        if character == "?":
            self._varied[-1] = True
            return None
        if self._last_varied:
            return "repeats a group whose contents can match in several ways"
        self._varied[-1] = True
        if braces is None:
            self._wide += 1
        else:
            least, comma, most = braces.groups()
            bound = most if comma else least
            self._wide += not bound or int(bound) > REPEATS_BOUND
        return None


def check_pattern(field: str, pattern: str) -> None:
    """Refuse a pattern that is too long, that is none, or that could run away; `field` names its place."""
    if len(pattern) > PATTERN_CHARACTERS_MAX:
        message = f"a pattern has at most {PATTERN_CHARACTERS_MAX} characters"
        raise FieldRefusalError([(field, "pattern_too_long", message)])
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise FieldRefusalError([(field, "pattern_malformed", "not a regular expression")]) from error
    fault = _PatternScan(pattern).find_fault()
    if fault is not None:
        raise FieldRefusalError([(field, "pattern_dangerous", f"this pattern {fault}")])
