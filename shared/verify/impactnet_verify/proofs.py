"""Proof files: that a block is in the log, as a C2SP tlog-proof or as the JSON that the ledger's API answers with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from impactnet_verify import canonical
from impactnet_verify.blocks import ReadBlock, read_block
from impactnet_verify.checkpoints import Checkpoint, open_checkpoint
from impactnet_verify.encodings import (
    NUMBER_MAX,
    decode_base64,
    decode_base64_hash,
    decode_hex_hash,
    decode_number,
    decode_text,
)
from impactnet_verify.failures import NotVerifiedError, require
from impactnet_verify.merkle import leaf_hash, verify_consistency, verify_inclusion
from impactnet_verify.policies import Policy

HEADER: Final = "c2sp.org/tlog-proof@v1"
HASHES_MAX: Final = 63  # a path in a tree of 2^63 leaves
CONSISTENCY_HASHES_MAX: Final = 2 * HASHES_MAX  # an upper bound; the exact number follows from the sizes
PROOF_BYTES_MAX: Final = 2_000_000  # a note of the largest size, and the rest
_INCLUSION_FIELDS: Final = frozenset(
    {"hash", "block_index", "preimage_base64", "leaf_hash", "tree_size", "root_hash", "hashes", "checkpoint"}
)
_CONSISTENCY_FIELDS: Final = frozenset({"from", "to", "hashes"})
_EXTRA, _INDEX = re.compile("extra (.*)"), re.compile("index (.*)")


@dataclass(frozen=True, slots=True)
class Proof:
    """Path and place of a leaf, and the note that it leads to; nothing of it is judged yet."""

    preimage: bytes
    index: int
    path: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class ProvenBlock:
    """What a proof proves: this block is in the log of this checkpoint."""

    read: ReadBlock
    preimage: bytes
    checkpoint: Checkpoint

    @property
    def hash(self) -> str:
        return sha256(self.preimage).hexdigest()


def verify_proof(content: bytes, policy: Policy) -> ProvenBlock:
    """Raises NotVerifiedError unless the file, byte for byte, proves that a block of ours is in a log of the policy."""
    require(len(content) <= PROOF_BYTES_MAX, f"proof: more than {PROOF_BYTES_MAX} bytes")
    is_json = content.startswith(b"{")
    fields: Mapping[str, Any] = _read_json(content, _INCLUSION_FIELDS) if is_json else {}
    proof = _from_json(fields) if is_json else parse_tlog_proof(content)
    checkpoint = open_checkpoint(proof.note, policy)
    verify_inclusion(leaf_hash(proof.preimage), proof.index, checkpoint.size, proof.path, checkpoint.root)
    try:
        read = read_block(proof.preimage)
    except NotVerifiedError as failure:
        raise NotVerifiedError(f"block: it is in the log, but breaks a rule: {failure}") from failure
    require(read.block.block_index == proof.index, f"block: it is at {proof.index}, but says {read.block.block_index}")
    proven = ProvenBlock(read, proof.preimage, checkpoint)
    if is_json:
        _check_json(fields, proven)
    return proven


def parse_tlog_proof(content: bytes) -> Proof:
    """The C2SP text form; its `extra` line has to be there and carries the block's preimage."""
    head, separator, note = content.partition(b"\n\n")
    require(separator, "proof: no empty line before the checkpoint")
    lines = decode_text(head, "proof").split("\n")
    require(lines.pop(0) == HEADER, f"proof: the first line is not {HEADER}")
    extra = _EXTRA.fullmatch(lines.pop(0)) if lines else None
    if extra is None:
        raise NotVerifiedError("proof: no extra line with the block's preimage")
    index = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if index is None:
        raise NotVerifiedError("proof: no index line")
    require(len(lines) <= HASHES_MAX, f"proof: more than {HASHES_MAX} hashes")
    return Proof(
        decode_base64(extra[1], "proof: extra"),
        decode_number(index[1], "proof: index"),
        tuple(decode_base64_hash(line, f"proof: hash {number}") for number, line in enumerate(lines)),
        note,
    )


