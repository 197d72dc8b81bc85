"""Curves in characters: where they begin and end, and that nothing makes them fail."""

from __future__ import annotations

import math

import pytest

from distnn.runs.watching.curve import draw

NAN = math.nan


def test_a_curve_falls_from_the_left_above_to_the_right_below() -> None:
    *rows, axis, below = draw([(t, 10.0**-t, NAN) for t in range(9)], 40, 12)
    labels = [row.split("┤")[0].strip() for row in rows]
    assert (labels[0], labels[-1], len([label for label in labels if label])) == ("1", "1e-08", 3)
    columns = [min(place for place, cell in enumerate(row.split("┤")[1]) if cell != " ") for row in rows]
    assert columns == sorted(columns), "straight on a logarithmic scale"
    assert (columns[0], len(rows[-1])) == (0, 40)
    assert axis.endswith("─")
    assert below.split() == ["0", "t", "8"]


def test_the_lines_fit_whatever_the_size() -> None:
    points = [(t, 1 / (t + 1), 2 / (t + 1)) for t in range(50)]
    for width in range(5, 90, 7):
        for height in range(0, 30, 3):
            lines = draw(points, width, height)
            assert len(lines) <= height
            assert all(len(line) <= width for line in lines)


def test_crosses_are_of_the_other_curve() -> None:
    lines = draw([(t, 1.0, 100.0) for t in range(30)], 40, 10)
    assert "×" in lines[0]
    assert "×" not in "".join(lines[1:])
    assert set(lines[-3].split("┤")[1]) <= {chr(0x2800 + bits) for bits in range(256)}
    assert all(ord(cell) < 128 for line in draw([(0, 1.0, 2.0), (3, 2.0, 1.0)], 40, 10, braille=False) for cell in line)


@pytest.mark.parametrize(
    "points",
    [
        [(0, 1.0, NAN)],
        [(0, 0.0, 0.0), (1, 0.0, 0.0)],
        [(0, -3.0, NAN), (5, 2.0, NAN)],
        [(0, 1e-300, 1e300), (10**12, 5e-324, 1.7e308)],
        [(5, math.inf, NAN), (6, 1.0, NAN)],
        [(7, 1.0, NAN), (8, NAN, NAN), (9, 1.0 + 1e-15, NAN)],
    ],
)
def test_odd_numbers(points: list[tuple[int, float, float]]) -> None:
    assert draw(points, 60, 12)


def test_nothing_to_draw() -> None:
    assert draw([], 60, 12) == draw([(0, NAN, math.inf)], 60, 12) == []
