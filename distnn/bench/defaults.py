"""`python -m distnn.bench.defaults [TABLE …]`: does what distnn does without an option generalise?

Every table of `packaged.py`, or those named, is cut into the same five folds for all contenders, each of which sees
four and predicts the fifth: distnn without an option; ridge regression, its penalty chosen by scikit-learn's
cross-validation, or logistic regression; and scikit-learn's MLP with early_stopping, else as it is. All of them get
standardised inputs and targets. The score is R² of the predictions put together, the mean over targets, or their
accuracy.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from distnn.api import fit
from distnn.bench.packaged import TABLES, read
from distnn.bench.rest import refuse_several
from distnn.command_line.console import table
from distnn.command_line.program import run
from distnn.errors import UserError, missing_package
from distnn.parallel.ranks import OneRank, Ranks

FOLDS = 5
Predictions = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # of (X, y, new X): of y's shape and type


class Result(NamedTuple):
    """What a contender came to on a table: R² or accuracy, and the seconds of all folds."""

    score: float
    seconds: float


def distnn(X: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Without an option."""
    model = fit(X, y, comm=OneRank()).model
    outputs = model(new)
    if model.preparation.classes is None:
        return outputs.reshape(len(new), *y.shape[1:])
    return np.array(model.preparation.classes.names)[model.preparation.classes.decode(outputs.T)]


def linear(X: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Ridge or logistic regression."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if are_classes(y):
        model = LogisticRegression(max_iter=10_000)
    else:
        model = TransformedTargetRegressor(RidgeCV(np.logspace(-4, 4, 33)), transformer=StandardScaler())
    return make_pipeline(StandardScaler(), model).fit(X, y).predict(new)


def perceptron(X: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """scikit-learn's MLP."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    options = {"early_stopping": True, "random_state": 0}
    if are_classes(y):
        model = make_pipeline(StandardScaler(), MLPClassifier(**options))
    else:
        model = make_pipeline(StandardScaler(), MLPRegressor(**options))
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ConvergenceWarning
        return model.fit(X, y).predict(new)


CONTENDERS: dict[str, Predictions] = {"distnn": distnn, "ridge or logistic": linear, "MLP": perceptron}


def are_classes(y: np.ndarray) -> bool:
    return y.dtype.kind == "U"


def folds(y: np.ndarray) -> np.ndarray:
    """The fold of each row, (rows,), drawn once for all: classes are spread evenly over folds."""
    order = np.random.default_rng(0).permutation(len(y))
    if are_classes(y):
        order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), int)
    fold[order] = np.arange(len(y)) % FOLDS
    return fold


def judged(predictions: Predictions, X: np.ndarray, y: np.ndarray) -> Result:
    """What comes of predicting each fold from the others."""
    fold, predicted, began = folds(y), np.empty_like(y), time.perf_counter()
    for k in range(FOLDS):
        predicted[fold == k] = predictions(X[fold != k], y[fold != k], X[fold == k])
    return Result(score(y, predicted), time.perf_counter() - began)


def score(y: np.ndarray, predicted: np.ndarray) -> float:
    """Accuracy, or R², the mean over targets."""
    if are_classes(y):
        return float(np.mean(y == predicted))
    residual = np.square(y - predicted).sum(axis=0)
    return float(np.mean(1 - residual / np.square(y - y.mean(axis=0)).sum(axis=0)))


def line(name: str, results: Sequence[Result]) -> tuple[str, ...]:
    """A line of the table."""
    return (name, *(f"{result.score:.3f}" for result in results), *(f"{result.seconds:.1f}" for result in results))


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Measure, and print two tables, of regressions and of classes. Returns the exit code."""
    refuse_several(ranks, "distnn.bench.defaults")
    for name in arguments:
        if name not in TABLES:
            raise UserError(f"There is no table {name}; choose from {', '.join(TABLES)}.")
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise missing_package("scikit-learn", "bench", "distnn.bench.defaults") from None
    results: dict[bool, dict[str, list[Result]]] = {False: {}, True: {}}
    for name in arguments or TABLES:
        X, y = read(name)
        results[are_classes(y)][f"{name}, {len(X):,} × {X.shape[1]}"] = [judged(p, X, y) for p in CONTENDERS.values()]
    for classes, of_tables in results.items():
        if of_tables:
            columns = zip(*of_tables.values(), strict=True)
            medians = [Result(*map(statistics.median, zip(*column, strict=True))) for column in columns]
            lines = [line(name, found) for name, found in {**of_tables, "median": medians}.items()]
            names = ("", *CONTENDERS, *(f"s, {name}" for name in CONTENDERS))
            table("Accuracy over five folds" if classes else "R² over five folds", names, lines)
    return 0


if __name__ == "__main__":
    run(main)
