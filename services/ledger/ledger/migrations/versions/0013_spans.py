"""The tree in spans: neighbouring nodes that one batch completed are one row, not one row each."""

from chassis.migrations import execute_sql_file

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
