"""Object storage over S3: streams in parts of 8 MiB, signed addresses on the public endpoint."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import cache
from types import TracebackType
from typing import Any, Final, Self

import aioboto3
import aiohttp
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chassis.object_storage import (
    ObjectTooLargeError,
    SignedPart,
    SignedParts,
    StorageUnavailableError,
    StoredObject,
)
from chassis.s3_settings import S3Settings

log = structlog.get_logger(__name__)

# S3 allows 10,000 parts of at least 5 MiB: with 8 MiB that is 78 GiB, and one part is all an upload holds in memory.
PART_BYTES: Final = 8 * 1024 * 1024
READ_BYTES: Final = 1024 * 1024
# A storage that does not answer the connection in this time is away: clients hear 503 within 5 s.
CONNECT_TIMEOUT_SECONDS: Final = 4
# The library's own retries of what is safe to repeat: one, since our callers can wait and try again.
ATTEMPTS_MAX: Final = 2
# S3 deletes and lists at most this many keys at a time.
KEYS_PER_CALL_MAX: Final = 1000
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})
_SERVER_ERRORS: Final = range(500, 600)
_FORBIDDEN: Final = 403


@contextmanager
def _translating(key: str) -> Iterator[None]:
    """The library's errors in our words; the answer's text stays out, for it may quote signatures."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _MISSING:
            raise FileNotFoundError(key) from error
        if status == _FORBIDDEN:
            # Keys that are wrong or may too little: for those who wait it is away, for us it is an error to mend.
            log.error("storage_refuses_us", code=code)
            raise StorageUnavailableError from error
        if status in _SERVER_ERRORS or code in ("SlowDown", "RequestTimeout", "NoSuchBucket"):
            raise StorageUnavailableError from error
        raise
    # The last one is of a connection that ends in the middle of an answer: nobody there translates it.
    except (BotoCoreError, HTTPClientError, OSError, aiohttp.ClientError) as error:
        raise StorageUnavailableError from error


@cache
def _session() -> aioboto3.Session:
    """One for the process, without credentials: it keeps S3's description, which takes a fifth of a second to read."""
    return aioboto3.Session()


