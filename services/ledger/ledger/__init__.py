"""Every naira, provable: double entry, blocks, proofs."""
