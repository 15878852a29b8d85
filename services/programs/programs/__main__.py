"""`python -m programs`: api, worker, serve, migrate, replay, dlq, settings."""

from chassis.command_line import build_command_line
from programs.bootstrap import SERVICE

if __name__ == "__main__":
    build_command_line(SERVICE)()
