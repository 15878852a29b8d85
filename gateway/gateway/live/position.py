"""Where in the streams a socket is: an opaque string that any gateway can resume."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final, Self

from contracts.topics import topic_of

# The topics whose records become frames. Their order is part of the format: add at the end, never reorder.
FRAME_TOPICS: Final = (topic_of("applications"), topic_of("ledger"), topic_of("feed"))

_FORMAT: Final = 1
_CLUSTER_BYTES: Final = 8
# Three topics of 1000 partitions with offsets of 5 bytes are 15 KB; ours are about 150 characters.
_CHARACTERS_MAX: Final = 20_000
_PARTITIONS_MAX: Final = 1_000
_VARINT_BYTES_MAX: Final = 9


class BadPositionError(ValueError):
    """Not a position that a gateway of ours has handed out."""


def cluster_tag(cluster_id: str) -> bytes:
    """Eight bytes that name a Kafka cluster: offsets of another one mean nothing."""
    return hashlib.sha256(cluster_id.encode()).digest()[:_CLUSTER_BYTES]


# No cluster has been seen yet: such a position resumes nowhere.
NO_CLUSTER: Final = bytes(_CLUSTER_BYTES)


@dataclass(frozen=True, slots=True)
class Position:
    """The next offset to read of every partition: `offsets[topic][partition]`, topics as in `FRAME_TOPICS`."""

    cluster: bytes
    offsets: tuple[tuple[int, ...], ...]

    def encode(self) -> str:
        """URL-safe base64: format, cluster, then per topic the number of partitions and their offsets, as varints."""
        return encode(self.cluster, self.offsets)

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a position.

        Raises:
            BadPositionError
        """
        if not isinstance(text, str) or not text.isascii() or len(text) > _CHARACTERS_MAX:
            raise BadPositionError
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadPositionError from error
        if len(raw) <= _CLUSTER_BYTES or raw[0] != _FORMAT:
            raise BadPositionError
        numbers = _varints(raw[1 + _CLUSTER_BYTES :])
        offsets: list[tuple[int, ...]] = []
        at = 0
        while at < len(numbers):
            count = numbers[at]
            if count > _PARTITIONS_MAX or at + 1 + count > len(numbers):
                raise BadPositionError
            offsets.append(tuple(numbers[at + 1 : at + 1 + count]))
            at += 1 + count
        if len(offsets) > len(FRAME_TOPICS):
            raise BadPositionError
        return cls(raw[1 : 1 + _CLUSTER_BYTES], tuple(offsets))

    def offset(self, topic: int, partition: int) -> int:
        """The next offset; 0 for what did not exist when the position was taken."""
        if topic >= len(self.offsets) or partition >= len(self.offsets[topic]):
            return 0
        return self.offsets[topic][partition]


def encode(cluster: bytes, offsets: "list[list[int]] | tuple[tuple[int, ...], ...]") -> str:
    """`Position.encode` for a vector that is still being counted."""
    raw = bytearray((_FORMAT,))
    raw += cluster
    for partitions in offsets:
        for number in (len(partitions), *partitions):
            rest = number
            while rest > 0x7F:  # noqa: PLR2004 -- seven bits a byte
                raw.append(rest & 0x7F | 0x80)
                rest >>= 7
            raw.append(rest)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _varints(raw: bytes) -> list[int]:
    numbers: list[int] = []
    number = shift = 0
    for byte in raw:
        if shift >= 7 * _VARINT_BYTES_MAX:
            raise BadPositionError
        number |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            continue
        numbers.append(number)
        number = shift = 0
    if shift:
        raise BadPositionError
    return numbers
