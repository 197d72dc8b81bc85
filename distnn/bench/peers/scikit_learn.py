"""scikit-learn's MLPRegressor on one core: batches as large as D. Its output is the identity instead of tanh."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.neural_network import MLPRegressor

from distnn.bench.peers import Task
from distnn.bench.peers.worker import Iterate, serve
from distnn.bench.workloads import ETA


def begin(task: Task, X: np.ndarray, Y: np.ndarray) -> Iterate:
    """`fit` with as many iterations as are asked for, going on from where it is."""
    warnings.simplefilter("ignore")
    model = MLPRegressor(
        hidden_layer_sizes=task.workload.d[1:-1],
        activation="tanh",
        solver="sgd",
        alpha=0.0,
        batch_size=len(X),
        learning_rate_init=ETA,
        momentum=0.0,
        shuffle=False,
        random_state=0,
        tol=0.0,
        n_iter_no_change=10**9,
        warm_start=True,
    )
    y = Y[:, 0] if Y.shape[1] == 1 else Y

    def iterate(iterations: int) -> MLPRegressor:
        return model.set_params(max_iter=iterations).fit(X, y)

    return iterate


if __name__ == "__main__":
    serve(begin)
