"""That money needs two people is refused by the database too where a person confirms it, not by the code alone."""

from chassis.migrations import execute_sql_file

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
