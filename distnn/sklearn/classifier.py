"""The estimator for classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from distnn.data.classes import label_name
from distnn.data.preparation import Preparation
from distnn.errors import UserError
from distnn.inference.scores import as_probabilities
from distnn.kernels import blas
from distnn.network.error_functions import takes_probabilities
from distnn.parallel.ranks import Ranks
from distnn.sklearn.estimator import Perceptron, validated

KINDS = {"b": "booleans", "i": "integers", "u": "integers", "f": "numbers"}  # of labels, by the kind of their dtype


def _has_probabilities(estimator: MLPClassifier) -> bool:
    """Do its outputs lie between 0 and 1 and mean that?"""
    return estimator.output_theta in (None, "softmax", "logistic") and (
        estimator.error is None or takes_probabilities(estimator.error)
    )


class MLPClassifier(ClassifierMixin, Perceptron):
    """Classification by a multi-layer perceptron, in place of scikit-learn's. y: (rows,) of labels of any one type.

    Parameters and attributes: docs/scikit-learn.md. classes_: the labels in their order, of their type. E_in, as loss_
    has it, is the mean cross-entropy.
    """

    classes: ClassVar[bool] = True
    classes_: np.ndarray

    def predict(self, X: Any) -> np.ndarray:
        """The labels for X, (rows,) of the type of y. Local."""
        outputs = self._outputs(X)
        assert self.model_.preparation.classes is not None
        return self.classes_[self._codes[self.model_.preparation.classes.decode(outputs.T)]]

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any, averaged: bool = False) -> np.ndarray:
        """The probabilities of the classes for X, rows × classes, in the order of classes_. Local.

        Logistic outputs of three classes or more are each divided by their sum. averaged: over what the weights may be;
        UserError unless the estimator was made with intervals="all" or "last".
        """
        outputs = self._averaged(X) if averaged else self._outputs(X)
        probabilities = np.zeros((len(outputs), len(self.classes_)))
        probabilities[:, self._codes] = as_probabilities(outputs, self.out_activation_)
        return probabilities

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithms of `predict_proba`. Local."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _averaged(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validated(self, X, reset=False, dtype=np.float64)
        with blas.limited_threads(self.threads):
            return self.model_.probabilities(X)

    def _checked(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        X, y = validated(self, X, y, dtype=np.float64, ensure_min_samples=self._least)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return X, y

    def _targets(self, y: np.ndarray, ranks: Ranks) -> np.ndarray:
        found = [labels for labels in ranks.gather(np.unique(y)) if len(labels)]
        classes = np.unique(np.concatenate(found)) if found else y[:0]
        if self.warm_start and hasattr(self, "model_") and not np.array_equal(classes, self.classes_):
            raise UserError("warm_start: y has other classes than those that the estimator was fitted to before.")
        if len(classes) == 1:
            raise UserError(f"y holds one class only, {classes.tolist()[0]!r}: there is nothing to learn.")
        self.classes_ = classes
        return np.searchsorted(classes, y)

    def _named(self, preparation: Preparation) -> Preparation:
        """With the labels for the names of classes, which were numbers, in the same order."""
        preparation, classes = super()._named(preparation), preparation.classes
        assert classes is not None
        self._codes = np.array([int(code) for code in classes.names])  # of classes with a weight above 0
        names = tuple(label_name(label) for label in self.classes_[self._codes].tolist())
        return replace(
            preparation, classes=replace(classes, names=names, kind=KINDS.get(self.classes_.dtype.kind, "words"))
        )
