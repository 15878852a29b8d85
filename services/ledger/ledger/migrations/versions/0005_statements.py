"""Bank statements and what they are compared with."""

from chassis.migrations import execute_sql_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
