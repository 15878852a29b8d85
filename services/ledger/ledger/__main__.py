"""The ledger's command line."""

from chassis.command_line import build_command_line
from ledger.bootstrap import SERVICE
from ledger.commands import add_commands

if __name__ == "__main__":
    app = build_command_line(SERVICE)
    add_commands(app)
    app()
