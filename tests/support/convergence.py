"""E_in of a problem of the benchmark of convergence, by definition."""

from __future__ import annotations

import numpy as np

from distnn import Network
from distnn.bench.convergence.problems import Instance


def error(instance: Instance) -> float:
    """E_in at the initial weights, as the definition has it."""
    network = Network(instance.d, output_theta=instance.output_theta)
    network.w[:] = instance.w
    x, y = network(instance.X), instance.Y
    if instance.error == "squared":
        return float(((x - y) ** 2).sum() / len(y))
    if instance.output_theta == "softmax":
        return float(-(y * np.log(x)).sum() / len(y))
    return float(-(y * np.log(x) + (1 - y) * np.log(1 - x)).sum() / len(y))
