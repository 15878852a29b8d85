"""`/.well-known/jwks.json`: what verifies our tokens (RFC 7517), for whoever has not heard it by event."""

from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response

from chassis.api.preconditions import conditional
from chassis.api.routing import UnitOfWorkRoute, Work
from chassis.standing import known_signing_keys

router = APIRouter(tags=["identity"], route_class=UnitOfWorkRoute)

# Shorter than the lead of a new key, so that no cache outlives it.
_CACHE: Final = "public, max-age=60"


@router.get("/.well-known/jwks.json", response_model=dict[str, Any])
async def read_jwks(request: Request, work: Work) -> Response:
    keys = await known_signing_keys(work.connection)
    body = orjson.dumps({"keys": sorted(keys, key=lambda jwk: str(jwk["kid"]))})
    return conditional(request, body, cache=_CACHE)
