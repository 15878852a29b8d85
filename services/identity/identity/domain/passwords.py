"""Which passwords are good enough: long enough, not on everybody's list, not the user's own name."""

import unicodedata
from typing import Final

from identity.domain.common_passwords import COMMON_PASSWORDS

# 06-security: 8..128 characters (NIST SP 800-63B 5.1.1.2: at least 8, at least 64 allowed).
PASSWORD_CHARACTERS_MIN: Final = 8
PASSWORD_CHARACTERS_MAX: Final = 128
# Fewer different characters than this is a pattern on the keyboard, not a secret.
DIFFERENT_CHARACTERS_MIN: Final = 4
# What is left of a password without the user's own name must at least be this long.
REMAINDER_CHARACTERS_MIN: Final = 6
# Names shorter than this occur in too many good passwords by chance.
NAME_CHARACTERS_MIN: Final = 3
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb",
)
# What people put for letters, so that p@ssw0rd is found under password.
_LETTERS: Final = str.maketrans("@4301!5$7", "aaeoiisst")


def normal_password(password: str) -> str:
    """The same characters however a keyboard composed them (NIST SP 800-63B 5.1.1.2: NFKC)."""
    return unicodedata.normalize("NFKC", password)


def weakness_of(password: str, *, username: str, email: str) -> tuple[str, str] | None:
    """(code, message) of what is wrong with a password, or None when it will do."""
    lowered = normal_password(password).casefold()
    if not PASSWORD_CHARACTERS_MIN <= len(lowered) <= PASSWORD_CHARACTERS_MAX:
        return "password_length", f"must have {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters"
    if len(set(lowered)) < DIFFERENT_CHARACTERS_MIN or _is_row(lowered):
        return "password_trivial", "is a pattern that is guessed first"
    if _is_common(lowered):
        return "password_common", "is among the passwords that are guessed first"
    for name in (username.casefold(), email.casefold().partition("@")[0], email.casefold()):
        remainder = lowered.replace(name, "") if len(name) >= NAME_CHARACTERS_MIN else lowered
        if len(remainder) < REMAINDER_CHARACTERS_MIN:
            return "password_like_name", "is too much like your username or email address"
    return None


def _is_row(lowered: str) -> bool:
    """A run along the alphabet, the digits or a row of keys, forwards or backwards, perhaps repeated."""
    return any(lowered in (row * 8) or lowered in (row[::-1] * 8) for row in _ROWS)


def _is_common(lowered: str) -> bool:
    candidates = {lowered, lowered.translate(_LETTERS)}
    # "Password123!" is "password" to those who guess.
    candidates |= {candidate.rstrip("0123456789!?.,*#$@_-") for candidate in (lowered, lowered.rstrip("!?.,*#$@_-"))}
    candidates |= {candidate.translate(_LETTERS) for candidate in tuple(candidates)}
    return not candidates.isdisjoint(COMMON_PASSWORDS)
