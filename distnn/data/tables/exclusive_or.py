"""The built-in data set: points of the plane, labelled by the exclusive-or of two perceptrons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distnn.data.tables.parts import as_words
from distnn.data.tables.source import Kind, Missing, Source, check_range
from distnn.errors import UserError

# h(x) = sign(w_0 + w_1 x_1 + w_2 x_2): two lines that cross inside the square and cut it into four parts.
H1 = (0.1, 1.0, -0.5)
H2 = (-0.1, 0.5, 1.0)


def exclusive_or(x: np.ndarray) -> np.ndarray:
    """y = OR(AND(h1, NOT h2), AND(NOT h1, h2)), -1 or +1, for points x of shape n × 2. Local."""
    h1, h2 = (w[0] + w[1] * x[:, 0] + w[2] * x[:, 1] >= 0 for w in (H1, H2))
    return np.where(h1 != h2, 1.0, -1.0)


class ExclusiveOr(Source):
    """n points drawn uniformly from [-1, 1) × [-1, 1). Row i depends on the seed and i only."""

    path = "the built-in exclusive-or"
    columns = ("x1", "x2", "y")

    def __init__(self, n: int, seed: int):
        if n < 1:
            raise UserError(f"{self.path} needs at least one row, not {n}.")
        if not 0 <= seed < 2**64:
            raise UserError(f"{self.path} needs a seed from 0 to 2**64 - 1, not {seed}.")
        self.n, self._seed = n, seed

    def kind(self, column: int) -> Kind | None:
        return "numbers"

    def read(
        self,
        start: int,
        stop: int,
        numbers: Sequence[int],
        words: Sequence[int] = (),
        keep: np.ndarray | None = None,
        missing: Missing | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        check_range(self, start, stop)
        x = self._points(start, stop)
        rows = np.column_stack([x, exclusive_or(x)])
        return np.ascontiguousarray(rows[:, list(numbers)]), [as_words(rows[:, column]) for column in words]

    def _points(self, start: int, stop: int) -> np.ndarray:
        """Rows [start, stop) of x. Each step of Philox gives four 64-bit integers, which are two rows."""
        skip = start % 2
        draws = np.random.Philox(key=self._seed).advance(start // 2).random_raw(2 * (skip + stop - start))
        return (draws[2 * skip :] >> np.uint64(11)).reshape(-1, 2) * 2.0**-52 - 1.0
