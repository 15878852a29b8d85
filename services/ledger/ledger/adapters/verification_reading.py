"""What verifications have found, as far as it still stands."""

from typing import Final

from sqlalchemy import ColumnElement, FromClause, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.adapters.tables.chain import block_verifications
from ledger.use_cases.verification_ports import StandingFailure


def is_mended(failed: FromClause) -> ColumnElement[bool]:
    """By a pass that looked at as much, and not from before it was found, however long it took to say so.

    By the database's clock: ids are made by workers, each of which has another one.
    """
    later = block_verifications.alias()
    return exists().where(
        and_(
            later.c.ok,
            later.c.depth >= failed.c.depth,
            func.coalesce(later.c.as_of, later.c.verified_at) > failed.c.verified_at,
            later.c.to_index >= failed.c.to_index,
            later.c.from_index <= failed.c.from_index,
        )
    )


_failed: Final = block_verifications.alias()
# Asked with every block that is shown.
_STANDING: Final = (
    select(_failed.c.first_broken_index, _failed.c.failure, _failed.c.verified_at, _failed.c.verified_by)
    .where(~_failed.c.ok, ~is_mended(_failed))
    .order_by(_failed.c.first_broken_index.nulls_last(), _failed.c.verified_at)
    .limit(1)
)


class VerificationReader:
    """Keeps `verification_ports.VerificationReading`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def standing_failure(self) -> StandingFailure | None:
        return await find_standing_failure(self._connection)


async def find_standing_failure(connection: AsyncConnection) -> StandingFailure | None:
    """The lowest failure that no later verification of (at least) the same blocks and rows found mended."""
    row = (await connection.execute(_STANDING)).one_or_none()
    return None if row is None else StandingFailure(*row)
