"""Programmes that were taken back are marked."""

from chassis.migrations import execute_sql_file

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
