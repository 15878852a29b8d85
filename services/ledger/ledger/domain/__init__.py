"""Pure rules of the ledger: blocks, tree, notes, money. No web framework, database, broker, clock or settings."""
