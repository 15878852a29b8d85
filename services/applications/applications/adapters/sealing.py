"""Sealing what is said about a person who may have been erased meanwhile."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.personal_data import SubjectErasedError, Vault


async def seal_or_forget(
    vault: Vault, connection: AsyncConnection, subject_id: UUID, plaintext: str | None, purpose: str
) -> bytes | None:
    """Seal, or None: work must go on when the person is gone, and what would say something about them is not kept."""
    if plaintext is None:
        return None
    try:
        return await vault.seal(connection, subject_id, plaintext, purpose)
    except SubjectErasedError:
        return None
