"""A user's program, which launch/lint.sh checks as strictly as mypy can; test_public_api.py runs it.

What is wrong in `mistakes` is told by the checker: an `ignore` that nothing needs any more is an error of its own.
"""

from typing import Any, assert_type

import numpy as np

import distnn
from distnn.sklearn import MLPClassifier, MLPRegressor, communicator

X = np.random.default_rng(0).normal(size=(40, 2))
y = X[:, 0] * X[:, 1]


def watch(record: distnn.Record) -> bool:
    return record.t > 3 and record.E_in < 1e-9


network = distnn.Network([2, 3, 1], output_theta="identity")
fit = distnn.fit(X, y, network, on_iteration=watch, optimizer="lbfgs", max_iterations=5, verbose=True)
assert_type(fit, distnn.Fit)
assert_type(fit.model, distnn.Model)
assert_type(fit.model.network, distnn.Network)
assert_type(fit.reason, distnn.Reason)
assert_type(fit.records[-1].E_in, float)
assert_type(fit.score(X, y), float)
assert_type(fit.predict(X), np.ndarray[tuple[Any, ...], np.dtype[Any]])
classes = distnn.fit(X, np.where(y > 0, "up", "down"), hidden=3, intervals="all", max_iterations=2, seed=1)
assert_type(classes.predict_proba(X), np.ndarray[tuple[Any, ...], np.dtype[Any]])
fit.save("model.safetensors")
model = distnn.load_model("model.safetensors")
again = distnn.fit(X, y, start=model, hidden=(3,), max_iterations=1, intervals="last", comm=None)
mean, deviation = again.model.predict(X, return_std=True)
assert_type(deviation, np.ndarray[tuple[Any, ...], np.dtype[Any]])
assert_type(distnn.__version__, str)
crossed = distnn.cross_validate(X, y, 3, hidden=3, max_iterations=2)
assert_type(crossed.mean, dict[str, float])
estimator = MLPRegressor((3,), random_state=0, alpha="auto", max_iter=5).fit(X, y)
assert_type(estimator, MLPRegressor)
assert_type(estimator.model_, distnn.Model)
assert_type(estimator.score(X, y), float)
assert_type(estimator.predict(X), np.ndarray[tuple[Any, ...], np.dtype[Any]])
with communicator(None):
    labels = MLPClassifier(hidden_layer_sizes=3, max_iter=5).fit(X, y > 0)
assert_type(labels.predict_proba(X), np.ndarray[tuple[Any, ...], np.dtype[Any]])
try:
    distnn.load_model("nowhere")
except (distnn.UserError, distnn.RankError) as error:
    print(error)


def mistakes() -> None:
    distnn.fit(X, y, hiden=3)  # type: ignore[call-arg]
    distnn.fit(X, y, eta="fast")  # type: ignore[arg-type]
    distnn.fit(X, y, optimizer="adamw")  # type: ignore[arg-type]
    distnn.Nework([2, 1])  # type: ignore[attr-defined]
    MLPRegressor(hiden=3)  # type: ignore[call-arg]
    MLPClassifier(eta_min="x", max_iter="many")  # type: ignore[arg-type, call-arg]
    network.initialise("seed")  # type: ignore[arg-type]
    fit.record  # type: ignore[attr-defined]  # noqa: B018
