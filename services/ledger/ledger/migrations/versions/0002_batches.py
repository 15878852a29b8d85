"""What batches need: offsets in the same commit, and guards that look at a batch and not at each row."""

from alembic import op

from chassis.migrations import execute_sql_file, standard_tables_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for statement in standard_tables_sql(2):
        op.execute(statement)
    execute_sql_file(__file__)


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
