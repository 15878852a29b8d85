"""What a socket's path asks for."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from gateway.routes import UUID_SEGMENT, canonical_path


class Kind(StrEnum):
    """The four sockets of the contract; the value is also the channel's name in metrics."""

    APPLICATION = "applications"
    INTERVIEW = "ai-interview"
    NOTIFICATIONS = "notifications"
    DASHBOARD = "executive/dashboard"


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind and, where it is about one application, which."""

    kind: Kind
    application_id: UUID | None = None


def subject_of(raw_path: str) -> Subject | None:
    """Read `/ws/…/`, with or without the last slash; None for what is no socket of ours."""
    path = canonical_path(raw_path)
    if path is None or not path.startswith("/ws/"):
        return None
    rest = path.removeprefix("/ws/").strip("/")
    for kind in (Kind.NOTIFICATIONS, Kind.DASHBOARD):
        if rest == kind:
            return Subject(kind)
    name, _, identifier = rest.partition("/")
    for kind in (Kind.APPLICATION, Kind.INTERVIEW):
        if name == kind and UUID_SEGMENT.fullmatch(identifier):
            return Subject(kind, UUID(identifier))
    return None
