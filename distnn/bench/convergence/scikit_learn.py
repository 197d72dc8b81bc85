"""scikit-learn's L-BFGS: its own error and gradient, minimised by scipy's L-BFGS-B as MLPRegressor.fit does.

scikit-learn's squared error is half of distnn's, so E_in is twice its loss; alpha is 0. Unlike in `fit`, the tolerances
are 0, since with its own it often stops before a goal is reached; its other settings are the defaults of `fit`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from distnn.bench.convergence.problems import Instance
from distnn.bench.convergence.trace import Trace
from distnn.network.weights import layers


class _Prepared(Exception):
    """Raised at the first evaluation, with its arguments but for the weights."""


def run(instance: Instance, trace: Trace) -> None:
    """Minimise E_in, as described above."""
    from scipy.optimize import minimize
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    base = MLPRegressor if instance.error == "squared" else MLPClassifier
    factor = 2.0 * instance.d[-1] if instance.error == "squared" else 1.0  # its mean is over outputs, too

    class Network(base):  # type: ignore[misc, valid-type]
        evaluations = 0

        def _loss_grad_lbfgs(self, w: np.ndarray, *arguments: Any) -> Any:
            raise _Prepared(*arguments)

        def observed(self, w: np.ndarray, *arguments: Any) -> Any:
            loss, gradient = super()._loss_grad_lbfgs(w, *arguments)
            self.evaluations += 1
            trace.note(factor * float(loss), self.evaluations)
            return loss, gradient

    hidden = instance.d[1:-1]
    network = Network(hidden_layer_sizes=hidden, activation="tanh", solver="lbfgs", alpha=0.0, random_state=0)
    targets = instance.Y[:, 0] if instance.d[-1] == 1 else instance.Y
    if instance.error != "squared" and instance.d[-1] > 1:
        targets = instance.Y.argmax(axis=1)
    try:
        network.fit(instance.X, targets)
    except _Prepared as prepared:
        arguments = prepared.args
    W = layers(instance.w, instance.d)
    w = np.concatenate([W_l[1:].ravel() for W_l in W] + [W_l[0] for W_l in W])
    options = {"maxfun": 10**9, "maxiter": 10**9, "gtol": 0.0, "ftol": 0.0}
    trace.start()
    minimize(network.observed, w, arguments, method="L-BFGS-B", jac=True, options=options)
