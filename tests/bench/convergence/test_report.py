"""The tables: what is compared with what."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from distnn.bench.convergence.report import SLOWER, YARDSTICK, comparisons, evaluations, ratios, seconds
from distnn.bench.convergence.trace import Point, Trace


def test_ratios() -> None:
    ten, five = Point(10, 1.0, 0.1), Point(5, 1.0, 0.1)
    pairs = [(ten, five), (None, five), (ten, None), (None, None)]
    assert ratios(pairs, lambda point: point.evaluations) == [2, math.inf, 0]


def test_a_goal_that_the_yardstick_never_reached_is_no_ratio_of_0() -> None:
    def trace(E: float) -> Trace:
        made = Trace(0, 1)
        made.points = [Point(10, 1.0, E)]
        return made

    problem: Any = SimpleNamespace(goals=(0.5, 0.1), to_the_end=False)
    lines = list(comparisons(problem, {SLOWER: [trace(0.1), trace(0.2)], YARDSTICK: [trace(0.4), trace(0.3)]}))
    assert lines[0] == f"To 0.5, {SLOWER} needed 1.00 times the evaluations, 1.00 times the time of {YARDSTICK}."
    assert lines[1] == f"To 0.1, {SLOWER} came from 1 of 2 seeds, {YARDSTICK} from none."


def test_how_many_seeds_came_there() -> None:
    one, two = Point(10, 1.0, 0.1), Point(20, 0.25, 0.1)
    assert evaluations([None, None]) == "none" and seconds([None, None]) == ""
    assert evaluations([one, one]) == "10" and seconds([one, one]) == "1"
    assert evaluations([one, two]) == "15 (10 to 20)"
    assert evaluations([one, two, None]) == "20 (10 to ∞), 2/3"
    assert seconds([one, two, None]) == "1 (0.25 to ∞)"
