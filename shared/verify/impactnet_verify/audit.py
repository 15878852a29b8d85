"""Reads a whole dump, in constant memory but for accounts, lots and payments, and says which block is the first broken.

Memory: a Merkle frontier, one number per account, the ids of every award, the lots that hold money, a hash and the lots
of every disbursement that may still come back, and eight bytes per block for the uniqueness of transaction ids (a hash
of each; what looks like a repetition is looked up in the dump). `previous_hash` needs none: it is the hash of the block
before, so a repetition would be a collision of SHA-256.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import BinaryIO, Final, NoReturn

from impactnet_verify.blocks import GENESIS, Block, read_block
from impactnet_verify.books import Books
from impactnet_verify.canonical import SIZE_BYTES_MAX
from impactnet_verify.checkpoints import Checkpoint
from impactnet_verify.failures import NotVerifiedError, require
from impactnet_verify.lots import Lots, Purposes
from impactnet_verify.merkle import GrowingTree
from impactnet_verify.quick_blocks import find_block

NO_PREVIOUS_HASH: Final = "0" * 64
_PIECE_BYTES: Final = 1 << 20  # read at once: enough that reading costs nothing against judging
_PROGRESS_BLOCKS: Final = 8192  # how often the listener is told: some ten times a second
# How the canonical bytes of those blocks end that say what an award is for.
_TELLING: Final = (b'"transaction_type":"decision"}', b'"transaction_type":"commitment"}')
_SHARDS: Final = 64  # of the hashes of transaction ids: only one at a time is taken apart


@dataclass(frozen=True, slots=True)
class Findings:
    """What the blocks add up to."""

    blocks: int
    by_type: Counter[str]
    books: Books
    lots: Lots


def _lines(dump: BinaryIO) -> Iterator[bytes]:
    """Lines without their newline, which the last one may lack; what never ends is not read to its end."""
    rest, number = b"", 0
    while piece := dump.read(_PIECE_BYTES):
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        yield from lines
        number += len(lines)
        if len(rest) > SIZE_BYTES_MAX:
            raise NotVerifiedError(f"block {number}: bytes: more than {SIZE_BYTES_MAX}")
    if rest:
        yield rest


class _Chain:
    """Takes block after block; each has to follow from those before."""

    def __init__(self, purposes: Callable[[], Purposes]) -> None:
        self.size = 0
        self.tree = GrowingTree()
        self.books = Books()
        self.lots = Lots(purposes)
        self.by_type: Counter[str] = Counter()
        self._previous_hash = NO_PREVIOUS_HASH
        self._timestamp = ""
        self._nonce = 0
        self._id_hashes = [array("q") for _ in range(_SHARDS)]

    def take(self, preimage: bytes) -> None:
        block = find_block(preimage) or read_block(preimage).block
        if not self.size and preimage != GENESIS:
            raise NotVerifiedError("genesis: not the one that every ImpactNet ledger begins with")
        if block.block_index != self.size or block.previous_hash != self._previous_hash:
            self._refuse_place(block)
        # Their one form makes texts sort like the times they name.
        if block.timestamp <= self._timestamp:
            raise NotVerifiedError(
                f"timestamp: {block.timestamp} is not after {self._timestamp}, that of the block before"
            )
        if block.nonce < self._nonce:
            raise NotVerifiedError(f"nonce: it fell from {self._nonce} to {block.nonce}")
        if block.movement is not None:
            self.books.enter(block.movement)
            self.lots.enter(block)
        self._previous_hash = sha256(preimage).hexdigest()
        self._timestamp = block.timestamp
        self._nonce = block.nonce
        self.tree.append(preimage)
        self.by_type[block.transaction_type] += 1
        id_hash = hash(block.transaction_id)
        self._id_hashes[id_hash % _SHARDS].append(id_hash)
        self.size += 1

    def _refuse_place(self, block: Block) -> NoReturn:
        require(block.block_index == self.size, f"block_index: it says {block.block_index}")
        raise NotVerifiedError(
            f"previous_hash: not the hash of block {self.size - 1}; one of the two is not what was written"
        )

    def repeated_id_hashes(self) -> set[int]:
        """Hashes that more than one transaction id has: a repetition, or (hardly ever) two ids with one hash."""
        repeated: set[int] = set()
        for shard in self._id_hashes:
            if len(set(shard)) < len(shard):
                repeated.update(each for each, count in Counter(shard).items() if count > 1)
        return repeated


def _refuse_repeated_ids(dump: BinaryIO, chain: _Chain) -> None:
    """Raises NotVerifiedError for the first of the blocks taken whose transaction id an earlier one has."""
    suspects = chain.repeated_id_hashes()
    if not suspects:
        return
    first_seen: dict[str, int] = {}
    dump.seek(0)
    for index, preimage in enumerate(islice(_lines(dump), chain.size)):
        transaction_id = read_block(preimage).block.transaction_id
        if hash(transaction_id) not in suspects:
            continue
        if transaction_id in first_seen:
            raise NotVerifiedError(
                f"block {index}: transaction_id: {transaction_id} is that of block {first_seen[transaction_id]} too"
            )
        first_seen[transaction_id] = index


def _read_purposes(dump: BinaryIO, size: int) -> Purposes:
    """What the awards of the first `size` blocks are for; blocks that are none are left for the audit to name."""
    purposes, place = Purposes(), dump.tell()
    dump.seek(0)
    with suppress(NotVerifiedError):
        for preimage in islice(_lines(dump), size):
            if preimage.endswith(_TELLING):
                with suppress(NotVerifiedError):
                    purposes.learn(find_block(preimage) or read_block(preimage).block)
    purposes.settle()
    dump.seek(place)
    return purposes


def audit(dump: BinaryIO, checkpoint: Checkpoint, progress: Callable[[int], None] = lambda _: None) -> Findings:
    """Raises NotVerifiedError, naming the first broken block, unless all of the dump is signed and keeps the rules.

    `dump` is read from its beginning, perhaps twice, and has to be seekable; `progress` is told the number of blocks
    read so far.
    """
    chain = _Chain(lambda: _read_purposes(dump, checkpoint.size))
    try:
        for preimage in _lines(dump):
            require(chain.size < checkpoint.size, f"the dump goes on beyond the checkpoint's {checkpoint.size} blocks")
            chain.take(preimage)
            if chain.size % _PROGRESS_BLOCKS == 0:
                progress(chain.size)
    except NotVerifiedError as failure:
        # A repetition before this block would be the first failure.
        _refuse_repeated_ids(dump, chain)
        text = str(failure)
        raise NotVerifiedError(text if text.startswith("block ") else f"block {chain.size}: {text}") from failure
    _refuse_repeated_ids(dump, chain)
    require(
        chain.size == checkpoint.size,
        f"block {chain.size}: missing; the checkpoint has {checkpoint.size} blocks, the dump {chain.size}",
    )
    require(
        chain.tree.root() == checkpoint.root,
        f"root: the {chain.size} blocks have another root than the checkpoint signs",
    )
    return Findings(chain.size, chain.by_type, chain.books, chain.lots)
