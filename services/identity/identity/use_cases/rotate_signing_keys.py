"""Signing keys come and go without anybody being logged out."""

from datetime import timedelta

from identity.domain.sessions import ACCESS_SECONDS, CLOCK_SKEW
from identity.use_cases.ports import Directory


async def keep_signing_keys(directory: Directory) -> None:
    """See that there is a key, drop those whose last token has expired, and publish what then stands."""
    await directory.keys.hold()
    if await directory.keys.newest_signs_from() is None:
        # The first key signs at once: nobody has one to verify with yet, so nobody can be surprised.
        await directory.keys.add(directory.now)
    await directory.keys.retire(directory.now - timedelta(seconds=ACCESS_SECONDS) - 2 * CLOCK_SKEW)
    await directory.keys.publish()


async def rotate_signing_keys(directory: Directory, *, lead: timedelta) -> str:
    """Make a new key that signs after `lead`: by then everybody who verifies has heard of it. Returns its id."""
    await directory.keys.hold()
    first = await directory.keys.newest_signs_from() is None
    kid = await directory.keys.add(directory.now if first else directory.now + lead)
    await directory.keys.publish()
    return kid
