"""Every check that scikit-learn has for estimators, without one expected failure."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from estimators import classifier, regressor


def check(estimator: Any) -> None:
    """All checks pass, but for one that is for estimators which take arrays of other libraries."""
    from sklearn.utils.estimator_checks import check_estimator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_skip=None)
    skipped = [result["check_name"] for result in results if result["status"] == "skipped"]
    assert len(results) > 50 and skipped == ["check_array_api_input"]
    assert {result["status"] for result in results} == {"passed", "skipped"}


@pytest.mark.parametrize("kind", [regressor, classifier])
def test_all_checks(kind: Any) -> None:
    check(kind(hidden_layer_sizes=(3,), max_iter=4))
