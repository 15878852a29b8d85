"""What has been verified, signed."""

from chassis.migrations import execute_sql_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
