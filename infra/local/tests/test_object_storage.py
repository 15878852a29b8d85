"""Object storage: who gets in, and that files stay."""

from pathlib import Path

import aioboto3
import httpx
import pytest
from botocore.config import Config

from local_stack.object_storage import BUCKET, REGION, ObjectStorage


async def test_objects_need_a_signature_and_survive_a_restart(tmp_path: Path) -> None:
    async with ObjectStorage(tmp_path / "objects", "an-access-key", "a-secret-key") as storage:
        client = aioboto3.Session().client(
            "s3",
            endpoint_url=storage.endpoint,
            aws_access_key_id="an-access-key",
            aws_secret_access_key="a-secret-key",
            region_name=REGION,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )
        async with client as s3, httpx.AsyncClient() as anybody:
            signed = await s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "videos/one"})
            assert (await anybody.put(signed, content=b"moving pictures")).status_code == 200
            assert (await anybody.get(f"{storage.endpoint}/{BUCKET}/videos/one")).status_code >= 400

            await storage.stop()
            await storage.start()
            answer = await s3.get_object(Bucket=BUCKET, Key="videos/one")
            assert await answer["Body"].read() == b"moving pictures"
    assert (tmp_path / "objects" / "buckets" / BUCKET / "videos" / "one").read_bytes() == b"moving pictures"


def test_keys_that_the_server_would_never_accept_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 characters or more"):
        ObjectStorage(tmp_path, "ab", "secret")
    with pytest.raises(ValueError, match="no key has a comma"):
        ObjectStorage(tmp_path, "abc", "sec,ret")
