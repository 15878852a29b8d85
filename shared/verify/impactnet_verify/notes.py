"""C2SP signed notes: text with signature lines below an empty line, and the verifier keys that judge them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from impactnet_verify import ed25519
from impactnet_verify.encodings import NUMBER_MAX, decode_base64, decode_text
from impactnet_verify.failures import NotVerifiedError, require

ED25519: Final = 0x01  # signed-note: a signature over the text as it is
COSIGNATURE: Final = 0x04  # tlog-cosignature: a witness's, over the text and a time
KEY_ID_BYTES: Final = 4
SIZE_BYTES_MAX: Final = 1_000_000  # as the reference implementation
SIGNATURES_MAX: Final = 100  # as the reference implementation: bounds the work that a note can ask for
_TIME_BYTES: Final = 8
_KEY_PARTS: Final = 3
_SIGNATURE_LINE: Final = re.compile("— ([^ ]+) ([A-Za-z0-9+/]+={0,2})")


def key_name_is_valid(name: str) -> bool:
    """Not empty, no Unicode space, no plus, no control character (signed-note, "Format")."""
    return bool(name) and "+" not in name and not any(each.isspace() or each < " " for each in name)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """An Ed25519 key with the name it signs for and the kind of its signatures (1 or 4)."""

    name: str
    kind: int
    public_key: bytes

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name || LF || kind || key)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key).digest()[:KEY_ID_BYTES]


def parse_verifier_key(text: str) -> VerifierKey:
    """A line `name+id+key`; raises NotVerifiedError for another form, a wrong id, and keys that let anybody forge."""
    parts = text.split("+", _KEY_PARTS - 1)
    require(len(parts) == _KEY_PARTS and key_name_is_valid(parts[0]), "a verifier key is name+id+key")
    name, key_id, encoded = parts
    decoded = decode_base64(encoded, f"key of {name}")
    kind, public_key = decoded[0] if decoded else 0, decoded[1:]
    require(kind in {ED25519, COSIGNATURE}, f"key of {name}: signature type {kind} is not known here, only 1 and 4 are")
    require(len(public_key) == ed25519.KEY_BYTES, f"key of {name}: a key has {ed25519.KEY_BYTES} bytes")
    key = VerifierKey(name, kind, public_key)
    require(key.id.hex() == key_id, f"key of {name}: its id does not belong to this name and key")
    flaw = ed25519.find_flaw(public_key)
    require(flaw is None, f"key of {name}: {flaw}")
    return key


@dataclass(frozen=True, slots=True)
class SignatureLine:
    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """The text (with its final newline) and the signature lines, not judged yet."""

    text: str
    signatures: tuple[SignatureLine, ...]


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note that at least one known key signed, and no known key signed wrongly.

    `signed_by` gives for each such key the latest time (Unix seconds) it named; None for a plain signature.
    `ignored` counts the lines by unknown keys.
    """

    text: str
    signed_by: dict[VerifierKey, int | None]
    ignored: int


def parse_note(content: bytes) -> Note:
    """Splits a note at its last empty line; raises NotVerifiedError unless it is exactly of the specified form."""
    require(len(content) <= SIZE_BYTES_MAX, f"note: more than {SIZE_BYTES_MAX} bytes")
    whole = decode_text(content, "note")
    require(all(each == "\n" or each >= " " for each in whole), "note: a control character")
    text, separator, block = whole.rpartition("\n\n")
    require(separator and block.endswith("\n"), "note: no signature lines below an empty line")
    lines = block.removesuffix("\n").split("\n")
    require(len(lines) <= SIGNATURES_MAX, f"note: more than {SIGNATURES_MAX} signature lines")
    return Note(text + "\n", tuple(_parse_line(line) for line in lines))


def _parse_line(line: str) -> SignatureLine:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None or not key_name_is_valid(match[1]):
        raise NotVerifiedError("note: a line below the text is no signature line")
    decoded = decode_base64(match[2], f"signature of {match[1]}")
    require(len(decoded) > KEY_ID_BYTES, f"signature of {match[1]}: it is empty")
    return SignatureLine(match[1], decoded[:KEY_ID_BYTES], decoded[KEY_ID_BYTES:])


def open_note(content: bytes, known: Iterable[VerifierKey]) -> OpenedNote:
    """Raises NotVerifiedError unless a known key signed the note and every line by a known key holds.

    A key is known by its name and id together. Lines by other keys are ignored, as the specification demands.
    """
    note = parse_note(content)
    keys: dict[tuple[str, bytes], VerifierKey] = {}
    for key in known:
        require((key.name, key.id) not in keys, f"note: two known keys are called {key.name} and have one id")
        keys[key.name, key.id] = key
    signed_by: dict[VerifierKey, int | None] = {}
    ignored = 0
    for line in note.signatures:
        found = keys.get((line.name, line.key_id))
        if found is None:
            ignored += 1
            continue
        signed_at = _check_signature(found, note.text, line.signature)
        signed_by[found] = max(signed_at or 0, signed_by.get(found) or 0) if found.kind == COSIGNATURE else None
    require(signed_by, "note: no signature by a known key")
    return OpenedNote(note.text, signed_by, ignored)


def _check_signature(key: VerifierKey, text: str, signature: bytes) -> int | None:
    """The time that a cosignature names."""
    signed_at, message = None, text.encode()
    if key.kind == COSIGNATURE:
        signed_at, signature = int.from_bytes(signature[:_TIME_BYTES], "big"), signature[_TIME_BYTES:]
        require(signed_at <= NUMBER_MAX, f"signature of {key.name}: its time is beyond 2^63-1")
        message = f"cosignature/v1\ntime {signed_at}\n".encode() + message
    require(ed25519.verify(key.public_key, message, signature), f"signature of {key.name}: it does not hold")
    return signed_at
