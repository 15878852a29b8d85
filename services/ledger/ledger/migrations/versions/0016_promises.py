"""What is taken of a lot is what awards and refunds have of it: refused by the database too, not found at night."""

from chassis.migrations import execute_sql_file

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
