"""Where mails go: a mail server, a folder, or (in development only) the log."""

import asyncio
import json
import smtplib
import ssl
from dataclasses import asdict, dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

import structlog

from chassis.clock import rfc3339
from identity.use_cases.ports import LinkPurpose

log = structlog.get_logger(__name__)

# A mail server that is silent this long is taken for gone; the mail waits for its next try.
SMTP_TIMEOUT_SECONDS: Final = 10

_SUBJECT: Final[dict[LinkPurpose, str]] = {
    "verify_email": "Confirm your email address",
    "reset_password": "Choose a new password",
}
_TEXT: Final[dict[LinkPurpose, str]] = {
    "verify_email": "Please confirm your email address by opening this link within 24 hours:\n\n{link}\n\n"
    "If you did not register with ImpactNet, ignore this mail.\n",
    "reset_password": "Somebody, hopefully you, asked for a new password. Open this link within one hour:\n\n{link}\n\n"
    "If it was not you, ignore this mail: your password stays as it is.\n",
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it goes out. `token` is what the link carries, for clients that have a field to paste it in."""

    mail_id: str
    purpose: LinkPurpose
    to: str
    subject: str
    text: str
    token: str
    link: str
    created_at: str


class MailSender(Protocol):
    """Delivers a mail or raises."""

    async def send(self, mail: Mail) -> None: ...


def compose(*, mail_id: UUID, purpose: LinkPurpose, address: str, token: str, link: str, created_at: datetime) -> Mail:
    """The words round a link."""
    return Mail(
        mail_id=str(mail_id),
        purpose=purpose,
        to=address,
        subject=_SUBJECT[purpose],
        text=_TEXT[purpose].format(link=link),
        token=token,
        link=link,
        created_at=rfc3339(created_at),
    )


class FolderMailSender:
    """Writes each mail to `<folder>/<mail_id>.json`, whole or not at all; for development and tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, mail: Mail) -> None:
        await asyncio.to_thread(self._write, mail)

    def _write(self, mail: Mail) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f".{mail.mail_id}.partial"
        # Only its owner reads it: the token inside opens an account.
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(asdict(mail), indent=2, ensure_ascii=False), encoding="utf-8")
        partial.replace(self._folder / f"{mail.mail_id}.json")


class LogMailSender:
    """Writes the link to the log; refused outside development by the settings."""

    async def send(self, mail: Mail) -> None:
        log.info("mail", purpose=mail.purpose, link=mail.link)


class SmtpMailSender:
    """Hands mails to an SMTP server (RFC 5321), over TLS from the start or by STARTTLS."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str | None,
        password: str | None,
        security: str,
        sender: str,
    ) -> None:
        self._host = host
        self._port = port
        self._username = username
        self._password = password
        self._security = security
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        await asyncio.to_thread(self._deliver, mail)

    def _deliver(self, mail: Mail) -> None:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Message-ID"] = f"<{mail.mail_id}@{self._sender.rpartition('@')[2].rstrip('>')}>"
        message.set_content(mail.text)
        context = ssl.create_default_context()
        if self._security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=SMTP_TIMEOUT_SECONDS, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SMTP_TIMEOUT_SECONDS)
        with server:
            if self._security == "starttls":
                server.starttls(context=context)
            if self._username is not None:
                server.login(self._username, self._password or "")
            server.send_message(message)
