"""Lists of transactions cost a page, whatever is asked for; no words stay about the money of the erased."""

from chassis.migrations import execute_sql_file

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
