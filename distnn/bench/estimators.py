"""`python -m distnn.bench.estimators`: distnn's estimators beside scikit-learn's own, on tables that it ships."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any, NamedTuple

import numpy as np

from distnn.bench.rest import refuse_several
from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.errors import UserError, missing_package
from distnn.kernels import blas
from distnn.parallel.ranks import Ranks

PROGRAM = "python -m distnn.bench.estimators"
ABOUT = """Compare distnn.sklearn with scikit-learn's MLPRegressor and MLPClassifier, with its default solver, adam, and
with lbfgs: score on rows held out, evaluations and CPU time of a fit, on five tables that scikit-learn ships.

All have their defaults, such as 100 hidden units and at most 200 iterations. Inputs, and targets that are numbers, are
standardised for all of them. The whole takes about two minutes."""
COMPARISON = "Comparison"
TABLES = {
    "diabetes": False,
    "linnerud": False,
    "wine": True,
    "breast_cancer": True,
    "digits": True,
}  # are they classes?


@dataclass(frozen=True, kw_only=True)
class EstimatorsOptions:
    """Options of the command."""

    table: Annotated[tuple[str, ...], COMPARISON, f"Tables, of: {', '.join(TABLES)}. Default: all."] = ()
    folds: Annotated[int, COMPARISON, "Fit this many times, each without one of so many parts, which is scored."] = 5
    iterations: Annotated[int, COMPARISON, "Iterations of each fit, max_iter."] = 200
    alpha: Annotated[float, COMPARISON, "Weight of the squared weights in what is minimised."] = 0.0001


class Outcome(NamedTuple):
    """Of one fit. done: it ended by itself."""

    score: float
    evaluations: float
    seconds: float
    done: bool


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Print a table in Markdown. Returns the exit code."""
    refuse_several(ranks, PROGRAM)
    options = parse(EstimatorsOptions, PROGRAM, ABOUT, arguments)
    if options is None:
        return 0
    check(options)
    try:
        made = contenders(max_iter=options.iterations, alpha=options.alpha)
    except ImportError:
        raise missing_package("scikit-learn", "sklearn", PROGRAM) from None
    print("| table | estimator | score held out | evaluations | CPU seconds | ended by itself |")
    print("| --- | --- | --- | --- | --- | --- |")
    for table in options.table or TABLES:
        X, y = data(table)
        for name, make in made.items():
            print(row(table, X.shape, name, list(outcomes(make, X, y, TABLES[table], options.folds))), flush=True)
    return 0


def check(options: EstimatorsOptions) -> None:
    """UserError unless the options make sense."""
    for name in options.table:
        if name not in TABLES:
            raise UserError(f"--table {name}: there is no such table. Choose from: {', '.join(TABLES)}.")
    if options.folds < 2 or options.iterations < 1 or not options.alpha >= 0:
        raise UserError("--folds is at least 2, --iterations at least 1, and --alpha at least 0.")


def data(table: str) -> tuple[np.ndarray, np.ndarray]:
    """X and y of a table, its rows in an order of chance."""
    import sklearn.datasets

    X, y = getattr(sklearn.datasets, f"load_{table}")(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    return X[order], y[order]


def contenders(**parameters: Any) -> dict[str, Callable[[bool], Any]]:
    """By name what makes an estimator, for classes or numbers, that counts its evaluations as `evaluations_`."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    from distnn import sklearn as ours

    class Regressor(MLPRegressor):
        def _loss_grad_lbfgs(self, *arguments: Any) -> Any:
            self.evaluations_ = getattr(self, "evaluations_", 0) + 1
            return super()._loss_grad_lbfgs(*arguments)

    class Classifier(MLPClassifier):
        def _loss_grad_lbfgs(self, *arguments: Any) -> Any:
            self.evaluations_ = getattr(self, "evaluations_", 0) + 1
            return super()._loss_grad_lbfgs(*arguments)

    def theirs(solver: str) -> Callable[[bool], Any]:
        def make(classes: bool) -> Any:
            return (Classifier if classes else Regressor)(solver=solver, random_state=0, **parameters)

        return make

    def own(classes: bool) -> Any:
        return (ours.MLPClassifier if classes else ours.MLPRegressor)(random_state=0, **parameters)

    return {"scikit-learn, adam": theirs("adam"), "scikit-learn, lbfgs": theirs("lbfgs"), "distnn": own}


def outcomes(make: Callable[[bool], Any], X: np.ndarray, y: np.ndarray, classes: bool, folds: int) -> Iterator[Outcome]:
    """What came of the fits without each of the folds."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import KFold
    from sklearn.preprocessing import StandardScaler

    for train, test in KFold(folds).split(X):
        inputs = StandardScaler().fit(X[train])
        targets = y
        if not classes:
            targets = StandardScaler().fit(y[train].reshape(len(train), -1)).transform(y.reshape(len(y), -1))
            targets = targets[:, 0] if y.ndim == 1 else targets
        estimator = make(classes)
        with blas.limited_threads(1), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            began = time.process_time()
            estimator.fit(inputs.transform(X[train]), targets[train])
            seconds = time.process_time() - began
        done = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
        score = float(estimator.score(inputs.transform(X[test]), targets[test]))
        yield Outcome(score, evaluations(estimator), seconds, done)


def evaluations(estimator: Any) -> float:
    """Passes over the rows that a fit took: those counted, or epochs."""
    if hasattr(estimator, "records_"):
        return float(estimator.records_[-1].evaluations)
    return float(getattr(estimator, "evaluations_", estimator.n_iter_))


def row(table: str, shape: tuple[int, ...], name: str, found: Sequence[Outcome]) -> str:
    """A line of the table: medians over the folds, of scores the mean and its range."""
    scores = [outcome.score for outcome in found]
    return (
        f"| {table}, {shape[0]:,} × {shape[1]} | {name} "
        f"| {np.mean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f}) "
        f"| {median(outcome.evaluations for outcome in found):.0f} "
        f"| {median(outcome.seconds for outcome in found):.2g} "
        f"| {sum(outcome.done for outcome in found)} of {len(found)} |"
    )


if __name__ == "__main__":
    run(main)
