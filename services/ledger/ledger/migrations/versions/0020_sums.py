"""Sums hold more digits than what they are sums of."""

from chassis.migrations import execute_sql_file

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
