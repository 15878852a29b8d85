"""Which broker can run here: Apache Kafka where Java and its jars are (or Maven, to fetch them), else Tansu."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Flavor = Literal["kafka", "tansu"]

PROJECT: Final = Path(__file__).parents[1] / "kafka"
"""Holds the pom that names Kafka's version, and its jars in `libs/`."""

_JAVA_MAJOR_MIN: Final = 17  # what Kafka 4 runs on
_JARS_SECONDS_MAX: Final = 900.0  # 54 MB over a slow line


class BrokerUnavailableError(RuntimeError):
    """The broker that was asked for cannot run here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class BrokerChoice:
    """Which broker runs, and why, in words for the person at the terminal."""

    flavor: Flavor
    reason: str


def choose_broker(wanted: str | None = None) -> BrokerChoice:
    """Decides by `wanted` or IMPACTNET_BROKER (auto | kafka | tansu; auto when neither says).

    Raises:
        BrokerUnavailableError: Kafka was asked for by name and Java or its jars are missing.
        ValueError: another word.
    """
    wanted = (wanted or os.environ.get("IMPACTNET_BROKER") or "auto").lower()
    if wanted not in {"auto", "kafka", "tansu"}:
        raise ValueError(f"IMPACTNET_BROKER is {wanted!r}; it can be auto, kafka or tansu")
    if wanted == "tansu":
        return BrokerChoice("tansu", "IMPACTNET_BROKER=tansu; it keeps everything in memory")
    missing = missing_for_kafka()
    if missing is None:
        return BrokerChoice("kafka", "asked for" if wanted == "kafka" else "Java 17 or newer is here")
    if wanted == "kafka":
        raise BrokerUnavailableError(f"IMPACTNET_BROKER=kafka, but {missing}")
    return BrokerChoice("tansu", f"{missing}; Tansu keeps everything in memory")


def ensure_jars(say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder of Kafka's jars, filled by Maven at the first call; blocks for as long as the download takes."""
    libs = PROJECT / "libs"
    if _jars_are_there(libs):
        return libs
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailableError("Kafka's jars are not here and Maven (mvn), which fetches them, is not installed")
    say("Fetching Apache Kafka's jars with Maven (54 MB, once)")
    fresh = PROJECT / f"libs.{os.getpid()}"
    command = [maven, "-q", "-B", "-f", str(PROJECT / "pom.xml"), "dependency:copy-dependencies", f"-Dlibs={fresh}"]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=_JARS_SECONDS_MAX
        )
        if result.returncode != 0:
            said = (result.stdout + result.stderr)[-2_000:]
            raise BrokerUnavailableError(f"Maven could not fetch Kafka's jars:\n{said}")
        shutil.rmtree(libs, ignore_errors=True)
        fresh.rename(libs)  # at once: whoever looks sees all jars or none
    except OSError:
        if not _jars_are_there(libs):  # otherwise somebody else was quicker
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return libs


def _jars_are_there(libs: Path) -> bool:
    version = re.search(r"<kafka\.version>(.+?)</kafka\.version>", (PROJECT / "pom.xml").read_text())
    return version is not None and (libs / f"kafka_2.13-{version[1]}.jar").exists()


def missing_for_kafka() -> str | None:
    """What keeps Kafka from running here, in words; None when nothing does."""
    java = shutil.which("java")
    if java is None:
        return "there is no Java"
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    version = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    if answer.returncode != 0 or version is None:
        return f"{java} does not run"
    if int(version[1]) < _JAVA_MAJOR_MIN:
        return f"Java is {version[1]}, and Kafka needs {_JAVA_MAJOR_MIN} or newer"
    if not _jars_are_there(PROJECT / "libs") and shutil.which("mvn") is None:
        return "Kafka's jars are not here and there is no Maven to fetch them"
    return None
