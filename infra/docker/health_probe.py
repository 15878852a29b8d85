"""Asks a process of ours whether it is well: `python -IS health_probe.py [PATH]` exits 0 on 200."""  # noqa: INP001 -- a program, no package

import socket
import sys

# Shorter than the time-out of whoever runs this, so that it is we who say what went wrong.
TIMEOUT_SECONDS = 4
# Where everything of ours listens in its container.
PORT = 8000


def main(path: str = "/health/live") -> int:
    """Plain sockets: a check runs every few seconds in every container, and importing an HTTP client costs 60 ms."""
    try:
        with socket.create_connection(("127.0.0.1", PORT), TIMEOUT_SECONDS) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while part := connection.recv(65_536):
                answer += part
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.buffer.write(answer)
    return 0 if answer.split(b" ", 2)[1:2] == [b"200"] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
