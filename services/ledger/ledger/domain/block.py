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
