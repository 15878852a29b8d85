"""What a verification leaves behind for the next one: where it stood, under a key that the database does not hold."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Self

from ledger.domain.block import format_timestamp, parse_timestamp
from ledger.domain.refusals import NotCanonicalError

NOTHING: Final = bytes(32)
_TITLE: Final = "impactnet-verified-state-1"
_FIELDS: Final = (
    "origin",
    "size",
    "root",
    "tip",
    "balances",
    "records",
    "receipts",
    "receipts_sha256",
    "verified_at",
    "previous",
)


class BadStateError(Exception):
    """This is not what a verification of ours left behind."""


class RowChain:
    """A digest over rows in their order, which can be continued: sha256(digest so far || row)."""

    def __init__(self, digest: bytes = NOTHING) -> None:
        self.digest = digest

    def add(self, row: str) -> None:
        self.digest = sha256(self.digest + row.encode()).digest()


class BalancesDigest:
    """A digest over (`NGN account`, decimal) in the order of the accounts' bytes; what is zero says nothing."""

    def __init__(self) -> None:
        self._sha256 = sha256()

    def add(self, account: str, balance: str) -> None:
        if balance.strip("-0."):
            self._sha256.update(f"{account} {balance}\n".encode())

    @property
    def digest(self) -> bytes:
        return self._sha256.digest()


@dataclass(frozen=True, slots=True)
class VerifiedState:
    """The first `size` blocks are sound, and so was what stands beside them.

    `root` is the tree's, `tip` the last block's hash. `balances` is the digest of all accounts, `records` that of the
    rows that never change once their block is there, `receipts` and `receipts_sha256` count and digest of the receipts
    so far. `previous` is the SHA-256 of the state before: none can be taken out or put in.
    """

    origin: str
    size: int
    root: bytes
    tip: str
    balances: bytes
    records: bytes
    receipts: int
    receipts_sha256: bytes
    verified_at: datetime
    previous: bytes

    @property
    def body(self) -> str:
        values = (
            self.origin,
            str(self.size),
            self.root.hex(),
            self.tip,
            self.balances.hex(),
            self.records.hex(),
            str(self.receipts),
            self.receipts_sha256.hex(),
            format_timestamp(self.verified_at),
            self.previous.hex(),
        )
        lines = [f"{name} {value}" for name, value in zip(_FIELDS, values, strict=True)]
        return "\n".join([_TITLE, *lines, ""])

    @property
    def digest(self) -> bytes:
        return sha256(self.body.encode()).digest()

    def seal(self, key: bytes) -> bytes:
        """HMAC-SHA256 over the body: verifying a million of them takes seconds."""
        return hmac.digest(key, self.body.encode(), "sha256")

    @classmethod
    def parse(cls, body: str) -> Self:
        """Raises BadStateError unless `body` is exactly as `body` writes it."""
        try:
            title, *lines, end = body.split("\n")
            names, values = zip(*(line.split(" ", 1) for line in lines), strict=True)
            if (title, names, end) != (_TITLE, _FIELDS, ""):
                raise BadStateError("not a state")
            state = cls(
                origin=values[0],
                size=int(values[1]),
                root=bytes.fromhex(values[2]),
                tip=values[3],
                balances=bytes.fromhex(values[4]),
                records=bytes.fromhex(values[5]),
                receipts=int(values[6]),
                receipts_sha256=bytes.fromhex(values[7]),
                verified_at=parse_timestamp(values[8]),
                previous=bytes.fromhex(values[9]),
            )
        except (ValueError, NotCanonicalError) as error:
            raise BadStateError("not a state") from error
        if state.body != body or state.size <= 0:
            raise BadStateError("not a state")
        return state


def open_state(body: str, mac: bytes, keys: Iterable[bytes], origin: str) -> VerifiedState:
    """The state of a body that one of `keys` sealed for the log called `origin`; raises BadStateError otherwise."""
    if not any(hmac.compare_digest(hmac.digest(key, body.encode(), "sha256"), mac) for key in keys):
        raise BadStateError("no known key has sealed it")
    state = VerifiedState.parse(body)
    if state.origin != origin:
        raise BadStateError(f"a state of {state.origin!r}")
    return state
