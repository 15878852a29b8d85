"""Posts and what people do with them, notifications, and what is kept of programmes."""

from pathlib import Path

from alembic import op

from chassis.migrations import standard_tables_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statement in standard_tables_sql():
        op.execute(statement)
    for statement in (Path(__file__).parent / "0001_tables.sql").read_text().split(";\n"):
        if statement.strip():
            # exec_driver_sql: the casts in it are not parameters.
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise RuntimeError("the first revision is not taken back: drop the schema instead")
