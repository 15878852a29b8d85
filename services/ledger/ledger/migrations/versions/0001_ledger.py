"""Tables, guards, grants and block 0."""

from hashlib import sha256
from pathlib import Path

from alembic import op
from sqlalchemy import text

from chassis.migrations import standard_tables_sql

revision = "0001"
down_revision = None

# The golden block: written out, because no later version of the code may ever make another one.
GENESIS = (
    b'{"block_index":0,"data":{"currencies":{"NGN":2},"profile":"impactnet-jcs-1"},"nonce":0,'
    b'"previous_hash":"0000000000000000000000000000000000000000000000000000000000000000",'
    b'"timestamp":"2026-01-01T00:00:00.000000Z","transaction_id":"genesis","transaction_type":"genesis"}'
)


def upgrade() -> None:
    for statement in standard_tables_sql():
        op.execute(statement)
    for name in ("0001_tables.sql", "0001_guards.sql", "0001_grants.sql"):
        _execute_file(name)
    _insert_genesis()


def _execute_file(name: str) -> None:
    content = (Path(__file__).parent / name).read_text()
    for statement in content.split(";\n\n"):
        if statement.strip():
            op.execute(text(statement.strip().removesuffix(";").replace(":", r"\:")))


def _insert_genesis() -> None:
    connection = op.get_bind()
    leaf = sha256(b"\x00" + GENESIS).digest()
    values = {
        "preimage": GENESIS,
        "hash": sha256(GENESIS).hexdigest(),
        "leaf": leaf,
        "data": '{"currencies": {"NGN": 2}, "profile": "impactnet-jcs-1"}',
    }
    connection.execute(
        text(
            "INSERT INTO blocks (block_index, timestamp, transaction_type, transaction_id, data, previous_hash, hash,"
            " nonce, preimage) VALUES (0, '2026-01-01T00:00:00Z', 'genesis', 'genesis', CAST(:data AS jsonb),"
            " repeat('0', 64), :hash, 0, :preimage)"
        ),
        {name: values[name] for name in ("data", "hash", "preimage")},
    )
    connection.execute(text("INSERT INTO tree_nodes (level, index, hash) VALUES (0, 0, :leaf)"), {"leaf": leaf})
    connection.execute(
        text(
            "INSERT INTO head (id, epoch, size, tip, tip_at, peaks)"
            " VALUES (1, 0, 1, :hash, '2026-01-01T00:00:00Z', :leaf)"
        ),
        {"hash": values["hash"], "leaf": leaf},
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is never taken back")
