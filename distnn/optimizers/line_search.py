"""A line search for the strong Wolfe conditions, with φ(a) = E(w + a p) and φ'(a) = G(w + a p)ᵀ p:

    φ(a) ≤ φ(0) + c1 a φ'(0)     the error falls enough,
    |φ'(a)| ≤ c2 |φ'(0)|         and the slope has flattened enough.

A trial beyond the minimum brackets a step that satisfies both; cubic interpolation then narrows the bracket.
Nocedal & Wright, "Numerical Optimization", 2nd ed., section 3.5; choice of trials after Moré & Thuente, "Line search
algorithms with guaranteed sufficient decrease", ACM TOMS 20 (1994).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from distnn.kernels.algebra import dot, moved

NOISE = 1e-15  # relative error of E: a rise no larger than this is none
TRIALS = 20
GROW_LEAST, GROW_MOST = (
    1.1,
    4.0,
)  # how far beyond a trial that was too short the next lies, in units of the last interval
EDGE = 0.1  # a trial keeps this share of the bracket away from its ends
SHRINK = 0.1  # a trial that is not finite is shortened to this share


@dataclass(frozen=True)
class Trial:
    """A step of length a (in units of p) from w: φ(a), φ'(a), and the weights and gradient there. Replicated."""

    a: float
    E: float
    slope: float
    w: np.ndarray
    G: np.ndarray

    @property
    def finite(self) -> bool:
        return math.isfinite(self.E) and math.isfinite(self.slope)


def along(
    function: Callable[[np.ndarray], tuple[float, np.ndarray]], w: np.ndarray, p: np.ndarray
) -> Callable[[float], Trial]:
    """The function a → Trial along the line w + a p; collective where `function` is."""

    @np.errstate(all="ignore")
    def trial(a: float) -> Trial:
        there = moved(w, a, p)
        E, G = function(there)
        return Trial(a, E, dot(G, p), there, G)

    return trial


def strong_wolfe(phi: Callable[[float], Trial], start: Trial, a: float, c1: float, c2: float) -> Trial | None:
    """A step with the strong Wolfe conditions; if TRIALS do not find one, the lowest that falls enough, or else None.

    start: the trial at 0, with φ'(0) < 0. a: the first trial, > 0. 0 < c1 < c2 < 1. A trial that is not finite is
    answered by a shorter one. Collective where phi is; replicated.
    """
    noise = NOISE * abs(start.E)
    low, high = start, None  # the lowest trial that fell enough, and the bracket's other end, to which low slopes down
    ceiling = widest = math.inf  # the shortest trial that was not finite; the bracket's width two trials ago
    width = math.inf
    for _ in range(TRIALS):
        if a == low.a:  # no number lies between it and a trial that was not finite
            break
        trial = phi(a)
        if not trial.finite:
            ceiling, high = a, None
            a = low.a + SHRINK * (a - low.a)
            continue
        before = low
        if start.E + c1 * a * start.slope + noise < trial.E or low.E + noise < trial.E:
            high = trial
        elif abs(trial.slope) <= c2 * -start.slope:
            return trial
        else:
            if trial.slope * (1 if high is None else high.a - low.a) >= 0:
                high = low
            low = trial
        if high is None:
            a = min(_extrapolate(before, trial), (trial.a + ceiling) / 2)
            continue
        if abs(high.a - low.a) <= 1e-12 * max(high.a, low.a):
            break
        a = _interpolate(low, high)
        if abs(high.a - low.a) > 0.66 * widest:
            a = (low.a + high.a) / 2
        widest, width = width, abs(high.a - low.a)
    return None if low is start else low


def _interpolate(low: Trial, high: Trial) -> float:
    """Where the cubic through both trials, values and slopes, is lowest; well inside the bracket.

    Where φ rises much, a cubic is a poor model: then half-way to the parabola's minimum if that lies nearer to low.
    """
    span = high.a - low.a
    step = _cubic(low, high)
    if high.E > low.E:
        parabola = -0.5 * low.slope * span * span / (high.E - low.E - low.slope * span)
        if abs(step) >= abs(parabola):
            step += 0.5 * (parabola - step)
    least, most = sorted((EDGE * span, (1 - EDGE) * span))
    return low.a + min(max(step, least), most) if math.isfinite(step) else low.a + span / 2


def _extrapolate(low: Trial, trial: Trial) -> float:
    """A longer step than `trial`, which still slopes down: to the minimum of the cubic, within limits."""
    span = trial.a - low.a
    step = _cubic(low, trial) - span
    if not (math.isfinite(step) and step > 0):
        step = math.inf
    return trial.a + span * min(max(step / span, GROW_LEAST), GROW_MOST)


def _cubic(one: Trial, two: Trial) -> float:
    """Where the cubic with the values and slopes of both trials is lowest, as a distance from `one`; NaN if nowhere."""
    span = two.a - one.a
    theta = one.slope + two.slope - 3 * (two.E - one.E) / span
    scale = max(abs(theta), abs(one.slope), abs(two.slope))
    if not 0 < scale < math.inf:
        return math.nan
    square = (theta / scale) * (theta / scale) - (one.slope / scale) * (two.slope / scale)
    if square < 0:
        return math.nan
    gamma = math.copysign(scale * math.sqrt(square), span)
    below = two.slope - one.slope + 2 * gamma
    return span * (gamma - one.slope + theta) / below if below else math.nan
