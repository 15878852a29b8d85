"""C2SP signed notes: text that carries its signatures below an empty line, and the keys that sign it."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final, Self

from ledger.domain import ed25519
from ledger.domain.refusals import BadKeyError, BadNoteError

ALGORITHM_ED25519: Final = 0x01
KEY_ID_BYTES: Final = 4
SIZE_BYTES_MAX: Final = 1_000_000  # what the reference implementation accepts
SIGNATURES_MAX: Final = 100  # as the reference implementation: bounds the work a note can ask for
_SIGNATURE_LINE: Final = re.compile("— ([^ +\\s]+) ([A-Za-z0-9+/]+={0,2})")
_KEY_PARTS: Final = 3
_PRIVATE_PREFIX: Final = "PRIVATE+KEY+"


def _name_is_valid(name: str) -> bool:
    return bool(name) and "+" not in name and not any(letter.isspace() for letter in name) and name.isprintable()


def decode_base64(text: str, error: type[BadNoteError | BadKeyError]) -> bytes:
    """Canonical standard base64 only: other padding bits would give one signature two spellings."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as failure:
        raise error(f"not base64: {failure}") from failure
    if base64.b64encode(decoded).decode() != text:
        raise error("not canonical base64")
    return decoded


def key_id(name: str, public_key: bytes, algorithm: int = ALGORITHM_ED25519) -> bytes:
    """The first four bytes of SHA-256(name || LF || algorithm || key) (signed-note, "Signatures")."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key).digest()[:KEY_ID_BYTES]


def _key_material(encoded: str, algorithm: int) -> bytes:
    """The 32 bytes behind the type byte of a key's base64; raises BadKeyError for another type or length."""
    key = decode_base64(encoded, BadKeyError)
    if len(key) != 1 + ed25519.KEY_BYTES or key[0] != algorithm:
        raise BadKeyError(f"an Ed25519 key of type {algorithm} is wanted here")
    return key[1:]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs for; its text form is a line `name+id+key`."""

    ALGORITHM: ClassVar[int] = ALGORITHM_ED25519

    name: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        return key_id(self.name, self.public_key, self.ALGORITHM)

    @property
    def vkey(self) -> str:
        key = base64.b64encode(bytes([self.ALGORITHM]) + self.public_key).decode()
        return f"{self.name}+{self.id.hex()}+{key}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether `signature` (without the key's id) is this key's on a note's text."""
        return ed25519.verify(self.public_key, text.encode(), signature)

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Raises BadKeyError for a malformed line, another algorithm, a wrong id, and keys that cannot be trusted."""
        parts = vkey.split("+", _KEY_PARTS - 1)
        if len(parts) != _KEY_PARTS or not _name_is_valid(parts[0]):
            raise BadKeyError("a verifier key is name+id+key")
        name, identifier, encoded = parts
        public_key = _key_material(encoded, cls.ALGORITHM)
        if key_id(name, public_key, cls.ALGORITHM).hex() != identifier:
            raise BadKeyError("the id does not belong to this name and key")
        ed25519.check_public_key(public_key)
        return cls(name, public_key)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the name it signs for; text form `PRIVATE+KEY+name+id+key`, kept secret."""

    ALGORITHM: ClassVar[int] = ALGORITHM_ED25519

    name: str
    seed: bytes

    def __repr__(self) -> str:
        return f"SigningKey(name={self.name!r})"  # never the seed

    @classmethod
    def generate(cls, name: str) -> Self:
        if not _name_is_valid(name):
            raise BadKeyError("a key's name has no spaces, no plus and is not empty")
        return cls(name, ed25519.generate_seed())

    @classmethod
    def parse(cls, text: str) -> Self:
        if not text.startswith(_PRIVATE_PREFIX):
            raise BadKeyError("a signing key begins with PRIVATE+KEY+")
        parts = text.removeprefix(_PRIVATE_PREFIX).split("+", _KEY_PARTS - 1)
        if len(parts) != _KEY_PARTS or not _name_is_valid(parts[0]):
            raise BadKeyError("a signing key is PRIVATE+KEY+name+id+key")
        signing_key = cls(parts[0], _key_material(parts[2], cls.ALGORITHM))
        if signing_key.verifier.id.hex() != parts[1]:
            raise BadKeyError("the id does not belong to this name and key")
        return signing_key

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, ed25519.public_key_of(self.seed))

    @property
    def text(self) -> str:
        key = base64.b64encode(bytes([self.ALGORITHM]) + self.seed).decode()
        return f"{_PRIVATE_PREFIX}{self.name}+{self.verifier.id.hex()}+{key}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who says to have signed, with which key, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note: its text (ending in a newline) and its signature lines, not yet verified."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)


def sign(text: str, *keys: SigningKey) -> str:
    """The signed note of `text`, which must end in a newline."""
    if not text.endswith("\n") or not _text_is_valid(text):
        raise BadNoteError("a note's text ends in a newline and has no control characters")
    signatures = [Signature(key.name, key.verifier.id, ed25519.sign(key.seed, text.encode())) for key in keys]
    return str(Note(text, tuple(signatures)))


def _text_is_valid(text: str) -> bool:
    return all(letter == "\n" or letter >= " " for letter in text)


def parse(note: bytes | str) -> Note:
    """Splits a note; raises BadNoteError when it is not exactly of the specified form."""
    try:
        content = note.decode() if isinstance(note, bytes) else note
    except UnicodeDecodeError as error:
        raise BadNoteError("a note is UTF-8") from error
    if len(content) > SIZE_BYTES_MAX or not _text_is_valid(content):
        raise BadNoteError("too long, or with control characters")
    split = content.rfind("\n\n")
    if split < 0 or not content.endswith("\n"):
        raise BadNoteError("no signatures below an empty line")
    text, block = content[: split + 1], content[split + 2 :]
    lines = block.removesuffix("\n").split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise BadNoteError(f"more than {SIGNATURES_MAX} signatures")
    return Note(text, tuple(parse_line(line) for line in lines))


def parse_line(line: str) -> Signature:
    """A signature line without its newline; raises BadNoteError."""
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None or not _name_is_valid(match[1]):
        raise BadNoteError("not a signature line")
    decoded = decode_base64(match[2], BadNoteError)
    if len(decoded) <= KEY_ID_BYTES:
        raise BadNoteError("a signature line without a signature")
    return Signature(match[1], decoded[:KEY_ID_BYTES], decoded[KEY_ID_BYTES:])


def open_note(note: bytes | str, known: Iterable[VerifierKey]) -> tuple[Note, list[VerifierKey]]:
    """The note and the known keys that signed it, at least one.

    Lines by unknown keys are ignored; a line by a known key that does not verify condemns the whole note, and so does
    a (name, id) that two known keys share.
    """
    parsed = parse(note)
    keys: dict[tuple[str, bytes], VerifierKey] = {}
    ambiguous: set[tuple[str, bytes]] = set()
    for key in known:
        identity = (key.name, key.id)
        if identity in keys:
            ambiguous.add(identity)
        keys[identity] = key
    signed_by: list[VerifierKey] = []
    for signature in parsed.signatures:
        identity = (signature.name, signature.key_id)
        if identity in ambiguous:
            raise BadNoteError(f"ambiguous key {signature.name}")
        found = keys.get(identity)
        if found is None or found in signed_by:
            continue
        if not found.verifies(parsed.text, signature.signature):
            raise BadNoteError(f"invalid signature by {signature.name}")
        signed_by.append(found)
    if not signed_by:
        raise BadNoteError("no signature by a known key")
    return parsed, signed_by
