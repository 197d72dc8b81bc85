"""Sums over ranks, and what they should be, in rational numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import HealthCheck, settings

from distnn.parallel.ranks import OneRank
from distnn.parallel.reduction import ExactSum

quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def bits(values: np.ndarray) -> bytes:
    return np.asarray(values, np.float64).tobytes()


def term_of(rows: np.ndarray) -> Callable[[int, np.ndarray], None]:
    return lambda j, out: np.copyto(out, rows[j])


def one_rank(rows: np.ndarray, sizes: Sequence[int], count: int | None = None) -> np.ndarray:
    return ExactSum(OneRank(), sizes, len(rows), len(rows) if count is None else count)(term_of(rows))
