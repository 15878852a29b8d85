"""What the ledger hears, one file per upstream context."""
