"""Guards that hold against every setting of a session, and owner's triggers that nobody else may hang up."""

from chassis.migrations import execute_sql_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
