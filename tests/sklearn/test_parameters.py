"""Parameters: scikit-learn's names and meanings, and all of fit's options beside them."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from estimators import quiet, regressor
from tables import regression

from distnn import UserError
from distnn.runs.options.of_fit import OPTIONS

pytestmark = quiet

X, Y = regression(80)


def converted(rows: int = 1000, weight: float = 1000, classes: bool = False, **values: Any) -> dict[str, Any]:
    from distnn.sklearn.parameters import options, parameters

    return options({**parameters(), **values}, rows, weight, 0, classes)


def test_every_option_of_fit_is_there_once_by_one_name() -> None:
    from distnn.sklearn.parameters import ELSEWHERE, NAMES, OURS, PREPROCESSING, parameters

    renamed = {option for option, _ in NAMES.values()}
    own = parameters().keys() - NAMES.keys() - OURS.keys()
    assert own | renamed | {*ELSEWHERE, *PREPROCESSING} == set(OPTIONS)
    assert not own & renamed
    assert (
        list(inspect.signature(type(regressor())).parameters)
        == list(parameters())
        == sorted(regressor().get_params(), key=list(parameters()).index)
    )


def test_names_and_defaults_are_those_of_scikit_learn() -> None:
    from sklearn.neural_network import MLPRegressor

    from distnn.sklearn.parameters import NAMES

    theirs = MLPRegressor().get_params()
    defaults = {name: default for name, (_, default) in NAMES.items() if default is not None}
    different = {name for name, default in defaults.items() if theirs[name] != default}
    assert different == {"activation", "solver"}
    assert set(NAMES) | {"early_stopping", "warm_start", "verbose"} <= theirs.keys()


def test_what_a_solver_does_without_is_refused_only_where_it_was_asked_for() -> None:
    assert (converted(solver="bayesian")["weight_decay"], converted(solver="bayesian")["validation"]) == (0, 0)
    with pytest.raises(UserError, match="weight-decay does not go with the optimizer bayesian"):
        converted(solver="bayesian", alpha=0.5)
    with pytest.raises(UserError, match="validation does not go with the optimizer bayesian"):
        converted(solver="bayesian", early_stopping=True)


def test_tol_is_of_the_gradient_or_for_stochastic_solvers_of_the_improvement() -> None:
    assert converted(tol=0.5)["min_gradient"] == 0.5
    stochastic = converted(tol=0.5, solver="adam")
    assert (stochastic["min_gradient"], stochastic["min_improvement"]) == (0, 0.5)


@pytest.mark.parametrize("given", [{"solver": "sgd"}, {}])
def test_iterations_of_stochastic_solvers_are_passes(given: dict[str, Any]) -> None:
    found = converted(max_iter=7, n_iter_no_change=3, early_stopping=True, batch_size=100, **given)
    expected = {"evaluate_every": 10, "max_iterations": 70, "window": 30, "patience": 30, "validation": 0.1}
    assert {name: found[name] for name in expected} == expected
    model = regressor(max_iter=3, random_state=0, tol=0, **{**given, "batch_size": 20}).fit(X, Y[:, 0])
    assert (model.n_iter_, len(model.loss_curve_)) == (3, 3)
    assert [model.records_[t].E_in for t in (4, 8, 12)] == model.loss_curve_
    assert len({*model.loss_curve_}) == 3


def test_auto_is_two_hundred_rows_or_all() -> None:
    assert converted(rows=1000, solver="adam")["batch_size"] == 200
    assert converted(rows=80, solver="adam")["batch_size"] == 80
    assert converted(rows=80, solver="lbfgs")["batch_size"] == 1


def test_nothing_is_held_out_without_early_stopping() -> None:
    found = converted(validation_fraction=0.3)
    assert found["validation"] == 0 and "patience" not in found


def test_alpha_is_that_of_scikit_learn() -> None:
    """Both find the one minimum of a network with no hidden layer, whose loss is convex, at each alpha."""
    from sklearn.neural_network import MLPRegressor

    y = Y[:, 0]
    for alpha in (1.0, 100.0):
        theirs = MLPRegressor(
            hidden_layer_sizes=(1,), activation="identity", solver="lbfgs", alpha=alpha, tol=1e-10, max_iter=10_000
        ).fit(X, y)
        ours = regressor(
            hidden_layer_sizes=(1,), activation="identity", alpha=alpha, tol=1e-10, max_iter=10_000,
            standardise=False, standardise_targets=False, random_state=0,
        ).fit(X, y)  # fmt: skip
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4)
        assert ours.loss_ == pytest.approx(2 * theirs.loss_, rel=1e-6)


def test_alpha_of_classes_and_of_weighted_rows() -> None:
    assert converted(alpha=3.0, weight=10)["weight_decay"] == 0.3
    assert converted(alpha=3.0, weight=10, classes=True)["weight_decay"] == 0.15
    assert converted(alpha=3.0, weight=10, classes=True, error="squared")["weight_decay"] == 0.3


@pytest.mark.parametrize("hidden", [5, (5,), [5], np.int64(5)])
def test_one_hidden_layer(hidden: Any) -> None:
    assert regressor(hidden_layer_sizes=hidden, max_iter=1).fit(X, Y[:, 0]).coefs_[0].shape == (3, 5)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"hidden_layer_sizes": (4, 0)}, r"^hidden_layer_sizes=\(4, 0\): every layer needs a width"),
        ({"max_iter": -1}, "^max_iter=-1: give a number of at least 0"),
        ({"max_iter": "many", "solver": "adam"}, "^max_iter='many' is of the wrong kind"),
        ({"batch_size": "all", "solver": "adam"}, "^batch_size='all' is of the wrong kind"),
        ({"alpha": "small"}, "^alpha='small' is of the wrong kind"),
        ({"alpha": -1.0}, "^alpha=-"),
        ({"tol": None}, "^tol=None is of the wrong kind"),
        ({"solver": "newton"}, "^solver='newton': choose from"),
        ({"solver": "lbfgs", "beta_1": 0.5}, "^beta_1 is not a setting of the optimizer lbfgs, but of: adam"),
        ({"activation": "sine"}, "^activation='sine': choose from tanh"),
        ({"early_stopping": True, "validation_fraction": 1.5}, "^validation_fraction=1.5: give a share"),
        ({"rows": "mine"}, "rows='mine'"),
        ({"random_state": -1}, "^random_state=-1: give a number of at least 0"),
    ],
)
def test_bad_values(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        regressor(**given).fit(X, Y[:, 0])


def test_an_unknown_parameter() -> None:
    with pytest.raises(TypeError, match="MLPRegressor has no parameter 'shuffle': take sampling"):
        regressor(shuffle=False)
    with pytest.raises(TypeError, match="MLPRegressor has no parameter 'momentun'"):
        regressor(momentun=0.9)


def test_the_first_two_need_no_names() -> None:
    from distnn.sklearn import MLPClassifier

    made = MLPClassifier((4, 3), "relu", alpha=2)
    assert (made.hidden_layer_sizes, made.activation, made.alpha) == ((4, 3), "relu", 2)
    for placed, named in ((((4,), "relu", "adam"), {}), (((4,),), {"hidden_layer_sizes": (5,)})):
        with pytest.raises(
            TypeError, match="MLPClassifier: only hidden_layer_sizes and activation may be given without"
        ):
            MLPClassifier(*placed, **named)


def test_weights_that_are_negative() -> None:
    with pytest.raises(ValueError, match="the weight -1 is negative"):
        regressor(max_iter=1).fit(X, Y[:, 0], sample_weight=-np.ones(len(X)))


def test_sentences_name_parameters() -> None:
    from distnn.sklearn.parameters import renamed

    error = renamed(UserError("--max-iterations 3: --patience needs --validation 0.1 (not a--b)."))
    assert str(error) == "max_iter=3: early_stopping needs validation_fraction=0.1 (not a--b)."


def test_what_distnn_chooses_comes_with_auto() -> None:
    """Nothing that would say how to fit is passed on; scikit-learn's default is."""
    from distnn.sklearn import MLPRegressor

    chosen = converted(alpha="auto", hidden_layer_sizes=None)
    assert (chosen["weight_decay"], chosen["validation"], chosen["hidden"]) == (None, None, None)
    assert converted(alpha="auto", early_stopping=True)["validation"] == 0.1
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = X @ [1.0, 2.0] + 0.1 * np.random.default_rng(1).normal(size=60)
    model = MLPRegressor(alpha="auto", hidden_layer_sizes=None, random_state=0).fit(X, y)
    assert model.n_layers_ == 2  # a straight line: the network was chosen
