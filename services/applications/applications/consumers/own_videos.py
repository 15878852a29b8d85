"""What this service says to its own worker: a video has come, look at it."""

from collections.abc import Callable

from applications.use_cases.ports import Desk
from chassis.database import UnitOfWork
from chassis.subscriptions import Delivery, Subscriptions
from contracts.applications import VideoUploaded


def subscribe(subscriptions: Subscriptions, open_desk: Callable[[UnitOfWork], Desk]) -> None:
    """The event only wakes the examiner: looking takes minutes, and a transaction must not last as long."""

    async def on_uploaded(fact: VideoUploaded, delivery: Delivery) -> None:
        await open_desk(delivery.work).videos.wake(fact.video_id)

    subscriptions.on(VideoUploaded, on_uploaded)
