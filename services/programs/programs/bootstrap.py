"""The only file that knows all of programs' parts."""

from importlib.metadata import version

from chassis.service import Foundation, Parts, Service
from chassis.subscriptions import Subscriptions
from programs.adapters.desk import PostgresDesk
from programs.adapters.snapshot import announce_every_program
from programs.adapters.tables import metadata
from programs.api import administration, catalogue, parts
from programs.api.dependencies import ProgramsWiring
from programs.api.problems import PROBLEMS
from programs.consumers import applications, identity, ledger
from programs.settings import ProgramsSettings


def build(_: Foundation) -> Parts:
    """Routers and subscriptions."""
    subscriptions = Subscriptions()
    for upstream in (identity, applications, ledger):
        upstream.subscribe(subscriptions, PostgresDesk)
    return Parts(
        routers=(catalogue.router, administration.router, parts.router),
        problems=PROBLEMS,
        subscriptions=subscriptions,
        wiring=ProgramsWiring(PostgresDesk),
    )


SERVICE = Service(
    context="programs",
    version=version("impactnet-programs"),
    description="Programmes and everything they consist of.",
    settings=ProgramsSettings,
    metadata=metadata,
    build=build,
    snapshot=announce_every_program,
)
