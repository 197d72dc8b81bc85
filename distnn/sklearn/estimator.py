"""What the two estimators have in common: parameters, fitting, and what is known afterwards."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from distnn.api import Fit, fit_for
from distnn.data.preparation import Preparation
from distnn.errors import UserError
from distnn.kernels import blas
from distnn.parallel.ranks import Ranks
from distnn.sklearn import parameters
from distnn.sklearn.coefficients import coefficients
from distnn.sklearn.ranks import current, together, total
from distnn.training.record import Record
from distnn.training.termination import Reason

PARAMETERS = parameters.parameters()


INSTEAD = {  # of parameters that scikit-learn's have, and these have not
    "learning_rate": "take schedule",
    "power_t": "take schedule",
    "shuffle": "take sampling",
    "max_fun": "take max_iter",
    "loss": "the error is squared",
}
PLACED = ("hidden_layer_sizes", "activation")  # may be given without their names, as to scikit-learn's classifier


def initialise(self: Any, *placed: Any, **values: Any) -> None:
    """Store the parameters as they are; scikit-learn wants nothing to be looked at before `fit`."""
    if len(placed) > len(PLACED) or any(name in values for name in PLACED[: len(placed)]):
        raise TypeError(f"{type(self).__name__}: only {' and '.join(PLACED)} may be given without names, and once.")
    values |= dict(zip(PLACED, placed, strict=False))
    for name, default in PARAMETERS.items():
        setattr(self, name, values.pop(name, default))
    if values:
        name = next(iter(values))
        instead = f": {INSTEAD[name]}" if name in INSTEAD else ""
        raise TypeError(f"{type(self).__name__} has no parameter {name!r}{instead}.")


initialise.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
    + [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD if name in PLACED else inspect.Parameter.KEYWORD_ONLY,
            default=default,
        )
        for name, default in PARAMETERS.items()
    ]
)


class Perceptron(BaseEstimator):
    """A network that is fitted by `distnn.fit`. Fitting is collective, everything else local; attributes replicated.

    model_: the `Model`, to be saved for the command line. reason_: why the training stopped. records_: of every
    iteration. n_iter_: their number; passes over the rows for stochastic solvers. loss_curve_: E_in after each, loss_
    the last, best_loss_ the lowest; validation_loss_curve_: E_val, with early_stopping. coefs_, intercepts_: as
    `coefficients` gives them.
    """

    classes: ClassVar[bool]
    __init__ = initialise

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train. Collective. X: rows × features, finite numbers; sample_weight: (rows,), at least 0, or None.

        ValueError or TypeError, on all ranks, for data and parameters that make no sense. ConvergenceWarning where the
        training ended before it was done.
        """
        ranks = current()
        rows, n = self._rows(ranks, X, y, sample_weight)  # an error of one rank, of whatever class, is one of all
        with ranks.none_alone():
            reason = self._fit(ranks, *rows, n)
        if reason.unfinished:
            warnings.warn(f"Stopped because {reason.text}. {reason.advice}", ConvergenceWarning, stacklevel=2)
        return self

    def _rows(
        self, ranks: Ranks, X: Any, y: Any, sample_weight: Any
    ) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray | None], int]:
        """This rank's part of the table, X, y and weights, and n. Collective; n replicated."""

        def checked() -> tuple[Any, list[np.ndarray | None]]:
            if self.rows == "own" and y is not None and len(y) == 0:  # then X says how many columns there are
                none = np.empty(0)
                weights = None if sample_weight is None else none
                rows = validated(self, X, dtype=np.float64, ensure_min_samples=0)
                return (rows, none, weights), [rows]
            found = self._checked(X, y)
            weights = None if sample_weight is None else _check_sample_weight(sample_weight, found[0])
            return (*found, weights), [*found, weights]

        (X, y, weights), part, n = together(ranks, self.rows, checked, self._values)
        return (X[part], y[part], None if weights is None else weights[part]), n

    @property
    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in PARAMETERS}

    def _fit(self, ranks: Ranks, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None, n: int) -> Reason:
        seed = ranks.broadcast(_seed(self.random_state))
        start = self._trained if self.warm_start and hasattr(self, "model_") else None
        try:
            targets = self._targets(y, ranks)
            options = parameters.options(self._values, n, total(weights, len(X), ranks), seed, self.classes)
            options |= {} if start is None else {"sigma": None}  # which has drawn the weights that are there
            report = _print if self.verbose and ranks.rank == 0 else None
            with blas.limited_threads(self.threads):
                fitted = fit_for(
                    parameters.IN_SENTENCES,
                    X,
                    targets,
                    weights=weights,
                    comm=ranks,
                    start=start,
                    on_iteration=(report or _say_nothing) if self.verbose else None,
                    **options,
                )
        except UserError as error:
            raise parameters.renamed(error) from None
        self._keep(fitted, options.get("evaluate_every", 1))
        return fitted.reason

    def _checked(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """X and y as arrays. Local. ValueError or TypeError, with scikit-learn's words."""
        raise NotImplementedError

    @property
    def _least(self) -> int:
        """Rows that a rank passes at least: one can have one of several; none is dealt with above."""
        return 2 if self.rows == "all" else 1

    def _targets(self, y: np.ndarray, ranks: Ranks) -> np.ndarray:
        """The targets to fit, of this rank's rows. Collective."""
        raise NotImplementedError

    def _named(self, preparation: Preparation) -> Preparation:
        """With the names that are known here and not to `fit`."""
        names = getattr(self, "feature_names_in_", None)
        return preparation if names is None else replace(preparation, inputs=tuple(names.tolist()))

    def _keep(self, fitted: Fit, every: int) -> None:
        """Set the attributes; every: iterations of the optimizer that are counted as one."""
        records = fitted.records
        counted = [record for record in records if record.t % every == 0 or record is records[-1]]
        self._trained, self.records_, self.reason_ = fitted.model, records, fitted.reason.text
        self.model_ = replace(fitted.model, preparation=self._named(fitted.model.preparation))
        self.n_iter_ = -(-records[-1].t // every)
        self.loss_curve_ = [record.E_in for record in counted[1:] or counted]
        self.loss_, self.best_loss_ = self.loss_curve_[-1], min(self.loss_curve_)
        if self.early_stopping:
            self.validation_loss_curve_ = [record.E_val for record in counted[1:] or counted]
        self.coefs_, self.intercepts_ = coefficients(fitted.model)
        network = fitted.model.network
        self.n_layers_, self.n_outputs_, self.out_activation_ = len(network.d), network.d[-1], network.output_theta

    def _outputs(self, X: Any) -> np.ndarray:
        """The model's outputs for X, rows × n_outputs_, in the targets' units. Local."""
        check_is_fitted(self)
        X = validated(self, X, reset=False, dtype=np.float64)
        with blas.limited_threads(self.threads):
            return self.model_(X)


def validated(estimator: Perceptron, *arrays: Any, **how: Any) -> Any:
    """X, or X and y, as scikit-learn's `validate_data` checks them. What a mask hides is NaN, not a value."""
    shown = [np.ma.filled(a.astype(np.float64), np.nan) if np.ma.is_masked(a) else a for a in arrays]
    return validate_data(estimator, *shown, **how)


def _seed(random_state: Any) -> int:
    """A seed: the number itself, or one drawn from a generator, None for numpy's."""
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))


def _print(record: Record) -> None:
    print(f"Iteration {record.t}, loss = {record.E_in:.8f}", flush=True)


def _say_nothing(record: Record) -> None:
    """On the other ranks, which have to call something, too."""
