"""Objects that nothing refers to any more are deleted, after the commit that let go of them."""

from applications.domain.storage import ObjectStorage, StorageUnavailableError
from applications.use_cases.ports import Desk


async def sweep_objects(desk: Desk, storage: ObjectStorage) -> bool:
    """Deletes the next one that is due; True when there may be more. Storage that is away is tried again later."""
    key = await desk.abandoned_objects.lock_due()
    if key is None:
        return False
    try:
        if key.endswith("/"):
            await storage.delete_prefix(key)
        else:
            await storage.delete(key)
    except StorageUnavailableError:
        return False
    await desk.abandoned_objects.keep(key)
    return True
