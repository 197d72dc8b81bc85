"""Trainings of which nothing is said: what they are assembled from, once all is chosen."""

from __future__ import annotations

from typing import Any

import numpy as np

from distnn.data.tables import ArraySource
from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs.assembly import Assembly
from distnn.runs.defaults import assemble
from distnn.runs.options import Options, check


def wavy(n: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 1, (n, 2))
    return X, np.sin(3 * X[:, 0]) + X[:, 1] + noise * generator.normal(size=n)


def assembled(X: Any, y: Any, weights: Any = None, ranks: Ranks | None = None, **options: Any) -> Assembly:
    ranks = ranks or OneRank()
    chosen = Options(**options)
    check(chosen)
    own = slice(len(X) * ranks.rank // ranks.size, len(X) * (ranks.rank + 1) // ranks.size)
    source = ArraySource(X[own], y[own], None if weights is None else weights[own], ranks)
    return assemble(chosen, source, ranks)
