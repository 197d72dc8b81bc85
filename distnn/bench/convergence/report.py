"""Tables of a race, in Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from distnn.bench.convergence.problems import Problem
from distnn.bench.convergence.trace import Point, Trace

YARDSTICK = "scikit-learn L-BFGS"
FASTER, SLOWER = "distnn levenberg-marquardt", "distnn lbfgs"

LOWEST = 1e-300  # an E_in of 0 is as good as this

Traces = dict[str, list[Trace]]  # of each contender, one for each seed


def table(problem: Problem, traces: Traces) -> Iterator[str]:
    """Lines: for each contender the median evaluations to each goal and E_in at the end, and below the seconds."""
    seeds = len(next(iter(traces.values())))
    d = "-".join(map(str, problem.d))
    yield f"### {problem.name}: {d}, {problem.weights:,} weights, {problem.rows:,} rows, {problem.error}, {seeds} seeds"
    yield ""
    yield f"Lowest possible E_in: {problem.answer}. CPU time for each: {problem.seconds:g} s."
    yield ""
    yield "|" + "".join(f" | to {goal:.9g}" for goal in problem.goals) + " | E_in at the end |"
    yield "| --- |" + " --- |" * (len(problem.goals) + 1)
    for name, of in traces.items():
        reached = [[trace.reached(goal) for trace in of] for goal in problem.goals]
        ends = [trace.points[-1].E for trace in of]
        ended = f"{median(ends):.1e} ({min(ends):.0e} to {max(ends):.0e})"
        yield f"| {name} | {' | '.join(evaluations(points) for points in reached)} | {ended} |"
        yield f"| … seconds | {' | '.join(seconds(points) for points in reached)} | |"
    yield ""
    yield from comparisons(problem, traces)


def evaluations(points: Sequence[Point | None]) -> str:
    """Median evaluations over seeds, with least and most; how many seeds came there, if not all."""
    there = sum(point is not None for point in points)
    if not there:
        return "none"
    shown = spread([point.evaluations if point else math.inf for point in points], "{:.0f}")
    return shown if there == len(points) else f"{shown}, {there}/{len(points)}"


def seconds(points: Sequence[Point | None]) -> str:
    """Median seconds over seeds, with least and most."""
    return spread([point.seconds if point else math.inf for point in points], "{:.2g}") if any(points) else ""


def spread(values: Sequence[float], form: str) -> str:
    """Median (least to most)."""
    low, middle, high = (
        form.format(value) if value < math.inf else "∞" for value in (min(values), median(values), max(values))
    )
    return f"{middle} ({low} to {high})" if low != high else middle


def comparisons(problem: Problem, traces: Traces) -> Iterator[str]:
    """Lines: distnn's L-BFGS in units of scikit-learn's; E_in after equal times."""
    if YARDSTICK in traces:
        for goal in problem.goals:
            pairs = [(o.reached(goal), t.reached(goal)) for o, t in zip(traces[SLOWER], traces[YARDSTICK], strict=True)]
            found = {
                "evaluations": ratios(pairs, lambda point: point.evaluations),
                "time": ratios(pairs, lambda point: point.seconds),
            }
            arrived = sum(ours is not None for ours, _ in pairs)
            if arrived and not any(theirs for _, theirs in pairs):
                yield f"To {goal:.9g}, {SLOWER} came from {arrived} of {len(pairs)} seeds, {YARDSTICK} from none."
            elif found["time"]:
                shown = ", ".join(f"{spread(values, '{:.2f}')} times the {what}" for what, values in found.items())
                yield f"To {goal:.9g}, {SLOWER} needed {shown} of {YARDSTICK}."
    if problem.to_the_end and FASTER in traces:
        factors = [falls(one, other) for one, other in zip(traces[SLOWER], traces[FASTER], strict=True)]
        yield f"After equal times E_in of {SLOWER} was {spread(factors, '{:.1e}')} times that of {FASTER}."
    yield ""


def ratios(pairs: Sequence[tuple[Point | None, Point | None]], of: Callable[[Point], float]) -> list[float]:
    """Ours divided by theirs for each seed, infinite where we, 0 where they did not come there; without: neither."""
    found = []
    for ours, theirs in pairs:
        if ours and theirs:
            found.append(of(ours) / of(theirs) if of(theirs) else math.inf)
        elif ours or theirs:
            found.append(0.0 if ours else math.inf)
    return found


def falls(one: Trace, other: Trace) -> float:
    """How many times lower the other's E_in is when the time is up; whoever ended early stays where it was."""
    return one.points[-1].E / max(other.points[-1].E, LOWEST)


def numbers(problem: Problem, traces: Traces) -> dict[str, Any]:
    """What the table is made of, for JSON. Points: (evaluations, seconds, E_in), None where a goal was not reached."""
    return {
        "weights": problem.weights,
        "rows": problem.rows,
        "goals": problem.goals,
        "seconds": problem.seconds,
        "contenders": {
            name: [
                {"first": t.first, "goals": [t.reached(goal) for goal in problem.goals], "end": t.points[-1]}
                for t in of
            ]
            for name, of in traces.items()
        },
    }
