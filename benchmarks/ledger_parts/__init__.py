"""What `benchmarks/ledger.py` is made of."""
