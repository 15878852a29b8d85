"""Witnesses and their cosignatures."""

from chassis.migrations import execute_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
