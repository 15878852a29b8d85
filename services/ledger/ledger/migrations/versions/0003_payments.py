"""What paying by an outside rail needs."""

from chassis.migrations import execute_sql_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
