"""Which payments the books hold as made: one that is disputed stays what it was until two people have agreed."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, select, union_all

from ledger.adapters.tables.money import transactions
from ledger.adapters.tables.payments import disputes
from ledger.domain.transactions import Status, TransactionType

_STILL_HELD: Final = (
    disputes.c.closed_at.is_(None)
    & (disputes.c.status_before == Status.COMPLETED)
    & (transactions.c.status == Status.DISPUTED)
)
IS_HELD: Final = (transactions.c.status == Status.COMPLETED) | exists().where(
    disputes.c.transaction_id == transactions.c.id, _STILL_HELD
)
_IS_DISBURSEMENT: Final = transactions.c.transaction_type == TransactionType.DISBURSEMENT
# For where another condition leads to few rows; where none does, `disbursements`.
IS_DISBURSED: Final = _IS_DISBURSEMENT & IS_HELD


def disbursements(column: Any, *conditions: ColumnElement[bool]) -> tuple[Select[Any], Select[Any]]:
    """The undisputed and the disputed ones, each found by an index of its own: together no index finds them."""
    undisputed = select(column).where(_IS_DISBURSEMENT, transactions.c.status == Status.COMPLETED, *conditions)
    disputed = (
        select(column)
        .join(disputes, disputes.c.transaction_id == transactions.c.id)
        .where(_IS_DISBURSEMENT, _STILL_HELD, *conditions)
    )
    return undisputed, disputed


def disbursed_ids(limit: int, *conditions: ColumnElement[bool], newest_first: bool) -> Select[Any]:
    """The ids of the first or last so many."""
    order = transactions.c.id.desc() if newest_first else transactions.c.id
    parts = [part.order_by(order).limit(limit) for part in disbursements(transactions.c.id, *conditions)]
    both = union_all(*(part.subquery().select() for part in parts)).subquery()
    return select(both.c.id).order_by(both.c.id.desc() if newest_first else both.c.id).limit(limit)
