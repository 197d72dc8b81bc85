"""The estimator for numbers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d

from distnn.kernels import blas
from distnn.parallel.ranks import Ranks
from distnn.sklearn.estimator import Perceptron, validated


class MLPRegressor(RegressorMixin, Perceptron):
    """Regression by a multi-layer perceptron, in place of scikit-learn's. y: (rows,), or rows × targets.

    Parameters and attributes: docs/scikit-learn.md. E_in, as loss_ has it, is the mean of Σ (h(x) - y)² over rows, of
    standardised targets.
    """

    classes: ClassVar[bool] = False

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The predictions for X, float64 (rows,), or rows × targets if y had two dimensions. Local.

        return_std: these, and the standard deviations of new observations, as scikit-learn's Gaussian processes give
        them; UserError unless the estimator was made with intervals="all" or "last".
        """
        outputs = self._outputs(X)
        mean = outputs if self._many else outputs[:, 0]
        if not return_std:
            return mean
        X = validated(self, X, reset=False, dtype=np.float64)
        with blas.limited_threads(self.threads):
            _, deviation = self.model_.deviations(X)
        return mean, deviation if self._many else deviation[:, 0]

    def _checked(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        X, y = validated(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, ensure_min_samples=self._least
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, np.asarray(y, np.float64)

    def _targets(self, y: np.ndarray, ranks: Ranks) -> np.ndarray:
        self._many = ranks.merged(y.ndim if len(y) else 0, max) > 1
        return y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
