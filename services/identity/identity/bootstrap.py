"""The only file that knows all concrete classes."""

from pathlib import Path

from chassis.service import Foundation, Parts, Service
from chassis.subscriptions import Subscriptions
from chassis.timers import Timer
from identity.adapters.directory import Directories
from identity.adapters.expiry import forget_expired
from identity.adapters.mail_senders import FolderMailSender, LogMailSender, MailSender, SmtpMailSender
from identity.adapters.mails import send_next_mail
from identity.adapters.master_key import MasterKey
from identity.adapters.password_hasher import ArgonPasswords
from identity.adapters.signing_keys import KeyCache
from identity.adapters.snapshot import publish_snapshot
from identity.adapters.tables import metadata
from identity.api import authentication, me, passwords, users, well_known
from identity.api.addresses import ClientAddresses
from identity.api.dependencies import IdentityWiring
from identity.api.problems import PROBLEMS
from identity.consumers import applications
from identity.domain.throttle import Limit
from identity.settings import IdentitySettings
from identity.use_cases.erase_user import erase_next
from identity.use_cases.log_in import LoginLimits
from identity.use_cases.ports import LinkPurpose
from identity.use_cases.reset_password import answer_reset_request
from identity.use_cases.rotate_signing_keys import keep_signing_keys

_LINK_PATHS: dict[LinkPurpose, str] = {"verify_email": "verify-email", "reset_password": "reset-password"}


def directories_of(foundation: Foundation) -> Directories:
    """The repositories on a foundation's database."""
    settings: IdentitySettings = foundation.settings
    keys = KeyCache(MasterKey(settings.master_key), settings.token_issuer, settings.token_audience)
    return Directories(foundation.database, foundation.vault, keys)


def passwords_of(settings: IdentitySettings) -> ArgonPasswords:
    return ArgonPasswords(threads=settings.password_threads, waiting_max=settings.password_waiting_max)


def build(foundation: Foundation) -> Parts:
    """Identity's parts on a foundation."""
    settings: IdentitySettings = foundation.settings
    directories = directories_of(foundation)
    hasher = passwords_of(settings)
    subscriptions = Subscriptions()
    applications.subscribe(subscriptions, directories.of)
    wiring = IdentityWiring(
        open_directory=directories.open,
        directory_of=directories.of,
        passwords=hasher,
        addresses=ClientAddresses(settings.trusted_proxies),
        limits=LoginLimits(
            account_and_address=Limit(settings.login_attempts_per_account_and_address),
            address=Limit(settings.login_attempts_per_address),
            account=Limit(settings.login_attempts_per_account),
        ),
    )
    return Parts(
        routers=[
            authentication.registration,
            authentication.logins,
            authentication.router,
            passwords.router,
            passwords.confirmation,
            me.router,
            users.router,
            users.profiles,
            well_known.router,
        ],
        problems=PROBLEMS,
        subscriptions=subscriptions,
        timers=_timers(foundation, directories),
        wiring=wiring,
        resources=[hasher],
    )


def _timers(foundation: Foundation, directories: Directories) -> list[Timer]:
    settings: IdentitySettings = foundation.settings
    sender = _mail_sender(settings)

    def link_of(purpose: LinkPurpose, token: str) -> str:
        return f"{settings.frontend_url.rstrip('/')}/{_LINK_PATHS[purpose]}?token={token}"

    async def keep_keys() -> None:
        async with directories.open() as directory:
            await keep_signing_keys(directory)

    async def send_mails() -> bool:
        return await send_next_mail(foundation.database, foundation.vault, directories.keys.master_key, sender, link_of)

    async def answer_resets() -> bool:
        async with directories.open() as directory:
            return await answer_reset_request(directory)

    async def erase_users() -> bool:
        async with directories.open() as directory:
            return await erase_next(directory)

    async def forget() -> bool:
        return await forget_expired(foundation.database)

    return [
        # Often enough that a key is dropped soon after its last token, and cheap: two small reads.
        Timer("keep_signing_keys", 30, keep_keys),
        # A person waits for these in front of the screen.
        Timer("answer_reset_requests", 1, answer_resets),
        Timer("send_mails", 1, send_mails),
        Timer("erase_users", 60, erase_users),
        Timer("forget_expired", 600, forget),
    ]


def _mail_sender(settings: IdentitySettings) -> MailSender:
    if settings.mail_directory is not None:
        return FolderMailSender(Path(settings.mail_directory))
    if settings.smtp_host is None:
        return LogMailSender()
    password = settings.smtp_password
    return SmtpMailSender(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=None if password is None else password.get_secret_value(),
        security=settings.smtp_security,
        sender=settings.mail_from,
    )


async def _snapshot(foundation: Foundation) -> int:
    return await publish_snapshot(directories_of(foundation))


SERVICE = Service(
    context="identity",
    version="0.1.0",
    description="Who people are: users, credentials, sessions, roles, consent.",
    settings=IdentitySettings,
    metadata=metadata,
    build=build,
    snapshot=_snapshot,
)
