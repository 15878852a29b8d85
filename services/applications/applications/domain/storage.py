"""Where documents, videos and thumbnails lie in object storage: the port is the chassis', the keys are ours."""

from uuid import UUID

from chassis.object_storage import (
    ObjectStorage,
    ObjectTooLargeError,
    SignedPart,
    SignedParts,
    StorageUnavailableError,
    StoredObject,
)

__all__ = [
    "ObjectStorage",
    "ObjectTooLargeError",
    "SignedPart",
    "SignedParts",
    "StorageUnavailableError",
    "StoredObject",
    "application_prefix",
    "person_prefix",
]


def person_prefix(user_id: UUID) -> str:
    """What the keys of everything a person stored here start with."""
    return f"people/{user_id}/"


def application_prefix(user_id: UUID, application_id: UUID) -> str:
    """What the keys of everything stored for one application start with."""
    return f"{person_prefix(user_id)}applications/{application_id}/"
