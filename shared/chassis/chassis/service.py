"""What a service hands to the chassis: its name, settings, tables, and how its parts are built."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import typer
from fastapi import APIRouter
from sqlalchemy import MetaData

from chassis.api.problems import ProblemTable
from chassis.clock import Clock
from chassis.database import Database
from chassis.personal_data import Vault
from chassis.settings import ServiceSettings
from chassis.subscriptions import Subscriptions
from chassis.timers import Timer


@dataclass(frozen=True, slots=True)
class Foundation:
    """What the chassis gives to a service's bootstrap; `database` is connected as the API's or the worker's role."""

    settings: Any
    database: Database
    clock: Clock
    vault: Vault


@dataclass(frozen=True, slots=True)
class Parts:
    """What a bootstrap gives back.

    `wiring` is the service's own object with its use cases and adapters: routers find it on `request.app.state.wiring`.
    `resources` are opened before anything runs and closed after it (clients of storage, of models, of rails).
    """

    routers: Sequence[APIRouter] = ()
    problems: ProblemTable = field(default_factory=lambda: ProblemTable({}))
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    timers: Sequence[Timer] = ()
    wiring: Any = None
    resources: Sequence[AbstractAsyncContextManager[Any]] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A bounded context as a program."""

    context: str
    version: str
    description: str
    settings: type[ServiceSettings]
    metadata: MetaData
    build: Callable[[Foundation], Parts]
    commands: Sequence[Callable[[typer.Typer], None]] = ()
    # Events that give a later read model the present state of every aggregate (`replay --snapshot`).
    snapshot: Callable[[Foundation], Any] | None = None
