"""The ledger's tables, all of them, on one MetaData."""

from ledger.adapters.tables import chain, money, payments, people, reading, statements, verification, witnesses
from ledger.adapters.tables.base import metadata

__all__ = ["chain", "metadata", "money", "payments", "people", "reading", "statements", "verification", "witnesses"]
