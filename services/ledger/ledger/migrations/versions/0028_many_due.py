"""The next payment that is due is found past any number of others."""

from chassis.migrations import execute_sql_file

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
