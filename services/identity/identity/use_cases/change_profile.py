"""A person changes what is theirs: names, numbers, place, avatar, consents, NIN."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from chassis.refusals import IllegalStateError
from identity.domain.consents import CONSENT_VERSION, Consent, complete
from identity.domain.people import User
from identity.use_cases.ports import Directory


async def change_profile(
    directory: Directory, user_id: UUID, changes: Mapping[str, Any], check: Callable[[User], None]
) -> User:
    """Write the fields named in `changes` (full_name, phone, location, avatar); `check` sees the user as it was."""
    user = await directory.users.get_locked(user_id)
    check(user)
    if not changes:
        return user
    personal = {name: value for name, value in changes.items() if name != "avatar"}
    avatar = changes.get("avatar", user.avatar)
    return await directory.users.save(replace(user, personal=replace(user.personal, **personal), avatar=avatar))


async def record_consents(directory: Directory, user_id: UUID, wanted: Mapping[str, bool]) -> list[Consent]:
    """Record what changed, and only that; the public view follows with the commit. Returns all of them."""
    await directory.users.get_locked(user_id)
    recorded = await directory.consents.of(user_id)
    for code, given in wanted.items():
        known = recorded.get(code)
        if known is None and not given:
            continue
        if known is not None and known.given == given and known.version == CONSENT_VERSION:
            continue
        consent = Consent(code, CONSENT_VERSION, given=given, changed_at=directory.now)
        await directory.consents.record(user_id, consent)
        directory.announce.consent_changed(user_id, consent)
        recorded[code] = consent
    return complete(recorded)


async def submit_nin(directory: Directory, user_id: UUID, nin: str) -> None:
    """Keep a NIN for verification: sealed, and unique among all users.

    Raises:
        NinTakenError
        IllegalStateError: this user's is verified already.
    """
    user = await directory.users.get_locked(user_id)
    if user.nin_status == "verified":
        raise IllegalStateError("verified", "Your NIN has been verified already.")
    await directory.users.set_nin(user_id, nin)
