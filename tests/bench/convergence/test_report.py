"""The tables: what is compared with what."""

from __future__ import annotations

import math

from distnn.bench.convergence.report import evaluations, ratios, seconds
from distnn.bench.convergence.trace import Point


def test_ratios() -> None:
    ten, five = Point(10, 1.0, 0.1), Point(5, 1.0, 0.1)
    pairs = [(ten, five), (None, five), (ten, None), (None, None)]
    assert ratios(pairs, lambda point: point.evaluations) == [2, math.inf, 0]


def test_how_many_seeds_came_there() -> None:
    one, two = Point(10, 1.0, 0.1), Point(20, 0.25, 0.1)
    assert evaluations([None, None]) == "none" and seconds([None, None]) == ""
    assert evaluations([one, one]) == "10" and seconds([one, one]) == "1"
    assert evaluations([one, two]) == "15 (10 to 20)"
    assert evaluations([one, two, None]) == "20 (10 to ∞), 2 of 3"
    assert seconds([one, two, None]) == "1 (0.25 to ∞)"
