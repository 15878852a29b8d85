"""`python -m applications api|worker|serve|migrate|replay|dlq|settings`."""

from applications.bootstrap import SERVICE
from chassis.command_line import build_command_line

if __name__ == "__main__":
    build_command_line(SERVICE)()
