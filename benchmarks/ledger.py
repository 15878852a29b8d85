"""The ledger against its rivals, and how it grows. `make bench-ledger`; writes benchmarks/plots and prints tables.

Everything runs on this machine, on servers made for it: the same durable PostgreSQL for all sides. pgledger is
measured where PGLEDGER_SQL names its SQL file. BENCH_SCALE=0.1 makes a short trial of it.
"""

import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from benchmarks.ledger_parts.appending import from_kafka, middle, one_by_one, rivals
from benchmarks.ledger_parts.bars import draw_bars, draw_lines
from benchmarks.ledger_parts.reading import growth
from benchmarks.ledger_parts.world import commitment, decision, mixed

PLOTS = Path(__file__).parent / "plots"
SCALE = float(os.environ.get("BENCH_SCALE", "1"))
RUNS = 3


async def appending() -> dict[str, float]:
    rates: dict[str, list[float]] = {}

    def note(name: str, rate: float) -> None:
        rates.setdefault(name, []).append(rate)
        print(f"{name}: {rate:,.0f}/s", flush=True)

    # The longest round of each lasts about a minute.
    kinds = {"mixed": (mixed(), 300_000), "decisions": (decision, 420_000), "commitments": (commitment, 120_000)}
    for run in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            for name, rate in (await rivals(Path(folder))).items():
                note(name, rate)
        for name, (make, count) in kinds.items():
            # The first run is the long one; the others say how far it can be trusted.
            events = int((count if run == 0 else count / 8) * SCALE)
            with tempfile.TemporaryDirectory() as folder:
                rate, seconds = await from_kafka(Path(folder), make, max(events, 5_000))
            note(f"ImpactNet, {name} from Kafka", rate)
            print(f"  sustained for {seconds:.0f} s of {seconds * rate:,.0f} blocks", flush=True)
            if name == "mixed":
                continue
            with tempfile.TemporaryDirectory() as folder:
                note(f"ImpactNet, {name} one by one", await one_by_one(Path(folder), make))
    return {name: middle(values) for name, values in rates.items()}


async def main() -> None:
    print(
        f"{datetime.now(UTC).date()}, {os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}"
    )
    rates = await appending()
    draw_bars(PLOTS / "ledger-appending.svg", "Blocks (or transfers) a second, median of three runs", rates)
    heights = [int(height * SCALE) for height in (10_000, 100_000, 1_000_000)]
    with tempfile.TemporaryDirectory() as folder:
        grown = await growth(Path(folder), heights)
    names = list(grown[heights[0]]["reads"])
    lines = {name: [grown[height]["reads"][name][0] for height in heights] for name in names}
    draw_lines(PLOTS / "ledger-growth.svg", "Median milliseconds of public reads by height", heights, lines)
    print("\n| | median |\n|---|---:|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:,.0f}/s |")
    print("\n| read, median (p99) ms | " + " | ".join(f"{height:,}" for height in heights) + " |")
    print("|---|" + "---:|" * len(heights))
    for name in names:
        cells = [f"{grown[height]['reads'][name][0]:.1f} ({grown[height]['reads'][name][1]:.1f})" for height in heights]
        print(f"| {name} | " + " | ".join(cells) + " |")
    cells = [f"{grown[height]['proof'][0]:.2f} ({grown[height]['proof'][1]:.2f})" for height in heights]
    print("| nodes of an inclusion proof, from the database | " + " | ".join(cells) + " |")
    cells = [f"{grown[height]['verify'][0]:,.0f}/s, {grown[height]['verify'][2]:.0f} MiB" for height in heights]
    print("| full verification | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    uvloop.run(main())
