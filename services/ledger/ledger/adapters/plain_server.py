"""An HTTP server that leaves signals to whoever runs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

# An idle keep-alive connection is closed a little after the 60 s that proxies keep theirs.
KEEP_ALIVE_SECONDS: Final = 65
# What is asked here is answered in milliseconds: nothing that takes longer is worth waiting for.
DRAIN_SECONDS_MAX: Final = 10
# More at once are answered 503: this is a side door, not a shop front.
CONCURRENT_MAX: Final = 200


class PlainServer(uvicorn.Server):
    """Runs an ASGI application until `should_exit` is set."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                loop="asyncio",
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONCURRENT_MAX,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
