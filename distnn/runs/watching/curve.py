"""Curves in the characters of a terminal: E_in as dots of braille, E_val as crosses, by t, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLANK = 0x2800  # the first character of braille; its dots are bits:
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
CROSS, EVERY = "×", 3  # every third column, so that the other curve is seen behind it
LABEL = 9  # characters of a number at the axis
Point = tuple[int, float, float]


def draw(points: Sequence[Point], width: int, height: int, braille: bool = True) -> list[str]:
    """Lines of text, so wide and high at most; none where nothing is to be drawn. points: (t, E_in, E_val)."""
    columns, rows = width - LABEL - 2, height - 2
    values = [value for _, *both in points for value in both if math.isfinite(value)]
    if columns < 8 or rows < 2 or not values:
        return []
    logarithmic = min(values) > 0
    scale = math.log10 if logarithmic else float
    low, high = scale(min(values)), scale(max(values))
    if high - low < 1e-9 * max(1, abs(high)):
        low, high = low - 0.5, high + 0.5
    first, last = points[0][0], max(points[-1][0], points[0][0] + 1)

    def place(value: float, count: int) -> int:
        """The row of a value among so many, from above."""
        return round((high - scale(value)) / (high - low) * (count - 1))

    cells = _line(_by_column(points, 1, 2 * columns, first, last), columns, rows, place, braille)
    for x, value in _by_column(points, 2, columns, first, last).items():
        if x % EVERY == 1:
            cells[place(value, rows)][x] = CROSS if braille else "x"
    labels = {0: high, rows - 1: low} | (
        {rows // 2: high - (high - low) * (rows // 2) / (rows - 1)} if rows > 6 else {}
    )
    shown = {row: f"{10**value if logarithmic else value:.3g}" for row, value in labels.items()}
    lines = [f"{shown.get(row, ''):>{LABEL}} {'┤' if braille else '|'}{''.join(cells[row])}" for row in range(rows)]
    lines.append(" " * (LABEL + 1) + ("└" + "─" * columns if braille else "+" + "-" * columns))
    right = f"t {points[-1][0]:,}"
    lines.append(f"{'':{LABEL + 1}} {f'{first:,}':<{max(0, columns - len(right))}}{right}"[:width])
    return [line.rstrip() for line in lines]


def _by_column(points: Sequence[Point], of: int, columns: int, first: int, last: int) -> dict[int, float]:
    """The newest value that falls into each column."""
    found = {}
    for point in points:
        if math.isfinite(point[of]):
            found[round((point[0] - first) / (last - first) * (columns - 1))] = point[of]
    return found


def _line(values: dict[int, float], columns: int, rows: int, place, braille: bool) -> list[list[str]]:  # type: ignore[no-untyped-def]
    """The cells of a curve through these values, by its columns of dots, two to a cell."""
    dots = [[0] * columns for _ in range(rows)]
    before: tuple[int, int] | None = None
    for x, value in sorted(values.items()):
        y = place(value, 4 * rows)
        for across, down in _between(before or (x, y), (x, y)):
            dots[down // 4][across // 2] |= DOTS[down % 4][across % 2]
        before = x, y
    drawn = (lambda bits: chr(BLANK + bits)) if braille else (lambda bits: "*")
    return [[drawn(bits) if bits else " " for bits in row] for row in dots]


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """The dots of a straight line."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (round(start[0] + (end[0] - start[0]) * step / steps), round(start[1] + (end[1] - start[1]) * step / steps))
        for step in range(steps + 1)
    ]
