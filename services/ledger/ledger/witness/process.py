"""The witness as a process: configured by options and environment, stopped by SIGTERM, logging JSON lines."""

import asyncio
import json
import logging
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.adapters.plain_server import PlainServer
from ledger.domain.cosignatures import WitnessSigningKey
from ledger.witness.log_list import parse_log_list
from ledger.witness.server import WitnessApp
from ledger.witness.store import WitnessStore
from ledger.witness.witness import Witness

log = logging.getLogger("impactnet.witness")

_OWN: Final = frozenset(vars(logging.makeLogRecord({})))


@dataclass(frozen=True, slots=True)
class Configuration:
    """`key` is the signing key's text; `logs` a tlog-policy file or log list; `state` the SQLite file."""

    key: str
    logs: Path
    state: Path
    host: str
    port: int

    def __repr__(self) -> str:
        return f"Configuration({self.logs}, {self.state}, {self.host}:{self.port})"  # never the key


def run(configuration: Configuration) -> None:
    """Serves until SIGTERM or SIGINT; requests under way are answered first.

    Raises:
        BadKeyError, BadPolicyError, OSError, sqlite3.Error: before it listens, for what it cannot work with.
    """
    _configure_logs()
    key = WitnessSigningKey.parse(configuration.key)
    logs = parse_log_list(configuration.logs.read_bytes())
    with WitnessStore(configuration.state) as store:
        app = WitnessApp(Witness(key, logs, store, lambda: int(time.time())))
        where = f"{configuration.host}:{configuration.port}"
        log.info("started", extra={"address": where, "vkey": key.verifier.vkey, "logs": list(logs)})
        try:
            asyncio.run(_serve(app, configuration))
        finally:
            app.close()
    log.info("stopped")


async def _serve(app: WitnessApp, configuration: Configuration) -> None:
    server = PlainServer(app, configuration.host, configuration.port)

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await server.serve()


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        extra = {name: value for name, value in vars(record).items() if name not in _OWN and name != "color_message"}
        line = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            **extra,
        }
        if record.exc_info is not None:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _configure_logs() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # It says in four lines what one of ours says.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
