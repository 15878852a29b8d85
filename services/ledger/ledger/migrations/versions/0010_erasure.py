"""Who did something, under the ledger's own ids, and words about people where erasure reaches them."""

from chassis.migrations import execute_sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
