"""The weights as scikit-learn has them, for inputs and targets as they are: standardisation is in the weights."""

from __future__ import annotations

import numpy as np

from distnn.inference.model import Model


def coefficients(model: Model) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each layer its weights, d^(l-1) × d^(l), and biases, (d^(l),), as copies, float64. Local.

    x^(l) = θ(x^(l-1) @ weights + biases) for a row x^(0) of the table gives the model's outputs in the table's units,
    but where standardised targets go through an output that is not the identity: there, standardised ones.
    """
    weights = [W[1:].copy() for W in model.network.W]
    biases = [W[0].copy() for W in model.network.W]
    inputs, targets = model.preparation.input_scaling, model.preparation.target_scaling
    weights[0] /= inputs.divisor[:, None]
    biases[0] -= (inputs.shift + inputs.mean) @ weights[0]
    if targets is not None and model.network.output_theta == "identity":
        weights[-1] *= targets.deviation
        biases[-1] = biases[-1] * targets.deviation + targets.mean + targets.shift
    return weights, biases
