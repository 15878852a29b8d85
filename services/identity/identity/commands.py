"""Identity's own commands: the first super admin, demo users, signing keys."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Annotated, Any, NoReturn

import typer
from pydantic import TypeAdapter, ValidationError

from chassis.api.values import Body
from chassis.command_line import load_settings
from chassis.processes import built
from chassis.refusals import FieldRefusalError, RefusalError
from chassis.settings import ServiceSettings
from identity.api.bodies import Email, FullName, NewPassword, Phone, Username
from identity.api.dependencies import IdentityWiring
from identity.bootstrap import SERVICE
from identity.domain.people import Personal, Role
from identity.use_cases.add_users_by_command import NewAccount, create_super_admin, seed_user
from identity.use_cases.rotate_signing_keys import rotate_signing_keys

# What the first super admin has instead of a name and a number until they change it themselves.
_FIRST_NAME = "Super Admin"
_FIRST_PHONE = "+2340000000000"


class _SuperAdmin(Body):
    email: Email
    username: Username
    password: NewPassword
    full_name: FullName = _FIRST_NAME
    phone: Phone = _FIRST_PHONE


class _DemoUser(_SuperAdmin):
    role: Role = "member"


def add_commands(app: typer.Typer) -> None:
    """Add them to `python -m identity`."""
    keys = typer.Typer(no_args_is_help=True, help="Signing keys.")
    app.add_typer(keys, name="keys")

    @app.command("create-super-admin", help="Make the first super admin; the password comes on standard input.")
    def create_super_admin_command(
        email: Annotated[str, typer.Option()],
        username: Annotated[str, typer.Option()],
        full_name: Annotated[str, typer.Option()] = _FIRST_NAME,
        phone: Annotated[str, typer.Option()] = _FIRST_PHONE,
    ) -> None:
        given = {
            "email": email,
            "username": username,
            "password": sys.stdin.readline().rstrip("\r\n"),
            "full_name": full_name,
            "phone": phone,
        }
        person = _checked(TypeAdapter(_SuperAdmin), given)
        account = _account(person, "super_admin")

        async def create(wired: IdentityWiring) -> str:
            user = await create_super_admin(wired.open_directory, wired.passwords, account)
            return f"super admin {user.username} has been made: {user.user_id}\n"

        _run(load_settings(SERVICE), create)

    @app.command("seed-demo-users", help="Development only: make the users listed as JSON on standard input.")
    def seed_demo_users() -> None:
        settings = load_settings(SERVICE)
        if settings.environment != "development":
            _refuse("demo users are for development only", 2)
        people = _checked(TypeAdapter(list[_DemoUser]), sys.stdin.read(), json=True)

        async def seed(wired: IdentityWiring) -> str:
            lines = []
            for person in people:
                account = _account(person, person.role)
                user, made = await seed_user(wired.open_directory, wired.passwords, account)
                lines.append(f"{user.username}\t{user.role}\t{user.user_id}\t{'made' if made else 'there already'}\n")
            return "".join(lines)

        _run(settings, seed)

    @keys.command("rotate", help="Make a new signing key: published now, signing after the lead; nobody is logged out.")
    def rotate() -> None:
        settings = load_settings(SERVICE)
        lead = timedelta(seconds=getattr(settings, "key_lead_seconds", 0))

        async def make(wired: IdentityWiring) -> str:
            async with wired.open_directory() as directory:
                kid = await rotate_signing_keys(directory, lead=lead)
            return f"key {kid} is published and signs in {int(lead.total_seconds())} s\n"

        _run(settings, make)


def _account(person: _SuperAdmin, role: Role) -> NewAccount:
    personal = Personal(person.email, person.full_name, person.phone, None)
    return NewAccount(person.username, personal, person.password, role)


def _checked(adapter: TypeAdapter[Any], given: Any, *, json: bool = False) -> Any:
    """Validate what the terminal gave; says which field is wrong, never a value."""
    try:
        return adapter.validate_json(given) if json else adapter.validate_python(given)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        lines = [f"{'.'.join(str(part) for part in item['loc']) or 'input'}: {item['msg']}" for item in problems]
        _refuse("\n".join(lines), 2)


def _run(settings: ServiceSettings, work: Callable[[IdentityWiring], Coroutine[Any, Any, str]]) -> None:
    async def run() -> str:
        async with built(SERVICE, settings, "worker") as (_, parts):
            return await work(parts.wiring)

    try:
        sys.stdout.write(asyncio.run(run()))
    except FieldRefusalError as refusal:
        _refuse("\n".join(f"{field}: {message}" for field, _, message in refusal.errors), 1)
    except RefusalError as refusal:
        _refuse(f"{refusal.CODE}: {refusal.detail}", 1)


def _refuse(message: str, status: int) -> NoReturn:
    sys.stderr.write(f"identity: {message}\n")
    raise typer.Exit(status)
