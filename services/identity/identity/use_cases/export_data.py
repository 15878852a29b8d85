"""A person asks what identity knows about them."""

from typing import Any
from uuid import UUID

from chassis.clock import rfc3339
from chassis.refusals import NotFoundError
from identity.use_cases.ports import Directory


async def export_data(directory: Directory, user_id: UUID) -> dict[str, Any]:
    """All of it, the NIN in clear too: it is theirs.

    Raises:
        NotFoundError
    """
    user = await directory.users.find(user_id)
    if user is None:
        raise NotFoundError
    sessions = await directory.sessions.alive_of(user_id)
    consents = await directory.consents.history(user_id)
    return {
        "exported_at": rfc3339(directory.now),
        "user": {
            "id": str(user.user_id),
            "username": user.username,
            "email": user.personal.email,
            "full_name": user.personal.full_name,
            "phone": user.personal.phone,
            "location": user.personal.location,
            "avatar": user.avatar,
            "nin": await directory.users.find_nin(user_id),
            "role": user.role,
            "is_active": user.is_active,
            "is_verified": user.is_verified,
            "email_verified": user.email_verified,
            "applications_count": user.applications_count,
            "approved_applications": user.approved_applications,
            "created_at": rfc3339(user.created_at),
            "updated_at": rfc3339(user.updated_at),
        },
        "sessions": [
            {
                "id": str(session.session_id),
                "created_at": rfc3339(session.created_at),
                "last_used_at": rfc3339(session.last_used_at),
                "expires_at": rfc3339(session.expires_at),
            }
            for session in sessions
        ],
        "consents": [
            {
                "consent": consent.consent,
                "version": consent.version,
                "given": consent.given,
                "at": None if consent.changed_at is None else rfc3339(consent.changed_at),
            }
            for consent in consents
        ],
    }
