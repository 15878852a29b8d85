"""What the ledger stands on: tables, repositories, rails, keys, documents."""
