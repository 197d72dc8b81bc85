"""scipy's least_squares with an exact Jacobian, for small networks and squared error.

The sum of the squares of the residuals is E_in. Residuals count as half an evaluation, the Jacobian as one.
"""

from __future__ import annotations

import numpy as np

from distnn.bench.convergence.problems import Instance
from distnn.bench.convergence.trace import Trace
from distnn.network.weights import layers

TOLERANCE = 1e-15  # the least that scipy takes


def run(instance: Instance, trace: Trace) -> None:
    """Its default method, "trf"; "lm", MINPACK's, was never the best of all."""
    from scipy.optimize import least_squares

    evaluations = 0.0

    def residuals(w: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        r = (forward(w, instance)[-1] - instance.Y).ravel() / len(instance.X) ** 0.5
        evaluations += 0.5
        trace.note(float(r @ r), evaluations)
        return r

    def jacobian(w: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        evaluations += 1
        return outputs_jacobian(w, instance) / len(instance.X) ** 0.5

    trace.start()
    tolerances = {"ftol": TOLERANCE, "xtol": TOLERANCE, "gtol": TOLERANCE}
    least_squares(residuals, instance.w, jacobian, method="trf", max_nfev=10**9, **tolerances)


def forward(w: np.ndarray, instance: Instance) -> list[np.ndarray]:
    """x^(0), …, x^(L), n × d^(l) each, without bias nodes; tanh, identity output."""
    W, x = layers(w, instance.d), [instance.X]
    for l, W_l in enumerate(W, 1):
        s = x[-1] @ W_l[1:] + W_l[0]
        x.append(s if l == len(W) else np.tanh(s))
    return x


def outputs_jacobian(w: np.ndarray, instance: Instance) -> np.ndarray:
    """∂x^(L)/∂w: (n d^(L)) × |W|, the outputs of an example next to each other."""
    W, x = layers(w, instance.d), forward(w, instance)
    n, outputs = len(instance.X), instance.d[-1]
    J = np.empty((n, outputs, w.size))
    for j in range(outputs):
        delta, stop = np.tile(np.eye(outputs)[j], (n, 1)), w.size
        for l in range(len(W), 0, -1):
            part = J[:, j, stop - W[l - 1].size : stop].reshape(n, -1, delta.shape[1])  # a view
            part[:, 0], part[:, 1:] = delta, x[l - 1][:, :, None] * delta[:, None, :]
            stop -= W[l - 1].size
            if l > 1:
                delta = (delta @ W[l - 1][1:].T) * (1 - x[l - 1] ** 2)
    return J.reshape(n * outputs, w.size)
