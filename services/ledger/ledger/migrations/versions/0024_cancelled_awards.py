"""No payment of an award that was cancelled is submitted."""

from chassis.migrations import execute_sql_file

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
