"""People to try the system with: made once, with random passwords that the person at the terminal may know."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from local_stack.development_secrets import write_private
from local_stack.stack import LocalStack, StackError

FILE: Final = "demo.json"
_MADE: Final = "demo.made"
_DOMAIN: Final = "demo.impactnet.ng"


@dataclass(frozen=True, slots=True)
class DemoUser:
    """One demo user, as `python -m identity seed-demo-users` takes it."""

    email: str
    username: str
    password: str
    full_name: str
    phone: str
    role: str


_PEOPLE: Final = (
    ("super", "Sade Bello", "super_admin"),
    ("admin1", "Bola Adeyemi", "admin"),
    ("admin2", "Chidi Okafor", "admin"),
    ("exec1", "Ngozi Amadi", "executive"),
    ("exec2", "Musa Ibrahim", "executive"),
    ("exec3", "Tunde Lawal", "executive"),
    ("donor", "Efe Osagie", "member"),
    ("amina", "Amina Bala", "member"),
)
"""Username, full name, role."""


def load_or_make(path: Path) -> list[DemoUser]:
    """The demo users of this state folder: the same passwords every time."""
    if path.exists():
        return [DemoUser(**entry) for entry in json.loads(path.read_text())]
    users = [
        DemoUser(
            email=f"{username}@{_DOMAIN}",
            username=username,
            password=secrets.token_urlsafe(12),
            full_name=full_name,
            phone=f"+23480000000{number:02d}",
            role=role,
        )
        for number, (username, full_name, role) in enumerate(_PEOPLE, start=1)
    ]
    write_private(path, json.dumps([asdict(user) for user in users], indent=2) + "\n")
    return users


async def seed(stack: LocalStack) -> list[DemoUser]:
    """Makes the demo users in identity, verified and with their roles, once: later starts find them there.

    Raises:
        StackError: identity refused; the message has what it said.
    """
    users = load_or_make(stack.state / FILE)
    made = stack.state / _MADE
    if made.exists():  # asking identity again costs a second or two at each start
        return users
    listing = json.dumps([asdict(user) for user in users])
    result = await stack.run_command(["-m", "identity", "seed-demo-users"], stdin=listing)
    if result.returncode != 0:
        raise StackError(f"the demo users could not be made:\n{(result.stdout + result.stderr)[-2_000:]}")
    made.touch()
    return users
