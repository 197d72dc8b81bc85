"""Small tables for tests, and how they are written to files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from distnn.data.tables import ArraySource
from distnn.parallel.ranks import Ranks
from distnn.runs.assembly import Assembly, assemble
from distnn.runs.options import Options, check


def regression(n: int, d: int = 3, m: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """X, n × d, and a smooth Y, n × m, with some noise."""
    generator = np.random.default_rng(seed)
    Z = generator.normal(size=(n, d))
    Y = np.sin(Z @ generator.normal(size=(d, m))) * 2 + 10 + 0.1 * generator.normal(size=(n, m))
    return Z * 3 + 5, Y


def words(n: int, K: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """X, n × 2, and one of K words for each row."""
    X = np.random.default_rng(seed).normal(size=(n, 2))
    names = np.array(["apple", "pear", "plum", "quince"][:K])
    return X, names[(np.abs(X).sum(axis=1) * K / 2).astype(int) % K]


def rows_of(rank: int, counts: Sequence[int]) -> slice:
    """A rank's rows of a table, where the ranks have `counts` rows each."""
    first = sum(counts[:rank])
    return slice(first, first + counts[rank])


def assembled(
    ranks: Ranks, X: Any, Y: Any, weights: Any = None, counts: Sequence[int] | None = None, **options: Any
) -> Assembly:
    """What a training of these options begins with. counts: rows of each rank; None: all on rank 0."""
    counts = counts or [len(X)] + [0] * (ranks.size - 1)
    own = rows_of(ranks.rank, counts)
    suitable = "sgd" if options.get("batch_size", 1) > 1 else "gradient-descent"
    chosen = Options(**{"optimizer": suitable, **options})
    check(chosen)
    source = ArraySource(X[own], None if Y is None else Y[own], None if weights is None else weights[own], ranks)
    return assemble(chosen, source, ranks)


def write_csv(path: Path, columns: dict[str, Any]) -> Path:
    """A CSV file with a header; numbers read back to the bit."""
    rows = zip(*(np.asarray(values).tolist() for values in columns.values()), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
