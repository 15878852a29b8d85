"""`python -m identity`: the shared commands, and identity's own."""

from dataclasses import replace

from chassis.command_line import build_command_line
from identity.bootstrap import SERVICE
from identity.commands import add_commands

if __name__ == "__main__":
    build_command_line(replace(SERVICE, commands=(add_commands,)))()
