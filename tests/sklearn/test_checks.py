"""Every check that scikit-learn has for estimators, without one expected failure, and some of them on ranks."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from estimators import classifier, regressor

KINDS = [regressor, classifier]
ON_RANKS = {
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_fit1d",
    "check_fit_idempotent",
    "check_sample_weights_shape",
    "check_sample_weights_list",
}


def check(estimator: Any) -> None:
    """All checks pass, but for one that is for estimators which take arrays of other libraries."""
    from sklearn.utils.estimator_checks import check_estimator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_skip=None)
    skipped = [result["check_name"] for result in results if result["status"] == "skipped"]
    assert len(results) > 50 and skipped == ["check_array_api_input"]
    assert {result["status"] for result in results} == {"passed", "skipped"}


@pytest.mark.parametrize("kind", KINDS)
def test_all_checks(kind: Any) -> None:
    check(kind(hidden_layer_sizes=(3,), max_iter=4))


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("kind", KINDS)
def test_some_checks_where_every_rank_passes_the_same_rows(kind: Any, comm: Any) -> None:
    """What only ranks can spoil: errors before, in and after a training, pickling, and a training once more."""
    from sklearn.utils.estimator_checks import estimator_checks_generator

    assert comm.size > 1
    passed = []
    for estimator, check_of in estimator_checks_generator(kind(hidden_layer_sizes=(3,), max_iter=4)):
        name = check_of.func.__name__
        if name in ON_RANKS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check_of(estimator)
            passed.append(name)
    assert set(passed) == ON_RANKS
