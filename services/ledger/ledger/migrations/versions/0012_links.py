"""What a lot gives and what a payment is made of add up by constraint, not only when somebody verifies."""

from chassis.migrations import execute_sql_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
