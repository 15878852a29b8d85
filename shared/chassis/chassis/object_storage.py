"""The port to object storage: files by key, in a bucket that nobody reads unsigned."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chassis.refusals import RefusalError


class ObjectTooLargeError(RefusalError):
    """The file is larger than is allowed here."""

    CODE = "body_too_large"


class StorageUnavailableError(RefusalError):
    """The file storage cannot be reached right now; nothing was changed, try again in a moment."""

    CODE = "storage_unavailable"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What was written: its size and the SHA-256 (lower-case hex) of its bytes."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SignedPart:
    """An address to which one part of a large file may be PUT; `number` counts from 1."""

    number: int
    url: str


@dataclass(frozen=True, slots=True)
class SignedParts:
    """A large upload in parts; `storage_upload_id` is needed to put them together."""

    storage_upload_id: str
    parts: Sequence[SignedPart]


class ObjectStorage(Protocol):
    """Objects by key. Every method raises `StorageUnavailableError` when the storage cannot be reached."""

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], size_bytes_max: int, content_type: str
    ) -> StoredObject:
        """Write an object from a stream, never holding more than one part of it in memory.

        Raises:
            ObjectTooLargeError: more than `size_bytes_max` came; nothing is kept. Whatever the stream raises passes
                through, and nothing is kept then either.
        """
        ...

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write a small object in one request; it is there whole, or not at all."""
        ...

    async def get(self, key: str, size_bytes_max: int) -> bytes:
        """A small object's bytes; FileNotFoundError when there is none, ObjectTooLargeError when there are more."""
        ...

    def open_stream(self, key: str) -> AsyncIterator[bytes]:
        """The object's bytes in order, in chunks of up to 1 MiB; FileNotFoundError when there is none."""
        ...

    async def read_head(self, key: str, size_bytes: int) -> bytes:
        """The first bytes of an object; fewer when it is shorter. FileNotFoundError when there is none."""
        ...

    async def find_size(self, key: str) -> int | None:
        """The object's size in bytes, or None when there is none."""
        ...

    async def get_url(self, key: str, expires_seconds: int, content_type: str | None = None) -> str:
        """A signed address, on the public endpoint, from which anyone may GET the object until it expires."""
        ...

    async def get_upload_url(self, key: str, expires_seconds: int) -> str:
        """A signed address, on the public endpoint, to which anyone may PUT the object until it expires."""
        ...

    async def start_parts(self, key: str, count: int, expires_seconds: int, content_type: str) -> SignedParts:
        """Begin a large upload and sign `count` addresses for its parts."""
        ...

    async def join_parts(self, key: str, storage_upload_id: str, count: int) -> bool:
        """Make the object of its parts; False while one of the `count` parts is missing."""
        ...

    async def copy(self, source_key: str, key: str, content_type: str) -> None:
        """Copy an object inside the storage; FileNotFoundError when there is none."""
        ...

    async def delete(self, key: str) -> None:
        """Forget an object; one that is not there is no error."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Forget every object whose key starts so; returns how many there were. For erasing a person."""
        ...