def _read_json(content: bytes, names: frozenset[str]) -> Mapping[str, Any]:
    try:
        value = canonical.decode(content, size_bytes_max=PROOF_BYTES_MAX)
    except NotVerifiedError as failure:
        raise NotVerifiedError(f"proof: {failure}") from failure
    require(isinstance(value, dict) and value.keys() == names, f"proof: its fields are not {', '.join(sorted(names))}")
    hashes = value["hashes"]
    require(
        isinstance(hashes, list) and len(hashes) <= CONSISTENCY_HASHES_MAX,
        "proof: hashes: not a list of a proof's length",
    )
    fields: dict[str, Any] = value
    return fields


def _from_json(fields: Mapping[str, Any]) -> Proof:
    for name in ("block_index", "tree_size"):
        require(type(fields[name]) is int and 0 <= fields[name] <= NUMBER_MAX, f"proof: {name}: not a number")
    for name in ("preimage_base64", "checkpoint"):
        require(isinstance(fields[name], str), f"proof: {name}: not a text")
    return Proof(
        decode_base64(fields["preimage_base64"], "proof: preimage_base64"),
        fields["block_index"],
        tuple(decode_hex_hash(each, f"proof: hashes[{number}]") for number, each in enumerate(fields["hashes"])),
        fields["checkpoint"].encode(),
    )


def _check_json(fields: Mapping[str, Any], proven: ProvenBlock) -> None:
    """What the JSON says besides has to be true as well."""
    said = {name: fields[name] for name in ("hash", "leaf_hash", "tree_size", "root_hash")}
    true = {
        "hash": proven.hash,
        "leaf_hash": leaf_hash(proven.preimage).hex(),
        "tree_size": proven.checkpoint.size,
        "root_hash": proven.checkpoint.root.hex(),
    }
    for name, value in true.items():
        require(said[name] == value, f"proof: {name}: it says something else than the rest of the proof")


def verify_growth(old: bytes, new: bytes, proof: bytes, policy: Policy) -> tuple[Checkpoint, Checkpoint]:
    """Raises NotVerifiedError unless the log of the new checkpoint begins with that of the old one."""
    before = open_checkpoint(old, policy, "old checkpoint")
    after = open_checkpoint(new, policy, "new checkpoint")
    require(before.origin == after.origin, f"consistency: {before.origin!r} and {after.origin!r} are two logs")
    path = _read_path(proof, before, after)
    if before.size == 0:
        require(before.root == sha256(b"").digest(), "consistency: an empty log has another root")
        require(not path, "consistency: from an empty log the proof is empty")
        require(after.size > 0 or after.root == before.root, "consistency: two roots for one size")
        return before, after
    verify_consistency(before.size, before.root, after.size, after.root, path)
    return before, after


def _read_path(content: bytes, before: Checkpoint, after: Checkpoint) -> list[bytes]:
    """One hash a line in base64, nothing else; or the API's JSON."""
    require(len(content) <= PROOF_BYTES_MAX, f"proof: more than {PROOF_BYTES_MAX} bytes")
    if content.startswith(b"{"):
        fields = _read_json(content, _CONSISTENCY_FIELDS)
        for name, size in (("from", before.size), ("to", after.size)):
            require(type(fields[name]) is int and fields[name] == size, f"proof: {name}: not the checkpoint's size")
        return [decode_hex_hash(each, f"proof: hashes[{number}]") for number, each in enumerate(fields["hashes"])]
    if not content:
        return []
    require(content.endswith(b"\n"), "proof: the last line has no newline")
    lines = decode_text(content, "proof").removesuffix("\n").split("\n")
    require(len(lines) <= CONSISTENCY_HASHES_MAX, f"proof: more than {CONSISTENCY_HASHES_MAX} hashes")
    return [decode_base64_hash(line, f"proof: hash {number}") for number, line in enumerate(lines)]
