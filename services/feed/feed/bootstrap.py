"""The only file that knows all of the feed's parts."""

from importlib.metadata import version

from chassis.database import UnitOfWork
from chassis.service import Foundation, Parts, Service
from chassis.subscriptions import Subscriptions
from feed.adapters.desk import PostgresDesk
from feed.adapters.tables import metadata
from feed.api import notifications, posts
from feed.api.dependencies import FeedWiring
from feed.api.problems import PROBLEMS
from feed.consumers import applications, identity, ledger, programs
from feed.settings import FeedSettings


def build(foundation: Foundation) -> Parts:
    """Routers and subscriptions."""

    def open_desk(work: UnitOfWork) -> PostgresDesk:
        return PostgresDesk(work, foundation.vault)

    subscriptions = Subscriptions()
    for upstream in (identity, programs, applications, ledger):
        upstream.subscribe(subscriptions, open_desk)
    return Parts(
        routers=(posts.router, notifications.router),
        problems=PROBLEMS,
        subscriptions=subscriptions,
        wiring=FeedWiring(open_desk),
    )


SERVICE = Service(
    context="feed",
    version=version("impactnet-feed"),
    description="Posts, replies, likes and notifications.",
    settings=FeedSettings,
    metadata=metadata,
    build=build,
)
