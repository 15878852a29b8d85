"""A refund leaves only while its donation is completed."""

from chassis.migrations import execute_sql_file

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
