"""What the ledger does, one file each: the table of contents of the service."""
