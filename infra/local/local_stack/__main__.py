"""`python -m local_stack up | demo | status | reset | prepare`: the local system from the command line."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from local_stack import screen
from local_stack.broker_choice import BrokerUnavailableError, choose_broker
from local_stack.child import ProcessExitedError
from local_stack.demo_users import FILE as DEMO_USERS_FILE
from local_stack.kafka import prepare as prepare_kafka
from local_stack.launching import PortsTakenError, keep_up, play, wait_for_leftovers
from local_stack.layout import PORT_BASE, Layout, chosen_ports
from local_stack.ports import PortTakenError
from local_stack.running import AlreadyRunsError, claim, find_running, memory_of, read_processes
from local_stack.stack import REPOSITORY, LocalStack, StackError

STATE: Final = REPOSITORY / ".impactnet"

_PASSED_ON: Final = ("OPENAI_", "IMPACTNET_", "OTEL_")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="ImpactNet on this machine, without containers.",
)

State = Annotated[Path, typer.Option("--state", help="Folder of data, logs and secrets.", envvar="IMPACTNET_STATE")]
PortBase = Annotated[int, typer.Option(help="The gateway's port; all others are counted from it.")]
Split = Annotated[bool, typer.Option("--split", help="API and worker of each service apart.")]
Workers = Annotated[int, typer.Option(help="Workers of each service, with --split.")]
Url = Annotated[str | None, typer.Option(help="A system that runs already, containers for example: its door.")]
Users = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="With --url: its demo users.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs; sizes in bytes.")]


@app.command()
def up(state: State = STATE, port_base: PortBase = PORT_BASE, split: Split = False, workers: Workers = 1) -> None:  # noqa: FBT002 -- a command line flag
    """Start everything, say what runs where, keep it running, stop on Ctrl-C."""
    with _failures_in_words(state):
        asyncio.run(keep_up(_stack(state, port_base, Layout(split=split, workers=workers))))


@app.command()
def demo(state: State = STATE, port_base: PortBase = PORT_BASE, url: Url = None, users: Users = None) -> None:
    """Drive one application through all of it; start the system for that when it does not run."""
    from httpx import TransportError  # noqa: PLC0415 -- HTTP clients are of no use to the other commands

    from local_stack.demo import run_demo  # noqa: PLC0415 -- the same
    from local_stack.journey.platform import UnexpectedAnswerError  # noqa: PLC0415 -- the same

    with _failures_in_words(state, "The demo cannot go on:"):
        try:
            if url is not None:
                if users is None:
                    raise ValueError("--url needs --users: a file with the demo users of that system")
                asyncio.run(run_demo(screen.console, url, users))
                return
            stack = _stack(state, port_base, Layout())
            asyncio.run(play(stack, lambda door: run_demo(screen.console, door, stack.state / DEMO_USERS_FILE)))
        except (UnexpectedAnswerError, TransportError) as error:
            screen.show_failure("The demo did not go as it should:", error)
            raise typer.Exit(1) from None


@app.command()
def prepare() -> None:
    """Fetch what no Python package brings: Kafka's jars. `make setup` does this."""
    with _failures_in_words(STATE):
        choice = choose_broker()
        screen.say(f"broker: {choice.flavor} ({choice.reason})")
        if choice.flavor == "kafka":
            asyncio.run(prepare_kafka(screen.say))


@app.command()
def status(state: State = STATE, as_json: AsJson = False) -> None:  # noqa: FBT002 -- a command line flag
    """Say what runs, and how much memory each process takes."""
    running = find_running(state)
    if running is None:
        screen.say("{}" if as_json else "ImpactNet does not run here; `make up` starts it")
        raise typer.Exit(1)
    processes = [(one, memory_of(one.pid) if one.pid and one.is_alive else None) for one in read_processes(state)]
    if as_json:
        typer.echo(json.dumps(screen.status_document(running, processes), indent=2))
    else:
        screen.show_status(running, processes)


@app.command()
def reset(state: State = STATE) -> None:
    """Forget everything: data, logs, secrets, demo users. Refused while the system runs."""
    if not state.exists():
        screen.say(f"nothing to forget: {state} does not exist")
        return
    if not (state / "secrets.json").exists():
        screen.say(f"{state} is no state folder of ImpactNet; it stays as it is")
        raise typer.Exit(1)
    try:
        with claim(state, {}, ""):
            wait_for_leftovers(state)
            shutil.rmtree(state)
    except AlreadyRunsError as error:
        screen.show_still_running(error.running)
        raise typer.Exit(1) from None
    screen.say(f"forgotten: {state}")


def _stack(state: Path, port_base: int, layout: Layout) -> LocalStack:
    extra = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    ports = chosen_ports(layout, port_base)
    return LocalStack(state, ports=ports, layout=layout, environment=extra, say=screen.say)


@contextmanager
def _failures_in_words(state: Path, what: str = "ImpactNet cannot start:") -> Iterator[None]:
    """Ends the program with what went wrong and what to do, instead of with a traceback."""
    try:
        yield
    except AlreadyRunsError as error:  # what was asked for is there: no failure
        screen.show_already_running(error.running, state)
    except PortsTakenError:
        sys.exit(1)
    except PortTakenError as error:  # taken between the look and the start
        screen.show_taken_ports([error])
        sys.exit(1)
    except (ValueError, BrokerUnavailableError, StackError, ProcessExitedError, OSError) as error:
        screen.show_failure(what, error)
        sys.exit(1)


if __name__ == "__main__":
    app()
