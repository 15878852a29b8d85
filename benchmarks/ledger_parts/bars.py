"""Plots as plain SVG: bars for rates, lines for growth."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH = 720
ROW = 28
LABEL = 280
COLORS = ("#1b6ca8", "#c8553d", "#3a7d44", "#7b4b94", "#b8860b", "#2f4858", "#d1495b", "#00798c", "#66a182")
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" font-family="sans-serif" font-size="13">'


def draw_bars(path: Path, title: str, values: Mapping[str, float]) -> None:
    """One bar per name, as long as its value."""
    height = ROW * (len(values) + 2)
    most = max(values.values())
    parts = [HEAD.format(w=WIDTH, h=height), f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>']
    for number, (name, value) in enumerate(values.items()):
        y = ROW * (number + 1) + 10
        width = (WIDTH - LABEL - 90) * value / most
        color = COLORS[0] if name.startswith("ImpactNet") else COLORS[1]
        parts.append(f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="18" fill="{color}"/>')
        parts.append(f'<text x="{LABEL + width + 6:.1f}" y="{y + 14}">{value:,.0f}</text>')
    _write(path, parts)


def draw_lines(path: Path, title: str, xs: Sequence[float], lines: Mapping[str, Sequence[float]]) -> None:
    """One line per name over a logarithmic x; flat is what one hopes to see."""
    height, left, bottom = 420, 60, 40
    most = max(max(values) for values in lines.values()) * 1.1
    low, high = math.log10(xs[0]), math.log10(xs[-1])

    def point(x: float, y: float) -> str:
        across = left + (WIDTH - left - 190) * (math.log10(x) - low) / ((high - low) or 1)
        return f"{across:.1f},{height - bottom - (height - bottom - 40) * y / most:.1f}"

    parts = [HEAD.format(w=WIDTH, h=height), f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>']
    for x in xs:
        at = point(x, 0).split(",")
        parts.append(f'<text x="{at[0]}" y="{height - 14}" text-anchor="middle">{x:,}</text>')
    for part in range(5):
        y = most * part / 4
        at = point(xs[0], y).split(",")
        parts.append(f'<text x="{left - 8}" y="{at[1]}" text-anchor="end">{y:.1f}</text>')
    for number, (name, values) in enumerate(lines.items()):
        color = COLORS[number % len(COLORS)]
        points = " ".join(point(x, y) for x, y in zip(xs, values, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDTH - 170}" y="{60 + 20 * number}" fill="{color}">{escape(name)}</text>')
    _write(path, parts)


def _write(path: Path, parts: list[str]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")
