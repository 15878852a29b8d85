"""`python -m benchmarks [name …]`: runs the measurements of this folder, one after the other; all without a name."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(names: list[str]) -> int:
    found = {path.stem: path for path in sorted(FOLDER.glob("*.py")) if not path.stem.startswith("_")}
    unknown = [name for name in names if name not in found]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are: {', '.join(found)}", file=sys.stderr)
        return 2
    failed = 0
    for name in names or found:
        print(f"== {name}", flush=True)
        # As a module: run as a file, its folder would come first on the path, and `ledger` would be this measurement.
        command = [sys.executable, "-m", f"{FOLDER.name}.{found[name].stem}"]
        failed += subprocess.run(command, cwd=FOLDER.parent, check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
