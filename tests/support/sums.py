"""Sums over ranks, and what they should be, in rational numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, settings

from distnn.parallel.layout import Part
from distnn.parallel.ranks import OneRank
from distnn.parallel.reduction import ExactSum, Sum

quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

# From subnormal numbers to nearly the largest, zeros of both signs, and what lies just beside a power of two.
magnitudes = st.one_of(
    st.floats(-1e305, 1e305),
    st.floats(-10, 10),
    st.floats(-1e-300, 1e-300),
    st.builds(
        lambda e, away: float(np.nextafter(2.0**e, away)), st.integers(-1070, 1022), st.sampled_from([-np.inf, np.inf])
    ),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324]),
)


@st.composite
def problems(draw: Any) -> tuple[np.ndarray, list[Part]]:
    """Terms, one a row, and their parts, of which some are matrices."""
    parts = draw(st.lists(st.one_of(st.integers(1, 12), st.tuples(*[st.integers(1, 5)] * 2)), min_size=1, max_size=4))
    count = draw(st.integers(0, 12))
    pool = draw(st.lists(magnitudes, min_size=1, max_size=20))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    return generator.choice(pool, (count, size(parts))), parts


def bits(values: np.ndarray) -> bytes:
    return np.asarray(values, np.float64).tobytes()


def shape(part: Part) -> tuple[int, int]:
    return (1, part) if isinstance(part, int) else part


def size(parts: Sequence[Part]) -> int:
    return sum(height * length for height, length in map(shape, parts))


def term_of(rows: np.ndarray, tails: np.ndarray | None = None) -> Callable[[int, np.ndarray], float | None]:
    def term(j: int, out: np.ndarray) -> float | None:
        np.copyto(out, rows[j])
        return None if tails is None else float(tails[j])

    return term


def one_rank(rows: np.ndarray, parts: Sequence[Part], count: int | None = None) -> np.ndarray:
    return ExactSum(OneRank(), parts, len(rows), len(rows) if count is None else count)(term_of(rows))


def dealt(rows: np.ndarray, P: int, generator: np.random.Generator) -> list[np.ndarray]:
    """The rows at random to P ranks, some of which may get none."""
    owner = generator.integers(P, size=len(rows))
    order = generator.permutation(len(rows))
    return [rows[order[owner[order] == rank]] for rank in range(P)]


def combined(parts: Sequence[np.ndarray], op: np.ufunc, generator: np.random.Generator) -> np.ndarray:
    """What an Allreduce may do: combine the parts two by two, in any order."""
    left = [part.copy() for part in parts]
    while len(left) > 1:
        a, b = left.pop(generator.integers(len(left))), left.pop(generator.integers(len(left)))
        left.append(op(a, b))
    return left[0]


def over_simulated_ranks(
    sums: Sequence[Sum], shares: Sequence[np.ndarray], generator: np.random.Generator
) -> np.ndarray:
    """The sum of ranks that hold `shares` of the terms; the same on each of them."""
    with np.errstate(all="ignore"):
        for one, share in zip(sums, shares, strict=True):
            one.first(term_of(share))
        assert not any(np.isnan(one.message).any() for one in sums)  # MAX over them would depend on the order
        message = combined([one.message for one in sums], np.maximum, generator)
        for one, share in zip(sums, shares, strict=True):
            one.message[:] = message
            one.second(term_of(share))
        total = combined([one.sum for one in sums], np.add, generator)
        results = []
        for one in sums:
            one.sum[:] = total
            results.append(one.result().copy())
    assert len({bits(result) for result in results}) == 1
    return results[0]


def oracle(rows: np.ndarray, parts: Sequence[Part], count: int, times: Sequence[int] | None = None) -> np.ndarray:
    """What ExactSum promises, in rational numbers: each term rounded, half to even, to a multiple of 2^-k.

    times: how often each of the rows is a term, once if not given.
    """
    repeats = [1] * len(rows) if times is None else times
    room = 51  # count · 2^room has to stay below 2^63
    while count * 2**room >= 2**63:
        room -= 1
    result: list[float] = []
    start = 0
    for height, length in map(shape, parts):
        matrix = rows[:, start : start + height * length].reshape(len(rows), height, length)
        start += height * length
        of_part, of_rows = exponents([largest(matrix[:, i]) for i in range(height)])
        for i, exponent in enumerate(of_rows):
            unit = max(exponent - room, -1074)
            for column in matrix[:, i].T.tolist():
                if of_part - room > 970:  # beyond the documented range
                    result.append(math.nan)
                    continue
                terms = zip(column, repeats, strict=True)
                multiple = sum(round(Fraction(value) / Fraction(2) ** unit) * repeat for value, repeat in terms)
                try:
                    result.append(float(multiple * Fraction(2) ** unit))
                except OverflowError:
                    result.append(math.copysign(math.inf, multiple))
    return np.array(result)


def exponents(largest: Sequence[float]) -> tuple[int, list[int]]:
    """That of a part, and those of its rows, of which the largest terms are these; very low ones for what is 0."""
    of_part = next(e for e in range(-1080, 1028, 4) if max(largest) < power(e))
    of_rows = []
    for most in largest:
        exponent = of_part
        while exponent > -1100 and most < power(exponent - 16):
            exponent -= 16
        of_rows.append(exponent)
    return of_part, of_rows


def power(exponent: int) -> float:
    """2^exponent, infinite beyond the range."""
    return math.ldexp(1.0, exponent) if exponent < 1024 else math.inf


def largest(values: np.ndarray) -> float:
    return float(np.abs(values).max(initial=0))
