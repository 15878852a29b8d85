"""How far each consumer has read, in the same commit as what it did."""

from alembic import op

from chassis.migrations import standard_tables_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for statement in standard_tables_sql(2):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE consumer_offsets")
