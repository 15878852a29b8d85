"""The witness over HTTP: add-checkpoint, the latest checkpoint for monitors, health. A bare ASGI application."""

import asyncio
import json
import logging
import re
import sqlite3
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from ledger.domain.refusals import BadProofError, RefusalError
from ledger.domain.witnessing import BadRequestError, SizeConflictError
from ledger.witness.witness import UnknownLogError, UntrustedError, Witness, describe

# 63 hashes are 3 KiB and a checkpoint with many signatures 16; a note may hold more, but no log's does.
BODY_BYTES_MAX: Final = 64 * 1024
# Whoever sends 64 KiB for longer than this only holds a connection.
BODY_SECONDS_MAX: Final = 10
TEXT: Final = "text/plain; charset=utf-8"
SIZE_TEXT: Final = "text/x.tlog.size"  # tlog-witness, for 409
_CHECKPOINT: Final = re.compile("/([0-9a-f]{64})/checkpoint")
_STATUS: Final[dict[type[RefusalError], int]] = {
    BadRequestError: 400,
    UntrustedError: 403,
    UnknownLogError: 404,
    BadProofError: 422,
}

log = logging.getLogger("impactnet.witness")

R = TypeVar("R")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _BodyError(Exception):
    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


class WitnessApp:
    """The ASGI application. One thread does all that touches keys and disk, so that health answers meanwhile."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="witness")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        try:
            status, content_type, body = await self._answer(path, method, receive)
        except _BodyError as refused:
            # The rest of a body is not read: the connection is of no more use.
            await _send(send, refused.status, TEXT, f"{refused.reason}\n", close=True)
            return
        await _send(send, status, content_type, body, is_head=method == "HEAD", allow=_allowed(path))

    async def _answer(self, path: str, method: str, receive: Receive) -> tuple[int, str, str]:
        if method not in _allowed(path):
            return 405, TEXT, f"{' or '.join(_allowed(path))} only\n"
        if method == "POST":
            return await self._add_checkpoint(await _read_body(receive))
        return await self._show(path)

    async def _show(self, path: str) -> tuple[int, str, str]:
        checkpoint = _CHECKPOINT.fullmatch(path)
        if checkpoint is not None:
            note = await self._run(self._witness.latest, checkpoint[1])
            return (404, TEXT, "no checkpoint of this log was cosigned here\n") if note is None else (200, TEXT, note)
        if path == "/health/ready":
            return await self._ready()
        pages = {"/health/live": ("application/json", '{"status":"live"}'), "/": (TEXT, self._introduction())}
        return (200, *pages[path]) if path in pages else (404, TEXT, "nothing here\n")

    async def _add_checkpoint(self, body: bytes) -> tuple[int, str, str]:
        try:
            line = await self._run(self._witness.add_checkpoint, body)
        except SizeConflictError as conflict:
            log.info("conflict", extra={"size": conflict.size})
            return 409, SIZE_TEXT, f"{conflict.size}\n"
        except RefusalError as refusal:
            status = _STATUS[type(refusal)]
            extra = {"status": status, "detail": refusal.detail}
            if isinstance(refusal, BadProofError):
                # Signed by the log and no continuation: the note may be evidence against the log, so it is kept whole.
                extra["note"] = body.decode().partition("\n\n")[2]
                log.error("not_consistent", extra=extra)
            else:
                log.warning("refused", extra=extra)
            return status, TEXT, f"{refusal.detail}\n"
        except sqlite3.Error as error:
            log.exception("state_not_writable", extra={"detail": str(error)})
            return 503, TEXT, "the witness cannot write its state\n"
        log.info("cosigned", extra={"checkpoint": describe(body.decode().partition("\n\n")[2])})
        return 200, TEXT, line

    async def _ready(self) -> tuple[int, str, str]:
        try:
            await self._run(self._witness.check)
        except sqlite3.Error as error:
            return 503, "application/json", json.dumps({"status": "not_ready", "missing": [f"state: {error}"]})
        return 200, "application/json", '{"status":"ready","degraded":[]}'

    def _introduction(self) -> str:
        logs = "".join(f"log {key.vkey}\n" for keys in self._witness.logs.values() for key in keys)
        return f"A witness (c2sp.org/tlog-witness). Its key:\n{self._witness.key.verifier.vkey}\nIt watches:\n{logs}"

    async def _run(self, function: Callable[..., R], *arguments: Any) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def close(self) -> None:
        """Returns when what is being cosigned is on disk."""
        self._thread.shutdown()


async def _read_body(receive: Receive) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _BodyError(400, "the request was not sent whole")
                body += bytes(message.get("body", b""))
                if len(body) > BODY_BYTES_MAX:
                    raise _BodyError(413, f"more than {BODY_BYTES_MAX} bytes")
                if not message.get("more_body", False):
                    return body
    except TimeoutError as error:
        raise _BodyError(408, f"the request took longer than {BODY_SECONDS_MAX} s") from error


def _allowed(path: str) -> tuple[str, ...]:
    return ("POST",) if path == "/add-checkpoint" else ("GET", "HEAD")


async def _send(
    send: Send,
    status: int,
    content_type: str,
    body: str,
    *,
    is_head: bool = False,
    allow: tuple[str, ...] = (),
    close: bool = False,
) -> None:
    content = body.encode()
    headers = [
        (b"content-type", content_type.encode()),
        # For HEAD too: of what GET would have been answered (RFC 9110, 8.6).
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        *([(b"allow", ", ".join(allow).encode())] if status == 405 else []),  # noqa: PLR2004 -- RFC 9110, 15.5.6
        *([(b"connection", b"close")] if close else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else content})
