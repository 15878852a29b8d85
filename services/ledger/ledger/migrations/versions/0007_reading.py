"""What public reading needs to stay flat."""

from chassis.migrations import execute_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
