"""The estimators of distnn.sklearn, imported where they are used: scikit-learn takes seconds to import."""

from __future__ import annotations

from typing import Any

import pytest

# Most tests stop a training before it is done, which it says.
quiet = pytest.mark.filterwarnings("ignore:Stopped because", "ignore:Stochastic Optimizer", "ignore:lbfgs failed")


def regressor(**parameters: Any) -> Any:
    from distnn.sklearn import MLPRegressor

    return MLPRegressor(**parameters)


def classifier(**parameters: Any) -> Any:
    from distnn.sklearn import MLPClassifier

    return MLPClassifier(**parameters)
