"""A person was erased: their key is gone already; their undecided applications end, their files are deleted."""

from uuid import UUID

from applications.domain.storage import person_prefix
from applications.use_cases.ports import Desk
from applications.use_cases.withdraw import withdraw


async def forget_person(desk: Desk, user_id: UUID) -> None:
    """What was decided and paid stays, under an opaque id."""
    # Whoever is about to say something of theirs has said it before us, or sees that they are gone.
    await desk.applications.lock_all_of(user_id)
    for application_id in await desk.applications.live_of(user_id):
        await withdraw(desk, await desk.applications.get_locked(application_id), None)
    await desk.awards.forget_words(user_id)
    await desk.abandoned_objects.add(person_prefix(user_id))
