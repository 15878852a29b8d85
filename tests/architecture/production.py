"""What a system in production is held to: each service's settings, in an environment that has nothing else of ours."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from applications.settings import ApplicationsSettings
from chassis.settings import ServiceSettings
from feed.settings import FeedSettings
from gateway.settings import GatewaySettings
from identity.settings import IdentitySettings
from ledger.settings import LedgerSettings
from programs.settings import ProgramsSettings

ROOT = Path(__file__).parents[2]
ORIGIN = "api.impactnet.ng/ledger"
SETTINGS: dict[str, type[ServiceSettings]] = {
    "identity": IdentitySettings,
    "programs": ProgramsSettings,
    "applications": ApplicationsSettings,
    "ledger": LedgerSettings,
    "feed": FeedSettings,
    "gateway": GatewaySettings,
}
SIGNER = "ledger-signer"

Read = Callable[[str, Mapping[str, str]], ServiceSettings]


def reader_of_settings(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads the settings of a service in an environment that has nothing else of ours."""

    def settings_of(context: str, environment: Mapping[str, str]) -> ServiceSettings:
        for name in list(os.environ):
            if name.startswith("IMPACTNET_"):
                monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return SETTINGS[context]()

    return settings_of


def context_of(name: str) -> str:
    """The service that a container or a pod of this name belongs to."""
    return "identity" if name == "demo-users" else name.split("-", maxsplit=1)[0]
