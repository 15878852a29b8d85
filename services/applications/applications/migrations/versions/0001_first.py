"""The first tables of `applications`, and what the database itself refuses."""

from pathlib import Path

from alembic import op

from chassis.migrations import standard_tables_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES_SQL = Path(__file__).with_name("0001_tables.sql")

REFUSE_CHANGES = """
CREATE FUNCTION refuse_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""

# Deferred: an award and its tranches are written one after the other, and count together.
TRANCHES_SUM_TO_AWARD = """
CREATE FUNCTION check_tranches_sum_to_award() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked uuid;
    promised numeric;
    planned numeric;
BEGIN
    IF TG_TABLE_NAME = 'awards' THEN
        checked := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        checked := OLD.award_id;
    ELSE
        checked := NEW.award_id;
    END IF;
    SELECT amount INTO promised FROM awards WHERE id = checked;
    SELECT coalesce(sum(amount), 0) INTO planned FROM tranches WHERE award_id = checked;
    IF promised IS DISTINCT FROM planned THEN
        RAISE EXCEPTION 'the tranches of award % sum to %, not to %', checked, planned, promised
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_tranches_sum_to_award';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    for statement in standard_tables_sql():
        op.execute(statement)
    for statement in TABLES_SQL.read_text().split(";"):
        if statement.strip():
            op.execute(statement.strip())
    op.execute(REFUSE_CHANGES)
    for table in ("interview_messages", "interview_findings", "submissions", "review_revisions", "application_history"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_changes()"
        )
        op.execute(
            f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_changes()"
        )
        # ALWAYS: plain triggers are skipped under session_replication_role = replica.
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_whole")
    op.execute(TRANCHES_SUM_TO_AWARD)
    for table, events in (("tranches", "INSERT OR UPDATE OR DELETE"), ("awards", "INSERT OR UPDATE OF amount")):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER tranches_sum_to_award AFTER {events} ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_tranches_sum_to_award()"
        )


def downgrade() -> None:
    raise RuntimeError("what people wrote is never dropped by a migration")
