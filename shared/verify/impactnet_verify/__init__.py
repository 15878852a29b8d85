"""Checks an ImpactNet ledger without trusting it, its servers or its code; the rules are in docs/verification.md."""
