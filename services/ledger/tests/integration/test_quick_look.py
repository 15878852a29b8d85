"""What the database says of columns and bytes passes nothing that the exact look refuses, whoever changed what."""

import asyncio
from hashlib import sha256
from typing import Any

import asyncpg
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.adapters.block_rows import read_stretch
from ledger.adapters.evidence_rows import EVENTS
from ledger.adapters.segments import PART_BLOCKS, SEGMENT_SETTINGS, check_segment, look_quickly
from ledger.adapters.snapshot_readers import READING_SETTINGS
from ledger.domain.canonical import encode
from ledger.domain.refusals import NotCanonicalError

# What JSON can say beside what is there, some of it nearly the same.
VALUES = st.sampled_from(
    ['"x"', "12", "12.0", "true", "null", '""', '"12"', '"a\\"b"', '"\\u0001"', "[]", "{}", '[{"amount": "1"}]', "1e3"]
)
KEYS = st.sampled_from(
    [
        "",
        " ",
        "\t",
        "a",
        "code",
        "step",
        "amount",
        "currency",
        "award_id",
        "earmark",
        "messages",
        "reviews",
        "outcome",
        "final_score",
        "program_id",
        "donor_id",
        "postings",
        "model",
        "a-name-longer-than-any-other-there",
    ]
)
TIMES = st.sampled_from(
    [
        "timestamp + interval '1 us'",
        "timestamp + interval '10000 years'",
        "'infinity'",
        "'-infinity'",
        "timestamp - interval '2100 years'",
        "'1999-12-31 23:59:59+00'",
        "'2100-01-01 00:00:00+00'",
    ]
)


@st.composite
def data_edits(draw: st.DrawFn) -> str:
    """An expression over the column `data`."""
    key, value = draw(KEYS), draw(VALUES)
    quoted = key.replace("'", "''")
    return draw(
        st.sampled_from(
            [
                f"data || jsonb_build_object('{quoted}', '{value}'::jsonb)",
                f"data || jsonb_build_object('{quoted}', data->>'{quoted}')",
                f"data - '{quoted}'",
                f"data - '{quoted}' || jsonb_build_object('{quoted}x', data->'{quoted}')",
                f"jsonb_set(data, '{{postings,0}}', '{value}')",
                f"jsonb_set(data, '{{postings,1,amount}}', '{value}')",
                f"jsonb_insert(data, '{{postings,0,more}}', '{value}')",
                "jsonb_set(data, '{postings,9}', coalesce(data->'postings'->0, '1'))",
                "jsonb_build_array(data)",
                f"'{value}'::jsonb",
            ]
        )
    )


@st.composite
def edits(draw: st.DrawFn) -> str:
    """A statement that changes block $1 or its postings."""
    column = draw(st.sampled_from(["data"] * 4 + ["timestamp", "transaction_type", "text", "number", "postings"]))
    if column == "data":
        return f"UPDATE ledger.blocks SET data = {draw(data_edits())} WHERE block_index = $1"
    if column == "timestamp":
        return f"UPDATE ledger.blocks SET timestamp = {draw(TIMES)} WHERE block_index = $1"
    if column == "transaction_type":
        kind = draw(st.sampled_from(["interview", "decision", "commitment", "decommitment", "refund", "x"]))
        return f"UPDATE ledger.blocks SET transaction_type = '{kind}' WHERE block_index = $1"
    if column == "text":
        name = draw(st.sampled_from(["transaction_id", "previous_hash", "hash"]))
        change = draw(st.sampled_from(["overlay({0} placing '0' from 3)", "left({0} || ' ', 64)", "'a\"b'", "' x'"]))
        return f"UPDATE ledger.blocks SET {name} = {change.format(name)} WHERE block_index = $1"
    if column == "number":
        change = draw(st.sampled_from(["nonce = nonce + 1", "nonce = -1", "nonce = 9223372036854775807"]))
        return f"UPDATE ledger.blocks SET {change} WHERE block_index = $1"
    return draw(
        st.sampled_from(
            [
                "UPDATE ledger.postings SET amount = -amount WHERE block_index = $1",
                "UPDATE ledger.postings SET line = 1 - line WHERE block_index = $1 AND line = 7",
                "UPDATE ledger.postings SET line = line + 1 WHERE block_index = $1 AND line = 1",
                "UPDATE ledger.postings SET account = account || ' NGN' WHERE block_index = $1 AND line = 0",
                "UPDATE ledger.postings SET currency = '' WHERE block_index = $1",
                "INSERT INTO ledger.postings VALUES ($1, 2, 'a', 'NGN', 1)",
                "DELETE FROM ledger.postings WHERE block_index = $1",
            ]
        )
    )


@pytest.fixture
def attacker(whole_history):
    """A connection with all rights, in a loop of its own; each thing that is tried on it is taken back."""
    settings_ = READING_SETTINGS | SEGMENT_SETTINGS
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(whole_history.urls["admin"], server_settings=settings_))

        def attempt(what: Any) -> Any:
            async def tried() -> Any:
                transaction = connection.transaction()
                await transaction.start()
                try:
                    return await what(connection)
                finally:
                    await transaction.rollback()

            return runner.run(tried())

        yield attempt
        runner.run(connection.close())


async def looked_at(connection: Any) -> tuple[Any, Any]:
    """What the quick look finds broken first, and what the exact one does."""
    size = await connection.fetchval("SELECT size FROM ledger.head")
    exact = await read_stretch(connection, 0, size, None)
    quick = await look_quickly(connection, 0, size, None, EVENTS)
    if quick is None:
        quick = exact  # not even the number of blocks is right: they were looked at exactly
    assert quick.leaves == exact.leaves or exact.broken
    return quick.broken, exact.broken


