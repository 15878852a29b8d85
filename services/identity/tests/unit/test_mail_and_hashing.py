"""Mail over SMTP, and argon2 under load."""

import asyncio
import socketserver
import threading
from typing import ClassVar

import pytest

from identity.adapters.mail_senders import Mail, SmtpMailSender
from identity.adapters.password_hasher import ArgonPasswords
from identity.domain.refusals import BusyError


class _Session(socketserver.StreamRequestHandler):
    """Enough of RFC 5321 to take one mail."""

    def handle(self):
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(" ", maxsplit=1)[0].upper()
            if verb == "DATA":
                self.say("354 go on")
                body = b""
                while not body.endswith(b"\r\n.\r\n"):
                    body += self.rfile.readline()
                _Server.mails.append(body.decode())
                self.say("250 taken")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    mails: ClassVar[list[str]] = []


@pytest.fixture
def mail_server():
    _Server.mails.clear()
    with _Server(("127.0.0.1", 0), _Session) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_mail_reaches_the_server_whole(mail_server):
    sender = SmtpMailSender(
        host="127.0.0.1",
        port=mail_server.server_address[1],
        username=None,
        password=None,
        security="none",
        sender="ImpactNet <no-reply@impactnet.ng>",
    )
    mail = Mail(
        mail_id="0191-1",
        purpose="verify_email",
        to="amina@x.ng",
        subject="Confirm",
        text="Open https://x.ng/verify-email?token=abc\n",
        token="abc",
        link="https://x.ng/verify-email?token=abc",
        created_at="2026-01-01T00:00:00Z",
    )
    await sender.send(mail)
    (got,) = mail_server.mails
    assert "To: amina@x.ng" in got
    assert "Message-ID: <0191-1@impactnet.ng>" in got
    assert "https://x.ng/verify-email?token=abc" in got


async def test_a_password_matches_itself_however_it_was_composed_and_nothing_else():
    async with ArgonPasswords(threads=1, waiting_max=8) as passwords:
        made = await passwords.hash("caf\u00e9-kettle")
        assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert await passwords.verify("cafe\u0301-kettle", made)
        assert not await passwords.verify("cafe-kettle", made)
        assert not await passwords.verify("cafe-kettle", None)
        assert not await passwords.verify("the password of nobody", None)
        assert not await passwords.verify("x", "not a hash")


async def test_when_too_many_wait_the_next_is_told_to_come_back():
    async with ArgonPasswords(threads=1, waiting_max=1) as passwords:
        results = await asyncio.gather(*(passwords.hash("blue-kettle") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, BusyError) for result in results) == 3
    assert sum(isinstance(result, str) for result in results) == 2


async def test_the_loop_goes_on_while_passwords_are_hashed():
    async with ArgonPasswords(threads=2, waiting_max=64) as passwords:
        hashing = asyncio.gather(*(passwords.hash("blue-kettle") for _ in range(10)))
        turns = 0
        while not hashing.done():
            turns += 1
            await asyncio.sleep(0.001)
        await hashing
    assert turns > 10
