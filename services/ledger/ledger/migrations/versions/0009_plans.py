"""Triggers that cost what the batch costs, however long the chain is."""

from chassis.migrations import execute_sql_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
