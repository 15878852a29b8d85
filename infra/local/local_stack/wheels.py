"""Programs that come inside Python packages, found without importing those packages."""

import importlib.util
import sysconfig
from pathlib import Path


def packaged_program(package: str, distribution: str, relative: str) -> Path:
    """The program at `relative` in an installed package. Importing these packages would make folders and take locks.

    Raises:
        FileNotFoundError: the package is not installed, or has no such program for this machine.
    """
    specification = importlib.util.find_spec(package)
    if specification is None or specification.origin is None:
        raise FileNotFoundError(f"the package {distribution} is not installed; `make setup` installs it")
    return _executable(Path(specification.origin).parent / relative, distribution)


def script(name: str, distribution: str) -> Path:
    """A program that a package put beside this environment's Python.

    Raises:
        FileNotFoundError: it is not there.
    """
    return _executable(Path(sysconfig.get_path("scripts")) / name, distribution)


def _executable(program: Path, distribution: str) -> Path:
    if not program.exists():
        raise FileNotFoundError(f"{distribution} brings no {program.name} for this machine (looked at {program})")
    mode = program.stat().st_mode
    if not mode & 0o111:  # some installers drop the bit
        program.chmod(mode | 0o755)
    return program
