"""The only file that knows all concrete classes of this service."""

from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from applications.adapters.desk import PostgresDesk
from applications.adapters.tables import metadata
from applications.api import applications, apply, dashboard, disbursements, documents, executive
from applications.api.dependencies import Wiring
from applications.api.problems import PROBLEMS
from applications.bootstrap_media import MEDIA_ROUTERS, build_media, media_timers
from applications.consumers import of_identity, of_ledger, of_programs, own_videos
from applications.settings import ApplicationsSettings
from applications.use_cases.ports import Desk
from applications.use_cases.sweep_objects import sweep_objects
from chassis.database import UnitOfWork
from chassis.s3 import S3Storage
from chassis.service import Foundation, Parts, Service
from chassis.subscriptions import Subscriptions
from chassis.timers import Timer

# Nobody waits for it: an object that is no longer referred to costs a little space until then.
SWEEP_SECONDS: Final = 30.0


def build(foundation: Foundation) -> Parts:
    """Every part of one process; nothing connects before the chassis opens the resources."""
    settings: ApplicationsSettings = foundation.settings
    storage = S3Storage(settings.storage)

    def open_desk(work: UnitOfWork) -> Desk:
        return PostgresDesk(work, foundation.vault)

    async def sweep() -> bool:
        async with foundation.database.unit_of_work() as work:
            return await sweep_objects(open_desk(work), storage)

    media = build_media(settings)
    wiring = Wiring(
        settings=settings,
        open_desk=open_desk,
        storage=storage,
        interviewer=media.interviewer,
        interview_caps=media.caps,
    )
    subscriptions = Subscriptions()
    of_identity.subscribe(subscriptions, open_desk)
    of_programs.subscribe(subscriptions, open_desk)
    of_ledger.subscribe(subscriptions, open_desk)
    own_videos.subscribe(subscriptions, open_desk)
    resources: list[AbstractAsyncContextManager[Any]] = [storage, *media.resources]
    return Parts(
        routers=[
            apply.router,
            applications.router,
            documents.router,
            executive.router,
            disbursements.router,
            dashboard.router,
            *MEDIA_ROUTERS,
        ],
        problems=PROBLEMS,
        subscriptions=subscriptions,
        timers=[Timer("sweep_objects", SWEEP_SECONDS, sweep), *media_timers(foundation, media, storage, open_desk)],
        wiring=wiring,
        resources=resources,
    )


SERVICE = Service(
    context="applications",
    version="0.1.0",
    description="Applications, interviews, reviews, decisions, awards.",
    settings=ApplicationsSettings,
    metadata=metadata,
    build=build,
)
