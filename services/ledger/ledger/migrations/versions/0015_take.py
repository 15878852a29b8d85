"""The head is taken and what a batch needs is read in one round trip."""

from chassis.migrations import execute_sql_file

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
