"""The awards of a person are found by an index."""

from chassis.migrations import execute_sql_file

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