def test_an_untouched_history_needs_the_exact_look_for_genesis_alone(attacker):
    async def look(connection: Any) -> list[Any]:
        from ledger.adapters import segments  # noqa: PLC0415 -- its statement alone

        size = await connection.fetchval("SELECT size FROM ledger.head")
        assert size < PART_BLOCKS
        [(_, count, _, _, untold)] = await connection.fetch(segments._BLOCKS, 0, size)
        assert count == size
        return list(untold)

    assert attacker(look) == [0]


@pytest.mark.parametrize("how_many", [1, 2])
def test_what_is_edited_is_found_as_the_exact_look_finds_it(attacker, how_many):
    # Each example reads the history twice.
    @settings(max_examples=250)
    @given(st.lists(st.tuples(edits(), st.integers(0, 40)), min_size=how_many, max_size=how_many))
    def look(tried: list[tuple[str, int]]) -> None:
        async def edited(connection: Any) -> tuple[Any, Any]:
            for statement, index in tried:
                try:
                    async with connection.transaction():
                        await connection.execute(statement, index)
                except asyncpg.PostgresError:  # that cannot be said of this block
                    return None, None
            return await looked_at(connection)

        quick, exact = attacker(edited)
        assert quick == exact

    look()


def test_bytes_and_columns_that_were_changed_together_are_found_as_the_exact_look_finds_them(attacker):
    """Everything that a block says is said anew in its columns, its postings left as they were."""

    @settings(max_examples=250)
    @given(st.integers(1, 40), st.data())
    def look(index: int, data: st.DataObject) -> None:
        async def read(connection: Any) -> Any:
            return await connection.fetchrow("SELECT preimage FROM ledger.blocks WHERE block_index = $1", index)

        row = attacker(read)
        if row is None:
            return
        fields = orjson.loads(row["preimage"])
        name = data.draw(st.sampled_from([*sorted(fields["data"]), "", "transaction_id"]), "field")
        value = orjson.loads(data.draw(VALUES, "value"))
        text = str(fields["data"].get(name, fields["transaction_id"]))
        alike = "".join(data.draw(st.sampled_from("0af9")) if letter in "059af" else letter for letter in text[:8])
        value = data.draw(st.sampled_from([value, alike + text[8:]]), "instead")
        if name == "transaction_id":
            fields["transaction_id"] = str(value)
        else:
            fields["data"][name] = value
        try:
            preimage = encode(fields)
        except NotCanonicalError:
            preimage = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)

        async def edited(connection: Any) -> tuple[Any, Any]:
            await connection.execute(
                "UPDATE ledger.blocks SET preimage = $2, hash = $3, data = $4::text::jsonb, transaction_id = $5"
                " WHERE block_index = $1",
                index,
                preimage,
                sha256(preimage).hexdigest(),
                orjson.dumps(fields["data"]).decode(),
                fields["transaction_id"],
            )
            return await looked_at(connection)

        quick, exact = attacker(edited)
        assert quick == exact

    look()


def test_functions_and_operators_of_somebody_else_do_not_answer(attacker):
    """Whoever can make functions in the ledger's schema, or sets its search path for a role, says nothing by that."""

    async def replaced(connection: Any) -> Any:
        size = await connection.fetchval("SELECT size FROM ledger.head")
        await connection.execute("""
            CREATE FUNCTION ledger.same(varchar, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
            CREATE OPERATOR ledger.= (LEFTARG = varchar, RIGHTARG = text, FUNCTION = ledger.same);
            CREATE FUNCTION ledger.same_bytes(bytea, bytea) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
            CREATE OPERATOR ledger.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = ledger.same_bytes);
            CREATE FUNCTION ledger.concat(VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'x' $$;
            UPDATE ledger.blocks SET nonce = 77 WHERE block_index = 3""")
        return (await check_segment(connection, 0, size, EVENTS)).broken

    assert attacker(replaced) == (3, "columns: the column nonce differs from the bytes")


@pytest.mark.parametrize("kind", ["interview", "decision", "commitment", "program_create"])
@pytest.mark.parametrize("lost", ["deleted", "of another type", "another one twice in its place"])
def test_an_event_that_is_not_remembered_is_not_taken_for_booked(attacker, kind, lost):
    event = f"(SELECT transaction_id::uuid FROM ledger.blocks WHERE transaction_type = '{kind}' ORDER BY 1 LIMIT 1)"
    statements = {
        "deleted": f"DELETE FROM ledger.booked_events WHERE event_id = {event}",
        "of another type": f"UPDATE ledger.booked_events SET event_type = 'x' WHERE event_id = {event}",
        # Where even the primary key is gone: as many rows as there have to be, and of their types.
        "another one twice in its place": f"""
            ALTER TABLE ledger.booked_events DROP CONSTRAINT pk_booked_events;
            CREATE TEMP TABLE gone AS SELECT * FROM ledger.booked_events WHERE event_id = {event};
            DELETE FROM ledger.booked_events WHERE event_id = {event};
            INSERT INTO ledger.booked_events SELECT kept.* FROM ledger.booked_events AS kept
                JOIN gone USING (event_type) LIMIT 1""",
    }

    async def look(connection: Any) -> tuple[Any, ...]:
        size = await connection.fetchval("SELECT size FROM ledger.head")
        rows = await connection.fetch("SELECT transaction_type, count(*) FROM ledger.blocks GROUP BY 1")
        before = await look_quickly(connection, 0, size, None, EVENTS)
        await connection.execute(statements[lost])
        after = await look_quickly(connection, 0, size, None, EVENTS)
        assert before is not None
        assert after is not None
        return before.is_booked, after.is_booked, before.kinds == after.kinds == dict(rows)

    assert attacker(look) == (True, False, True)
