"""A bank's reference is the same reference in other letters and with other spaces."""

from chassis.migrations import execute_sql_file

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
