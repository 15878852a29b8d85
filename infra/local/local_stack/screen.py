"""What the person at the terminal reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local_stack.demo_users import FILE, load_or_make
from local_stack.ports import PortTakenError
from local_stack.running import Memory, ProcessState, Running
from local_stack.stack import LocalStack

console = Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One line of progress, with no character read as markup."""
    console.print(text, markup=False)


def show_failure(what: str, error: Exception) -> None:
    """What failed, and why."""
    console.print(f"[bold red]{what}[/]", end=" ")
    say(str(error))


def show_up(stack: LocalStack, seconds: float) -> None:
    """The one page after a start: what runs where, who can log in, where to look."""
    console.print(f"\n[bold green]ImpactNet is up[/] after {seconds:.1f} s\n")
    addresses = _plain_table()
    for name, address in (
        ("gateway", stack.gateway_url),
        ("documentation", f"{stack.gateway_url}/docs"),
        ("the public chain", f"{stack.gateway_url}/api/v1/blockchain/chain/"),
        ("PostgreSQL", f"127.0.0.1:{stack.ports['postgres']}, database impactnet"),
        (f"broker ({stack.broker_choice.flavor})", f"{stack.kafka_bootstrap}  [dim]{stack.broker_choice.reason}[/]"),
        ("object storage", stack.s3_endpoint),
        *((name, f"http://127.0.0.1:{stack.port(name)}") for name in _answering(stack)),
        ("logs", str(stack.logs)),
    ):
        addresses.add_row(name, address)
    console.print(addresses)
    console.print(f"\n[bold]Demo users[/] [dim](for this machine only; kept in {stack.state / FILE})[/]")
    people = _plain_table("e-mail", "password", "role")
    for user in load_or_make(stack.state / FILE):
        people.add_row(user.email, user.password, user.role)
    console.print(people)
    console.print("\n[bold]make demo[/] in a second shell drives one application through all of it. Ctrl-C stops.\n")


def show_already_running(running: Running | None, state: Path) -> None:
    """For a second start on the same state."""
    console.print(f"[bold]ImpactNet already runs[/] from {state}")
    if running is not None:
        console.print(
            f"gateway {running.gateway_url}, started by process {running.pid}; "
            f"Ctrl-C in its terminal stops it, as does: kill {running.pid}"
        )
    console.print(f"Another one beside it wants its own folder and ports: {_example()}")


def show_still_running(running: Running | None) -> None:
    """For a reset of what runs."""
    how = "" if running is None else f", or: kill {running.pid}"
    console.print(f"[bold red]ImpactNet runs:[/] stop it first (Ctrl-C in its terminal{how})")


def show_taken_ports(taken: Sequence[PortTakenError]) -> None:
    """For ports that other programs hold."""
    console.print("[bold red]ImpactNet cannot start:[/] ports that it needs are taken")
    table = _plain_table("port", "wanted by", "held by")
    for one in taken:
        table.add_row(str(one.port), one.purpose, one.holder or "another program")
    console.print(table)
    variables = " ".join(sorted({f"IMPACTNET_{one.purpose.upper().replace('-', '_')}_PORT" for one in taken}))
    console.print(
        f"Choose other ports for all: make up PORT_BASE=9000\nor for single ones, by environment: {variables}"
    )


def show_status(running: Running, processes: Sequence[tuple[ProcessState, Memory | None]]) -> None:
    """For `status`: what runs, how often it died, how much memory it takes."""
    console.print(f"[bold green]ImpactNet runs[/] at {running.gateway_url}, started by process {running.pid}")
    table = _plain_table("process", "pid", "port", "restarts", "memory")
    for process, memory in processes:
        table.add_row(
            process.name,
            str(process.pid) if process.is_alive else "[red]down[/]",
            str(process.port or ""),
            str(process.restarts),
            "" if memory is None else f"{_shown_bytes(memory) / 2**20:.0f} MiB",
        )
    console.print(table)
    if processes:
        console.print(f"logs: {Path(processes[0][0].log).parent}")


def status_document(running: Running, processes: Sequence[tuple[ProcessState, Memory | None]]) -> dict[str, Any]:
    """The same for programs: bytes, process ids, restarts and ports by process, and the sums."""
    known = [memory for _, memory in processes if memory is not None]
    shares = [memory.pss_bytes for memory in known if memory.pss_bytes is not None]
    return {
        "gateway_url": running.gateway_url,
        "launcher_pid": running.pid,
        "started_at": running.started_at,
        "broker": running.broker,
        "rss_bytes": sum(memory.rss_bytes for memory in known),
        "pss_bytes": sum(shares) if len(shares) == len(known) else None,
        "processes": {
            process.name: {
                "pid": process.pid if process.is_alive else None,
                "port": process.port,
                "restarts": process.restarts,
                "rss_bytes": None if memory is None else memory.rss_bytes,
                "pss_bytes": None if memory is None else memory.pss_bytes,
                "log": process.log,
            }
            for process, memory in processes
        },
    }


def _shown_bytes(memory: Memory) -> int:
    """What ending the process would free, roughly: PostgreSQL's processes share most of their memory."""
    return memory.rss_bytes if memory.pss_bytes is None else memory.pss_bytes


def _answering(stack: LocalStack) -> list[str]:
    """Our processes that have an address, but for the gateway, which comes first."""
    return [name for name in stack.names if stack.port(name) is not None and name != "gateway"]


def _plain_table(*columns: str) -> Table:
    table = Table(*columns, box=None, show_header=bool(columns), padding=(0, 3, 0, 0), header_style="dim")
    if not columns:
        table.add_column(style="dim")
        table.add_column()
    return table


def _example() -> str:
    return "make up STATE=.impactnet-2 PORT_BASE=9000"
