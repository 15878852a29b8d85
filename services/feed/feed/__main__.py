"""`python -m feed`: api, worker, serve, migrate, replay, dlq, settings."""

from chassis.command_line import build_command_line
from feed.bootstrap import SERVICE

if __name__ == "__main__":
    build_command_line(SERVICE)()
