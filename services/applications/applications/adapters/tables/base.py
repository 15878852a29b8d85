"""The metadata of this schema and the column kinds that its tables share. Triggers are in the migrations."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, DateTime, Numeric, func

from chassis.tables import service_metadata

metadata = service_metadata()

# 18 digits before the point, two after it (05-ledger).
MONEY: Final = Numeric(20, 2)
# 0.00 to 100.00 (01-product).
SCORE: Final = Numeric(5, 2)
TIME: Final = DateTime(timezone=True)


def time_column(name: str) -> Column[Any]:
    """A time that the unit of work gives, or the database when nobody does."""
    return Column(name, TIME, nullable=False, server_default=func.clock_timestamp())


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """The database, too, knows which states there are."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
