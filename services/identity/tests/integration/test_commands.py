"""Identity's commands, as the terminal runs them."""

import json
import os
import subprocess
import sys

import asyncpg
import pytest

from contracts.envelope import Event


@pytest.fixture(scope="module")
def urls(fresh_database):
    return fresh_database("identity")


def run(urls, *arguments, stdin="", **environment):
    settings = {
        "IMPACTNET_IDENTITY_DATABASE_URL": urls["identity_api"],
        "IMPACTNET_IDENTITY_WORKER_DATABASE_URL": urls["identity_worker"],
        "IMPACTNET_IDENTITY_MIGRATOR_DATABASE_URL": urls["identity_migrator"],
        "PATH": os.environ["PATH"],
        **environment,
    }
    command = [sys.executable, "-W", "error", "-m", "identity", *arguments]
    return subprocess.run(command, input=stdin, env=settings, capture_output=True, text=True, check=False)


async def rows(urls, statement):
    connection = await asyncpg.connect(urls["identity_worker"].replace("+asyncpg", ""))
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def announced(urls):
    payloads = await rows(urls, "SELECT payload FROM outbox ORDER BY position")
    events = [Event.from_bytes(bytes(row["payload"])) for row in payloads]
    return [(event.name, event.data) for event in events]


def create(urls, name, password="blue-kettle-71-harmattan"):  # noqa: S107 -- a test's password
    arguments = ("create-super-admin", "--email", f"{name}@x.ng", "--username", name)
    return run(urls, *arguments, stdin=password + "\n")


async def test_the_tables_in_code_are_those_the_migrations_make(urls):
    done = run(urls, "migrate", "--check")
    assert done.returncode == 0, done.stderr


async def test_the_first_super_admin_is_made_once(urls):
    weak = create(urls, "root-one", password="password1")
    assert (weak.returncode, weak.stderr) == (
        1,
        "identity: password: is among the passwords that are guessed first\n",
    )
    first = create(urls, "root-one")
    assert first.returncode == 0, first.stderr
    second = create(urls, "root-two")
    assert second.returncode == 1
    assert "super_admin_exists" in second.stderr
    found = await rows(urls, "SELECT username, role, email_verified FROM users")
    assert [tuple(row) for row in found] == [("root-one", "super_admin", True)]
    names = [(name, data.get("role")) for name, data in await announced(urls)]
    assert names == [("user_registered", "super_admin"), ("email_verified", None)]


async def test_what_the_terminal_gives_wrong_is_named_and_never_repeated(urls):
    done = run(urls, "create-super-admin", "--email", "not-an-address", "--username", "x y", stdin="short\n")
    assert done.returncode == 2
    assert {line.split(":")[0] for line in done.stderr.splitlines()} == {"identity", "username", "password"}
    assert "short" not in done.stderr.replace("shorter", "")


DEMO = [
    {
        "email": f"{name}@demo.ng",
        "username": name,
        "password": f"harmattan-kettle-{name}-9",
        "full_name": name.title(),
        "phone": "+2348000000001",
        "role": role,
    }
    for name, role in (("demo-super", "super_admin"), ("demo-exec", "executive"), ("demo-member", "member"))
]


async def test_demo_users_are_made_once_with_their_roles(urls):
    before = len(await announced(urls))
    first = run(urls, "seed-demo-users", stdin=json.dumps(DEMO))
    assert first.returncode == 0, first.stderr
    assert [line.split("\t")[1] for line in first.stdout.splitlines()] == ["super_admin", "executive", "member"]
    events = (await announced(urls))[before:]
    second = run(urls, "seed-demo-users", stdin=json.dumps(DEMO))
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("there already") == 3
    assert len(await announced(urls)) == before + len(events)
    assert [(name, data.get("role"), data.get("role_version")) for name, data in events] == [
        ("user_registered", "member", None),
        ("email_verified", None, None),
        ("role_changed", "super_admin", 1),
        ("user_registered", "member", None),
        ("email_verified", None, None),
        ("role_changed", "executive", 1),
        ("user_registered", "member", None),
        ("email_verified", None, None),
    ]
    standings = await rows(urls, "SELECT role, role_version FROM user_standings WHERE role = 'executive'")
    assert [tuple(row) for row in standings] == [("executive", 1)]


async def test_demo_users_are_refused_in_production(urls):
    done = run(
        urls,
        "seed-demo-users",
        stdin="[]",
        IMPACTNET_ENVIRONMENT="production",
        IMPACTNET_IDENTITY_MASTER_KEY="A" * 43 + "=",
        IMPACTNET_IDENTITY_SMTP_HOST="mail.example.ng",
    )
    assert done.returncode == 2
    assert "development only" in done.stderr


async def test_production_does_not_start_without_a_mail_server_and_says_so(urls):
    done = run(urls, "settings", IMPACTNET_ENVIRONMENT="production", IMPACTNET_IDENTITY_MASTER_KEY="A" * 43 + "=")
    assert done.returncode == 2
    assert "IMPACTNET_IDENTITY_SMTP_HOST" in done.stderr


async def test_rotating_publishes_the_new_key_beside_the_old_and_seals_both(urls):
    for expected in (1, 2):
        done = run(urls, "keys", "rotate")
        assert done.returncode == 0, done.stderr
        assert len(await rows(urls, "SELECT kid FROM signing_keys")) == expected
    pairs = await rows(urls, "SELECT kid, private_key, signs_from FROM signing_key_pairs ORDER BY signs_from")
    assert (pairs[1]["signs_from"] - pairs[0]["signs_from"]).total_seconds() > 290
    assert all(b"PRIVATE KEY" not in bytes(pair["private_key"]) for pair in pairs)
    published = [data["keys"] for name, data in await announced(urls) if name == "signing_keys_changed"]
    assert [len(keys) for keys in published] == [1, 2]
    assert {key["kid"] for key in published[-1]} == {pair["kid"] for pair in pairs}


async def test_a_snapshot_says_everybody_again(urls):
    before = len(await announced(urls))
    done = run(urls, "replay", "--snapshot")
    assert done.returncode == 0, done.stderr
    names = [name for name, _ in (await announced(urls))[before:]]
    users = (await rows(urls, "SELECT count(*) AS n FROM users"))[0]["n"]
    assert names.count("user_registered") == users
    assert names.count("signing_keys_changed") == 1
