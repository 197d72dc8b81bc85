"""All that is measured of a model that knows how sure it is: its intervals, and the leverages of its rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from distnn.data.preparation import Preparation
from distnn.inference.certainty import Certainty
from distnn.inference.measures import Seen
from distnn.inference.measures.coverage import Coverage
from distnn.inference.measures.leverage import Leverage
from distnn.inference.measures.worst import Worst
from distnn.kernels.blocks import Block
from distnn.network.backpropagation import Backpropagation
from distnn.network.weights import weight_count


class Sureness:
    """Coverage; and with most > 0 leverages, the rows with the largest of which, `most` of each target, are kept.

    engine: with the model's weights loaded. exponent: what weights were scaled by.
    """

    def __init__(
        self, certainty: Certainty, preparation: Preparation, engine: Backpropagation, exponent: int, most: int
    ):
        self.certainty, self.engine = certainty, engine
        self.coverage = Coverage(certainty, preparation)
        self.leverage = Leverage(certainty, preparation, exponent) if most else None
        self.highest = [Worst(most) for _ in preparation.targets] if most else []
        self.of_last = len(certainty.T) < weight_count(engine.d)
        self.transforms = dict(zip(preparation.targets, preparation.transforms, strict=False))
        self.split = len(self.coverage.sizes)
        self.sizes = self.coverage.sizes + (self.leverage.sizes if self.leverage else [])

    def write(
        self, seen: Seen, block: Block, errors: list[tuple[np.ndarray, np.ndarray, np.ndarray]], out: np.ndarray
    ) -> None:
        """A block's sums. Local. errors: of `Residuals`, for the rows that are kept."""
        variances = self.certainty.variances(self.engine, block)
        self.coverage.write(seen, variances, out[: self.split])
        if self.leverage is not None:
            self.leverage.write(seen, variances, out[self.split :])
            h = self.leverage.of(seen, variances)
            for highest, of_target, (_, true, predicted) in zip(self.highest, h, errors, strict=True):
                highest.offer(seen.rows.numbers, of_target, true, predicted)

    def result(self, sums: np.ndarray, n: float) -> dict[str, dict[str, Any]]:
        """By target, as `Coverage` and `Leverage` have it.

        transform: what was done to it, of which log_density and left_out_rmse are then. left_out_layers: "last", where
        only that layer would be another one without the row.
        """
        found = self.coverage.result(sums[: self.split], n)
        for name, transform in self.transforms.items():
            found[name] |= {"transform": transform} if transform else {}
        if self.leverage is not None:
            for name, more in self.leverage.result(sums[self.split :], n).items():
                found[name] |= more | ({"left_out_layers": "last"} if self.of_last else {})
        return found
