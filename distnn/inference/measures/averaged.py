"""The log loss of probabilities that are averaged over what the weights may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from distnn.data.classes import Classes
from distnn.inference.certainty import Certainty
from distnn.inference.measures import Seen
from distnn.inference.measures.classes import log_loss
from distnn.inference.probabilities import averaged
from distnn.kernels.blocks import Block
from distnn.network.backpropagation import Backpropagation


class AveragedLoss:
    """Σ weights · -log p, where the outputs are the probabilities of all classes. engine: with the model's weights."""

    sizes = (1,)

    def __init__(self, certainty: Certainty, classes: Classes, engine: Backpropagation):
        self.certainty, self.classes, self.engine = certainty, classes, engine

    def write(self, seen: Seen, block: Block, out: np.ndarray) -> None:
        """A block's sum, (1,). Local."""
        outputs = averaged(self.certainty, self.engine, block)
        out[0] = log_loss(self.classes, outputs, self.classes.decode(seen.y), seen.weights) if len(seen.weights) else 0

    def result(self, sums: np.ndarray, n: float) -> dict[str, Any]:
        """averaged_log_loss. n: Σ weights."""
        return {"averaged_log_loss": float(sums[0]) / n}
