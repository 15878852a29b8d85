"""Builds a service's FastAPI application: the same middleware, problems and health for all."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from chassis.api.callers import SigningKeyring
from chassis.api.health import Health, health_router
from chassis.api.middleware import AnswerFaults, AnswerHead, ObserveRequests, TolerateMissingSlash
from chassis.api.openapi import install_openapi
from chassis.api.problems import ProblemTable, install_problems
from chassis.database import Database
from chassis.settings import ServiceSettings
from chassis.tokens import TokenVerifier


def build_app(
    settings: ServiceSettings,
    database: Database,
    *,
    version: str,
    description: str,
    routers: Sequence[APIRouter],
    problems: ProblemTable,
    wiring: Any,
    health: Health,
) -> FastAPI:
    """The application. Routers find `database`, `keyring`, `wiring` and `settings` on `request.app.state`."""
    app = FastAPI(
        title=f"ImpactNet {settings.CONTEXT}",
        version=version,
        description=description,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        middleware=[
            Middleware(ObserveRequests, context=settings.CONTEXT),
            Middleware(TolerateMissingSlash),
            Middleware(AnswerHead),
            Middleware(AnswerFaults),
        ],
    )
    verifier = TokenVerifier(issuer=settings.token_issuer, audience=settings.token_audience)
    app.state.settings = settings
    app.state.database = database
    app.state.keyring = SigningKeyring(verifier, database, settings.jwks_url)
    app.state.wiring = wiring
    install_problems(app, problems)
    app.include_router(health_router(health))
    for router in routers:
        app.include_router(router)
    install_openapi(app, routers)
    return app
