"""Who reaches what in the database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from local_stack.postgres import EmbeddedPostgres
from local_stack.roles import (
    CONTEXTS,
    LOGIN_ROLES,
    database_sql,
    database_url,
    drop_database,
    provision,
    random_passwords,
    render,
    roles_sql,
)

PASSWORDS = random_passwords()


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    async with EmbeddedPostgres(tmp_path / "postgres", durability="off") as server:
        yield server


async def _as(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://"))


async def _refused(connection: asyncpg.Connection, statement: str) -> bool:
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    return False


async def test_a_role_reaches_its_own_schema_and_no_other(postgres: EmbeddedPostgres) -> None:
    urls = await provision(postgres.admin_url, "impactnet", PASSWORDS)
    migrator = await _as(urls["identity_migrator"])
    await migrator.execute("CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY, name text)")
    api = await _as(urls["identity_api"])
    await api.execute("INSERT INTO users (name) VALUES ('amina')")
    assert await api.fetchval("SELECT name FROM identity.users") == "amina"

    refused = {
        "to make a table": await _refused(api, "CREATE TABLE more ()"),
        "to make one in public": await _refused(api, "CREATE TABLE public.more ()"),
        "to make a temporary one": await _refused(api, "CREATE TEMP TABLE more ()"),
        "to empty a table": await _refused(api, "TRUNCATE users"),
        "to become the owner": await _refused(api, "SET ROLE identity_owner"),
    }
    for context in CONTEXTS:
        if context == "identity":
            continue
        other = await _as(urls[f"{context}_api"])
        refused[f"{context} to read"] = await _refused(other, "SELECT * FROM identity.users")
        await other.close()
        other = await _as(urls[f"{context}_migrator"])
        refused[f"{context} to migrate"] = await _refused(other, "ALTER TABLE identity.users ADD more text")
        await other.close()
    await api.close()
    await migrator.close()
    assert refused == dict.fromkeys(refused, True)


async def test_the_ledger_grants_nothing_by_itself(postgres: EmbeddedPostgres) -> None:
    urls = await provision(postgres.admin_url, "impactnet", PASSWORDS)
    migrator = await _as(urls["ledger_migrator"])
    await migrator.execute("CREATE TABLE blocks (height bigint)")
    for role in ("ledger_api", "ledger_worker", "ledger_signer"):
        connection = await _as(urls[role])
        assert await connection.fetchval("SHOW search_path") == "ledger"
        assert await _refused(connection, "SELECT * FROM blocks")
        await connection.close()
    await migrator.execute("GRANT SELECT ON blocks TO ledger_signer")
    signer = await _as(urls["ledger_signer"])
    assert await signer.fetch("SELECT * FROM blocks") == []
    await signer.close()
    await migrator.close()


async def test_many_databases_may_be_provisioned_at_once_and_again(postgres: EmbeddedPostgres) -> None:
    names = [f"module_{number % 4}" for number in range(8)]
    results = await asyncio.gather(*(provision(postgres.admin_url, name, PASSWORDS) for name in names))
    for name, urls in zip(names, results, strict=True):
        assert set(urls) == set(LOGIN_ROLES)
        connection = await _as(urls["feed_worker"])
        assert await connection.fetchval("SELECT current_database()") == name
        await connection.close()


async def test_a_migrated_database_is_copied_with_its_rights(postgres: EmbeddedPostgres) -> None:
    urls = await provision(postgres.admin_url, "template", PASSWORDS)
    migrator = await _as(urls["feed_migrator"])
    await migrator.execute("CREATE TABLE posts (body text)")
    await migrator.close()

    copied = await provision(postgres.admin_url, "copy", PASSWORDS, template="template")
    api = await _as(copied["feed_api"])
    await api.execute("INSERT INTO posts VALUES ('first')")
    assert await api.fetchval("SELECT count(*) FROM posts") == 1
    await drop_database(postgres.admin_url, "copy")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(database_url(postgres.admin_url, "copy"))
    api.terminate()


async def test_a_role_of_the_system_gets_into_no_other_database(postgres: EmbeddedPostgres) -> None:
    urls = await provision(postgres.admin_url, "impactnet", PASSWORDS)
    admin = await asyncpg.connect(postgres.admin_url)
    await admin.execute("CREATE DATABASE elsewhere")
    await admin.execute("REVOKE CONNECT ON DATABASE elsewhere FROM PUBLIC")
    await admin.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _as(urls["identity_api"].replace("/impactnet", "/elsewhere"))


def test_scripts_are_plain_psql_with_quoted_variables() -> None:
    assert render("SELECT :'a', :\"b\"; -- :'c'", {"a": "it's", "b": 'say "x"'}) == 'SELECT \'it\'\'s\', "say ""x"""; '
    with pytest.raises(KeyError):
        render("SELECT :'a'", {})
    with pytest.raises(ValueError, match="backslash"):
        render("SELECT :'a'", {"a": "\\"})
    assert ":'" not in roles_sql(PASSWORDS)
    assert ':"' not in database_sql("impactnet")
