"""Settings: the service's own name is stronger, secrets have no default in production, values are never shown."""

import base64
import os

import pytest
from pydantic import ValidationError

from chassis.settings import ServiceSettings, read_settings

KEY = base64.b64encode(os.urandom(32)).decode()
DATABASES = {
    "IMPACTNET_SAMPLE_DATABASE_URL": "postgresql+asyncpg://a",
    "IMPACTNET_SAMPLE_WORKER_DATABASE_URL": "postgresql+asyncpg://b",
    "IMPACTNET_SAMPLE_MIGRATOR_DATABASE_URL": "postgresql+asyncpg://c",
}


class SampleSettings(ServiceSettings):
    CONTEXT = "sample"
    COMMA_SEPARATED = frozenset({"origins"})
    origins: tuple[str, ...] = ()


@pytest.fixture
def environment(monkeypatch):
    def set_all(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_all


def test_a_services_own_name_is_stronger_than_the_shared_one(environment):
    environment(IMPACTNET_KAFKA_BOOTSTRAP="shared:1", IMPACTNET_SAMPLE_PORT="9001", IMPACTNET_PORT="9000")
    settings = SampleSettings()
    assert (settings.kafka_bootstrap, settings.port) == ("shared:1", 9001)


def test_a_secret_may_come_from_a_mounted_file(environment, tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    environment(IMPACTNET_SAMPLE_MASTER_KEY_FILE=str(path))
    assert SampleSettings().master_key.get_secret_value() == KEY


def test_lists_are_comma_separated(environment):
    environment(IMPACTNET_SAMPLE_ORIGINS="https://a.ng, https://b.ng")
    assert SampleSettings().origins == ("https://a.ng", "https://b.ng")


def test_production_starts_with_no_default_secret_and_names_what_is_missing(environment):
    environment(IMPACTNET_ENVIRONMENT="production")
    with pytest.raises(ValidationError) as refusal:
        SampleSettings()
    for name in (*DATABASES, "IMPACTNET_SAMPLE_MASTER_KEY"):
        assert name in str(refusal.value)


class SealingSettings(SampleSettings):
    SECRETS = frozenset({"master_key"})


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            {
                "IMPACTNET_ENVIRONMENT": "production",
                "IMPACTNET_PROCESS": "worker",
                "IMPACTNET_WORKER_DATABASE_URL": "x",
            },
            "production needs IMPACTNET_SAMPLE_MASTER_KEY: there is no default for a secret",
        ),
        (
            {"IMPACTNET_SAMPLE_PORT": "70000"},
            "IMPACTNET_SAMPLE_PORT: Input should be less than or equal to 65535",
        ),
    ],
)
def test_what_is_wrong_is_named_once_in_a_line_of_its_own(environment, capsys, told: dict[str, str], said: str):
    environment(**told)
    with pytest.raises(SystemExit) as refusal:
        read_settings(SealingSettings)
    assert refusal.value.code == 2
    assert capsys.readouterr().err == f"sample: {said}\n"


@pytest.mark.parametrize(
    ("content", "why"), [(None, ": No such file or directory"), (b"\xff\xfe", " is not UTF-8 text")]
)
def test_a_file_that_cannot_be_read_is_named_with_the_setting_that_names_it(
    environment, tmp_path, capsys, content: bytes | None, why: str
):
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    environment(IMPACTNET_SAMPLE_MASTER_KEY_FILE=str(path))
    with pytest.raises(SystemExit) as refusal:
        read_settings(SealingSettings)
    assert refusal.value.code == 2
    assert capsys.readouterr().err == f"sample: IMPACTNET_SAMPLE_MASTER_KEY_FILE: {path}{why}\n"


def test_production_starts_when_every_secret_is_set(environment):
    environment(IMPACTNET_ENVIRONMENT="production", IMPACTNET_SAMPLE_MASTER_KEY=KEY, **DATABASES)
    assert SampleSettings().environment == "production"


@pytest.mark.parametrize(
    ("process", "needed"),
    [
        ("api", {"IMPACTNET_SAMPLE_DATABASE_URL", "IMPACTNET_SAMPLE_MASTER_KEY"}),
        ("worker", {"IMPACTNET_SAMPLE_WORKER_DATABASE_URL", "IMPACTNET_SAMPLE_MASTER_KEY"}),
        ("migrate", {"IMPACTNET_SAMPLE_MIGRATOR_DATABASE_URL"}),
        ("command", set()),
    ],
)
def test_in_production_a_process_needs_its_own_secrets_and_nobody_elses(environment, process: str, needed: set[str]):
    secrets = {**DATABASES, "IMPACTNET_SAMPLE_MASTER_KEY": KEY}
    environment(
        IMPACTNET_ENVIRONMENT="production", IMPACTNET_PROCESS=process, **{name: secrets[name] for name in needed}
    )
    assert SampleSettings().process == process
    for name in needed:
        os.environ.pop(name)
        with pytest.raises(ValidationError, match=name):
            SampleSettings()
        os.environ[name] = secrets[name]


@pytest.mark.parametrize("key", ["short", "?" * 44, base64.b64encode(b"x" * 16).decode()])
def test_a_key_that_is_no_key_is_refused_without_being_shown(environment, key: str):
    environment(IMPACTNET_SAMPLE_MASTER_KEY=key)
    with pytest.raises(ValidationError) as refusal:
        SampleSettings()
    assert all("ctx" not in item or key not in str(item["ctx"]) for item in refusal.value.errors(include_input=False))
