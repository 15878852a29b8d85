"""The block: what is hashed, how it is linked, and the first one of all."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

from ledger.domain import canonical
from ledger.domain.merkle import leaf_hash
from ledger.domain.money import CURRENCIES
from ledger.domain.refusals import NotCanonicalError

NO_PREVIOUS_HASH: Final = "0" * 64
TRANSACTION_ID_LENGTH_MAX: Final = 100
_PROFILE: Final = "impactnet-jcs-1"
_FIELDS: Final = frozenset(
    {"block_index", "timestamp", "transaction_type", "transaction_id", "data", "previous_hash", "nonce"}
)
_LENGTH_WITHOUT_ZONE: Final = len("2026-01-01T00:00:00.000000")
_TICK: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)


def format_timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with exactly six digits and `Z`."""
    if moment.tzinfo is None:
        raise NotCanonicalError("a block's time has a time zone")
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='microseconds')[:_LENGTH_WITHOUT_ZONE]}Z"


def parse_timestamp(text: str) -> datetime:
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise NotCanonicalError(f"{text!r} is not a block's time") from error
    if format_timestamp(moment) != text:
        raise NotCanonicalError(f"{text!r} is not a block's time")
    return moment


class Stamps:
    """Writes times of the chain one after the other: most are of the same second, which is written once."""

    __slots__ = ("_ends", "_second")

    def __init__(self) -> None:
        self._second = ""
        self._ends = datetime.min.replace(tzinfo=UTC)

    def text_of(self, moment: datetime) -> str:
        """As `format_timestamp`; no moment is earlier than the one before."""
        if moment >= self._ends:
            second = moment.astimezone(UTC).replace(microsecond=0)
            self._second = format_timestamp(second).removesuffix("000000Z")
            self._ends = second + _SECOND
        return f"{self._second}{moment.microsecond:06d}Z"


def next_timestamp(now: datetime, previous: datetime) -> datetime:
    """Times in the chain strictly rise, whatever the machine's clock does."""
    return max(now, previous + _TICK)


class Block(NamedTuple):
    """One fact of the chain. `hash` covers every field; `nonce` is the epoch of the writer."""

    block_index: int
    timestamp: datetime
    transaction_type: str
    transaction_id: str
    data: Mapping[str, Any]
    previous_hash: str
    nonce: int
    preimage: bytes
    hash: str

    @property
    def leaf_hash(self) -> bytes:
        return leaf_hash(self.preimage)


def make_block(
    *,
    block_index: int,
    timestamp: datetime,
    transaction_type: str,
    transaction_id: str,
    data: Mapping[str, Any],
    previous_hash: str,
    nonce: int,
) -> Block:
    """Seals the fields; raises NotCanonicalError when they are outside the profile."""
    preimage = canonical.encode(
        {
            "block_index": block_index,
            "timestamp": format_timestamp(timestamp),
            "transaction_type": transaction_type,
            "transaction_id": transaction_id,
            "data": dict(data),
            "previous_hash": previous_hash,
            "nonce": nonce,
        }
    )
    digest = sha256(preimage).hexdigest()
    return Block(block_index, timestamp, transaction_type, transaction_id, data, previous_hash, nonce, preimage, digest)


class Sealed(NamedTuple):
    """A block that has just got its place; `data_text` is the canonical encoding of its data."""

    block_index: int
    timestamp: datetime
    transaction_type: str
    transaction_id: str
    data_text: str
    previous_hash: str
    nonce: int
    preimage: bytes
    hash: str


def seal_block(
    transaction_type: str,
    transaction_id: str,
    data_text: str,
    *,
    block_index: int,
    timestamp: datetime,
    time_text: str,
    previous_hash: str,
    nonce: int,
) -> Sealed:
    """The same bytes and hash as `make_block` gives, for fields that are known to be within the profile.

    `data_text` is the canonical encoding of the data, `time_text` is `format_timestamp(timestamp)`; type, id and hash
    are ASCII without anything that JSON escapes. Every block that is appended is made here: nothing is looked at again.
    """
    preimage = (
        f'{{"block_index":{block_index},"data":{data_text},"nonce":{nonce},"previous_hash":"{previous_hash}",'
        f'"timestamp":"{time_text}","transaction_id":"{transaction_id}","transaction_type":"{transaction_type}"}}'
    ).encode()
    if len(preimage) > canonical.SIZE_BYTES_MAX:
        raise NotCanonicalError(f"{len(preimage)} bytes are more than {canonical.SIZE_BYTES_MAX}")
    digest = sha256(preimage).hexdigest()
    return Sealed(
        block_index, timestamp, transaction_type, transaction_id, data_text, previous_hash, nonce, preimage, digest
    )


def parse_preimage(preimage: bytes) -> Block:
    """The block of its exact bytes; raises NotCanonicalError unless they are the one encoding of exactly the fields."""
    fields = canonical.decode(preimage)
    if not isinstance(fields, dict) or set(fields) != _FIELDS:
        raise NotCanonicalError("a block has exactly its seven hashed fields")
    if not isinstance(fields["data"], dict) or not isinstance(fields["timestamp"], str):
        raise NotCanonicalError("a block's data is an object and its time a string")
    return Block(
        fields["block_index"],
        parse_timestamp(fields["timestamp"]),
        fields["transaction_type"],
        fields["transaction_id"],
        fields["data"],
        fields["previous_hash"],
        fields["nonce"],
        preimage,
        sha256(preimage).hexdigest(),
    )


def genesis() -> Block:
    """Block 0: the same in every ImpactNet ledger; it fixes the profile and the currency table."""
    return make_block(
        block_index=0,
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        transaction_type="genesis",
        transaction_id="genesis",
        data={"profile": _PROFILE, "currencies": dict(CURRENCIES)},
        previous_hash=NO_PREVIOUS_HASH,
        nonce=0,
    )
