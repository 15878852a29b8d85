"""Everybody in a journey: made by the first super admin, who was made by command."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from local_stack.journey.platform import Person, Platform, until
from local_stack.journey.steps import Board, promote
from local_stack.stack import LocalStack

PASSWORD = "correct horse battery staple 7"

# One address makes all the requests of all the people here; the limits have tests of their own.
GENEROUS_LIMITS = {
    "IMPACTNET_GATEWAY_READS_PER_USER_PER_MINUTE": "100000",
    "IMPACTNET_GATEWAY_READS_PER_ADDRESS_PER_MINUTE": "100000",
    "IMPACTNET_GATEWAY_WRITES_PER_MINUTE": "100000",
    "IMPACTNET_GATEWAY_UPLOADS_PER_HOUR": "100000",
    "IMPACTNET_GATEWAY_LOGINS_PER_ACCOUNT_PER_MINUTE": "100000",
    "IMPACTNET_GATEWAY_LOGINS_PER_ADDRESS_PER_MINUTE": "100000",
    "IMPACTNET_GATEWAY_LOGINS_PER_ACCOUNT_EVERYWHERE_PER_MINUTE": "100000",
    "IMPACTNET_GATEWAY_STEP_UPS_PER_USER_PER_MINUTE": "100000",
    "IMPACTNET_IDENTITY_LOGIN_ATTEMPTS_PER_ADDRESS": "10000",
    "IMPACTNET_IDENTITY_LOGIN_ATTEMPTS_PER_ACCOUNT_AND_ADDRESS": "10000",
}


@dataclass(frozen=True, slots=True)
class People:
    boss: Person
    admin: Person
    second_admin: Person
    board: Board
    outsider: Person
    donor: Person


async def member(platform: Platform, name: str) -> Person:
    """A new member with a name of their own."""
    tag = uuid4().hex[:8]
    return await platform.register(
        f"{name}-{tag}",
        password=PASSWORD,
        full_name=f"{name.title()} Bala",
        phone="+2348000000000",
        email=f"{name}-{tag}@example.ng",
    )


async def verify_email(person: Person, mails: Callable[[str], list[dict[str, Any]]]) -> None:
    """Follow the link in the mail."""

    async def arrived() -> Any:
        found = mails(str(person.email))
        return found[-1] if found else None

    mail = await until("the verification mail comes", arrived)
    await person.post("/auth/email/verify/", {"token": mail["token"]})
    assert (await person.get("/auth/me/"))["email_verified"] is True


async def first_super_admin(stack: LocalStack, platform: Platform) -> Person:
    """Made by command; the command refuses a second one."""
    name = "root"
    command = ["-m", "identity", "create-super-admin", "--email", "root@example.ng", "--username", name]
    done = await stack.run_command(command, stdin=PASSWORD)
    # The system lives for several journeys: only the first makes the super admin.
    assert done.returncode == 0 or "exists" in (done.stdout + done.stderr), done.stdout + done.stderr
    return await platform.existing(name, email="root@example.ng", password=PASSWORD)


async def gather_people(stack: LocalStack, platform: Platform) -> People:
    """Admins and executives, each registered as a member and then promoted."""
    boss = await first_super_admin(stack, platform)
    admin, second_admin = await member(platform, "bola"), await member(platform, "chidi")
    for person in (admin, second_admin):
        await promote(boss, person, "admin")
    executives = [await member(platform, name) for name in ("ngozi", "musa", "tunde", "outsider")]
    for person in executives:
        await promote(admin, person, "executive")
    board = Board(*executives[:3])
    return People(boss, admin, second_admin, board, executives[3], await member(platform, "efe"))
