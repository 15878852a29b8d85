"""A refund that left although another one took its place is a second debit."""

from chassis.migrations import execute_sql_file

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
