"""The tables: what is compared with what."""

from __future__ import annotations

import math

from distnn.bench.convergence.report import ratios
from distnn.bench.convergence.trace import Point


def test_ratios() -> None:
    ten, five = Point(10, 1.0, 0.1), Point(5, 1.0, 0.1)
    pairs = [(ten, five), (None, five), (ten, None), (None, None)]
    assert ratios(pairs, lambda point: point.evaluations) == [2, math.inf, 0]
