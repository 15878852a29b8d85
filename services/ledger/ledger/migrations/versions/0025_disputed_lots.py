"""Nothing is set aside out of disputed donations."""

from chassis.migrations import execute_sql_file

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
