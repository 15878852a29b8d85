"""Payments made of very many donations are read as far as they are shown."""

from chassis.migrations import execute_sql_file

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
