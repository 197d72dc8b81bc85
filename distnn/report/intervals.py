"""How well a model's error bars hold, on a sample of the rows that the report is about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distnn.data.encoding import TRANSFORMS
from distnn.data.rows import Rows
from distnn.inference.model import Model
from distnn.report.predictions import Predictions

PROBABILITY = 0.95  # of the bounds
WORK = 4e11  # multiplications, some ten seconds of a core
FEWEST = 50  # rows


@dataclass
class Intervals:
    """Local. s rows, m targets. true, predicted: s × m in the units of the table. bounds: lower and upper bound of a
    new observation, which hold it with PROBABILITY, s × m × 2. deviations: by how many of its deviations each
    observation is off, before transforms are undone, s × m: as Student's t with `freedom` degrees of freedom, (m,),
    where the model knows how sure it is.
    """

    true: np.ndarray
    predicted: np.ndarray
    bounds: np.ndarray
    deviations: np.ndarray
    freedom: np.ndarray


def intervals(model: Model, predictions: Predictions) -> Intervals | None:
    """The error bars of the rows of the sample, or of as many as can be afforded; None without any. Local."""
    certainty, preparation = model.certainty, model.preparation
    if certainty is None or preparation.target_scaling is None:
        return None
    work = len(certainty.T) ** 2 * len(preparation.targets)
    inputs = predictions.inputs[: max(FEWEST, int(WORK / work))]
    true = predictions.answers[: len(inputs)]
    engine, block = model.backpropagation(), preparation.block(Rows.of_inputs(inputs), model.dtype)
    outputs = engine.outputs(block.x)
    found = model.bounds_of(engine, block, outputs, PROBABILITY).reshape(true.shape[1], 4, -1)
    deviation = preparation.target_scaling.divisor * np.sqrt(certainty.variances(engine, block).T + certainty.noise)
    expected = preparation.target_scaling.undo(outputs).T
    transforms = preparation.transforms or (None,) * true.shape[1]
    observed = [TRANSFORMS[name].forward(y) if name else y for name, y in zip(transforms, true.T, strict=True)]
    deviations = (np.array(observed).T - expected) / deviation
    bounds = found[:, 2:].transpose(2, 0, 1)
    return Intervals(true, model.unscale(outputs).T, bounds, deviations, certainty.freedom)
