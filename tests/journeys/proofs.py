"""Blocks and proofs, read by nothing of ours."""

import hashlib

PREIMAGE_FIELDS = (
    "block_index",
    "timestamp",
    "transaction_type",
    "transaction_id",
    "data",
    "previous_hash",
    "nonce",
)


def root_of(proof: dict) -> str:
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2), computed by nothing of ours."""
    index, size = proof["block_index"], proof["tree_size"] - 1
    node = bytes.fromhex(proof["leaf_hash"])
    for sibling in (bytes.fromhex(item) for item in proof["hashes"]):
        if index % 2 == 1 or index == size:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while index % 2 == 0 and index != 0:
                index, size = index // 2, size // 2
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        index, size = index // 2, size // 2
    return node.hex()
