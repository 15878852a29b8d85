"""The ledger's metadata and the column kinds that its tables share. Triggers and grants are in the migrations."""

from typing import Any, Final

from sqlalchemy import Column, DateTime, Numeric, func

from chassis.tables import service_metadata

metadata = service_metadata()

# 18 digits before the point; two after it, for every currency of the genesis block has two.
MONEY: Final = Numeric(20, 2)
# Of amounts, however many.
MONEY_SUM: Final = Numeric(38, 2)
TIME: Final = DateTime(timezone=True)


def now_column(name: str) -> Column[Any]:
    """A time that the database gives when a row is made."""
    return Column(name, TIME, nullable=False, server_default=func.clock_timestamp())
