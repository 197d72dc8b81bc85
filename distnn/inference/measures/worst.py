"""The rows with the largest errors."""

from __future__ import annotations

import numpy as np

from distnn.parallel.ranks import Ranks

ROW = np.dtype([("row", np.int64), ("size", np.float64), ("true", np.float64), ("predicted", np.float64)])


class Worst:
    """The `most` rows with the largest errors among those offered; of equal ones those that come first in the table."""

    def __init__(self, most: int):
        self.most = most
        self._found = np.empty(0, ROW)

    def offer(self, rows: np.ndarray, size: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> None:
        """Offer rows, by number, int64 (r,), once or more. size: of the error, (r,); NaN is the largest. Local."""
        size = np.where(np.isnan(size), np.inf, size)
        if len(size) > self.most:
            large = size >= np.partition(size, -self.most)[-self.most]
            rows, size, true, predicted = (values[large] for values in (rows, size, true, predicted))
        offered = np.empty(len(rows), ROW)
        for name, values in zip(ROW.names or (), (rows, size, true, predicted), strict=True):
            offered[name] = values
        self._found = self._largest(np.concatenate([self._found, offered]))

    def result(self, ranks: Ranks) -> np.ndarray:
        """Those of all ranks, the largest first, as an array of ROW. Collective, replicated."""
        return ranks.merged(self._found, lambda a, b: self._largest(np.concatenate([a, b])))

    def _largest(self, found: np.ndarray) -> np.ndarray:
        """The largest, each once."""
        found = found[np.unique(found["row"], return_index=True)[1]]
        return found[np.lexsort((found["row"], -found["size"]))[: self.most]]