class S3Storage:
    """`ObjectStorage` on any S3. Open it (`async with`) before use; opening does not connect."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._bucket = settings.bucket
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._signer: Any = None

    async def __aenter__(self) -> Self:
        settings = self._settings
        config = Config(
            # Presigned parts are refused by some servers under the older signature.
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=settings.read_timeout_seconds,
            retries={"total_max_attempts": ATTEMPTS_MAX, "mode": "standard"},
            # We hash what we store ourselves; and a server that answers a range with the whole object's checksum
            # (rclone does) would be disbelieved.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        self._client = await self._open(settings.endpoint, config)
        same = settings.public_endpoint == settings.endpoint
        self._signer = self._client if same else await self._open(settings.public_endpoint, config)
        return self

    async def _open(self, endpoint: str, config: Config) -> Any:
        settings = self._settings
        opening = _session().client(
            "s3",
            endpoint_url=endpoint,
            config=config,
            aws_access_key_id=settings.access_key.get_secret_value(),
            aws_secret_access_key=settings.secret_key.get_secret_value(),
            region_name=settings.region,
        )
        return await self._stack.enter_async_context(opening)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], size_bytes_max: int, content_type: str
    ) -> StoredObject:
        upload = _Upload(self._client, self._bucket, key, content_type)
        digest, size, pending = hashlib.sha256(), 0, bytearray()
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > size_bytes_max:
                    raise ObjectTooLargeError(f"The file is larger than {size_bytes_max} bytes.")
                digest.update(chunk)
                pending += chunk
                while len(pending) >= PART_BYTES:
                    await upload.add(bytes(pending[:PART_BYTES]))
                    del pending[:PART_BYTES]
            await upload.finish(bytes(pending))
        except BaseException:
            await upload.abandon()
            raise
        return StoredObject(size, digest.hexdigest())

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        with _translating(key):
            await self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)

    async def get(self, key: str, size_bytes_max: int) -> bytes:
        with _translating(key):
            answer = await self._client.get_object(Bucket=self._bucket, Key=key)
            body = answer["Body"]
            async with body:
                content = bytearray()
                while chunk := await body.read(READ_BYTES):
                    content += chunk
                    if len(content) > size_bytes_max:
                        raise ObjectTooLargeError(f"The file is larger than {size_bytes_max} bytes.")
        return bytes(content)

    async def open_stream(self, key: str) -> AsyncIterator[bytes]:
        with _translating(key):
            answer = await self._client.get_object(Bucket=self._bucket, Key=key)
            body = answer["Body"]
            async with body:
                while chunk := await body.read(READ_BYTES):
                    yield chunk

    async def read_head(self, key: str, size_bytes: int) -> bytes:
        if await self.find_size(key) == 0:
            return b""  # of nothing, no range can be had
        with _translating(key):
            answer = await self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes=0-{size_bytes - 1}")
            body = answer["Body"]
            async with body:
                # Cut here too: a server that ignores ranges sends the whole object.
                return bytes(await body.read(size_bytes))

    async def find_size(self, key: str) -> int | None:
        try:
            with _translating(key):
                answer = await self._client.head_object(Bucket=self._bucket, Key=key)
        except FileNotFoundError:
            return None
        return int(answer["ContentLength"])

    async def get_url(self, key: str, expires_seconds: int, content_type: str | None = None) -> str:
        parameters = {"Bucket": self._bucket, "Key": key}
        if content_type is not None:
            # The type is signed into the address: not every server remembers what an object is.
            parameters["ResponseContentType"] = content_type
        return await self._sign("get_object", parameters, expires_seconds)

    async def get_upload_url(self, key: str, expires_seconds: int) -> str:
        return await self._sign("put_object", {"Bucket": self._bucket, "Key": key}, expires_seconds)

    async def start_parts(self, key: str, count: int, expires_seconds: int, content_type: str) -> SignedParts:
        with _translating(key):
            begun = await self._client.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=content_type)
        upload_id = str(begun["UploadId"])
        parts = []
        for number in range(1, count + 1):
            parameters = {"Bucket": self._bucket, "Key": key, "UploadId": upload_id, "PartNumber": number}
            parts.append(SignedPart(number, await self._sign("upload_part", parameters, expires_seconds)))
        return SignedParts(upload_id, parts)

    async def join_parts(self, key: str, storage_upload_id: str, count: int) -> bool:
        upload = {"Bucket": self._bucket, "Key": key, "UploadId": storage_upload_id}
        try:
            with _translating(key):
                listed = await self._client.list_parts(**upload)
                parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in listed.get("Parts", ())]
                if {part["PartNumber"] for part in parts} != set(range(1, count + 1)):
                    return False
                await self._client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        except FileNotFoundError:
            # Joined before: an earlier call was cut off between the storage's answer and ours.
            return await self.find_size(key) is not None
        return True

    async def copy(self, source_key: str, key: str, content_type: str) -> None:
        with _translating(source_key):
            await self._client.copy_object(
                Bucket=self._bucket,
                Key=key,
                CopySource={"Bucket": self._bucket, "Key": source_key},
                ContentType=content_type,
                MetadataDirective="REPLACE",
            )

    async def delete(self, key: str) -> None:
        try:
            with _translating(key):
                await self._client.delete_object(Bucket=self._bucket, Key=key)
        except FileNotFoundError:
            return

    async def delete_prefix(self, prefix: str) -> int:
        deleted = 0
        while True:
            with _translating(prefix):
                listed = await self._client.list_objects_v2(
                    Bucket=self._bucket, Prefix=prefix, MaxKeys=KEYS_PER_CALL_MAX
                )
                keys = [{"Key": item["Key"]} for item in listed.get("Contents", ())]
                if not keys:
                    return deleted
                await self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
            deleted += len(keys)

    async def _sign(self, operation: str, parameters: dict[str, Any], expires_seconds: int) -> str:
        return str(await self._signer.generate_presigned_url(operation, Params=parameters, ExpiresIn=expires_seconds))


class _Upload:
    """One object being written: in one request when it is small, else in parts."""

    def __init__(self, client: Any, bucket: str, key: str, content_type: str) -> None:
        self._client = client
        self._target = {"Bucket": bucket, "Key": key}
        self._key = key
        self._content_type = content_type
        self._upload_id: str | None = None
        self._parts: list[dict[str, Any]] = []

    async def add(self, part: bytes) -> None:
        with _translating(self._key):
            if self._upload_id is None:
                begun = await self._client.create_multipart_upload(**self._target, ContentType=self._content_type)
                self._upload_id = str(begun["UploadId"])
            number = len(self._parts) + 1
            answer = await self._client.upload_part(
                **self._target, UploadId=self._upload_id, PartNumber=number, Body=part
            )
            self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})

    async def finish(self, rest: bytes) -> None:
        if self._upload_id is None:
            with _translating(self._key):
                await self._client.put_object(**self._target, Body=rest, ContentType=self._content_type)
            return
        if rest:
            await self.add(rest)
        with _translating(self._key):
            await self._client.complete_multipart_upload(
                **self._target, UploadId=self._upload_id, MultipartUpload={"Parts": self._parts}
            )
        self._upload_id = None

    async def abandon(self) -> None:
        """Leave nothing behind, as far as the storage can be reached; its own expiry of parts does the rest."""
        if self._upload_id is None:
            return
        upload_id, self._upload_id = self._upload_id, None
        try:
            with _translating(self._key):
                await self._client.abort_multipart_upload(**self._target, UploadId=upload_id)
        except (StorageUnavailableError, FileNotFoundError):
            return
