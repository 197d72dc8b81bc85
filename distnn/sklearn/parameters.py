"""The estimators' parameters: the options of `fit`, by scikit-learn's names where it has them."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from distnn.errors import UserError
from distnn.optimizers import OPTIMIZERS
from distnn.runs.options import Options, check, having_settings
from distnn.runs.options.in_python import speaking_python
from distnn.runs.options.of_fit import OPTIONS
from distnn.runs.plan import output

# scikit-learn's names of fit's options, and its defaults but for two: tanh and a solver that suits, not relu and adam.
NAMES: dict[str, tuple[str, Any]] = {
    "hidden_layer_sizes": ("hidden", (100,)),
    "activation": ("theta", "tanh"),
    "solver": ("optimizer", "auto"),
    "alpha": ("weight_decay", 0.0001),
    "batch_size": ("batch_size", "auto"),
    "learning_rate_init": ("eta", None),
    "max_iter": ("max_iterations", 200),
    "random_state": ("seed", None),
    "tol": ("min_gradient", 0.0001),
    "n_iter_no_change": ("window", 10),
    "validation_fraction": ("validation", 0.1),
    "nesterovs_momentum": ("nesterov", None),
    "beta_1": ("beta1", None),
    "beta_2": ("beta2", None),
}
# What is no option of fit: early_stopping turns validation_fraction on; warm_start begins with the weights that are
# there; rows: whether each rank passes "all" rows, the same, or its "own".
OURS: dict[str, Any] = {"early_stopping": False, "warm_start": False, "verbose": False, "rows": "all"}
# Options of fit that follow from the rest, and those that do what scikit-learn has preprocessing for.
ELSEWHERE = ("weights", "classes", "patience", "evaluate_every")
PREPROCESSING = (
    *("inputs", "ignore", "types", "missing", "impute", "fill", "indicator", "categories", "transform"),
    "class_weights",
)

IN_SENTENCES = (
    {name: name for name in OPTIONS}
    | {option: name for name, (option, _) in NAMES.items()}
    | {"resume": "warm_start=True", "start": "warm_start", "patience": "early_stopping"}
)
SMALLEST_BATCH = 200  # scikit-learn's "auto": this many rows, or all


def parameters() -> dict[str, Any]:
    """All parameters with their defaults, scikit-learn's first."""
    taken = {option for option, _ in NAMES.values()} | {*ELSEWHERE, *PREPROCESSING}
    own = {field.name: field.default for field in fields(Options) if field.name in OPTIONS and field.name not in taken}
    return {name: default for name, (_, default) in NAMES.items()} | OURS | own


def options(values: Mapping[str, Any], rows: int, weight: float, seed: int, classes: bool) -> dict[str, Any]:
    """What to give to `fit`. Local.

    values: of all parameters; rows: n; weight: Σ of the examples' weights, n where there are none. UserError for a
    value that makes no sense.
    """
    given = {NAMES[name][0] if name in NAMES else name: value for name, value in values.items() if name not in OURS}
    if given["optimizer"] == "auto":
        given["optimizer"] = None
    if isinstance(given["hidden"], list | tuple):
        given["hidden"] = tuple(given["hidden"])
    elif isinstance(given["hidden"], numbers.Integral):
        given["hidden"] = (int(given["hidden"]),)
    batch = given["batch_size"]
    given |= {"seed": seed, "classes": classes, "batch_size": 1 if batch == "auto" else batch}
    auto = given["weight_decay"] == "auto"
    if auto:
        given["weight_decay"] = None
    if not values["early_stopping"]:
        given |= _left_out(given["optimizer"], values)
    as_given = Options(**given)
    check(as_given)  # before anything is computed from them
    if stochastic(as_given):
        # scikit-learn counts such iterations in passes over the rows: so many steps make one
        size = min(SMALLEST_BATCH, rows) if batch == "auto" else batch
        every = max(1, rows // size)
        given |= {"batch_size": size, "evaluate_every": every, "window": given["window"] * every}
        given |= {"min_improvement": given["min_improvement"] or values["tol"], "min_gradient": 0.0}
        if given["max_iterations"] is not None:
            given["max_iterations"] *= every
    if values["early_stopping"]:
        given["patience"] = given["window"]
    else:
        given["validation"] = None if auto else 0.0
    if given["weight_decay"] and weight > 0:  # else `fit` says what is wrong with the weights
        # scikit-learn minimises half of the mean squared error, or the mean cross-entropy, and alpha Σ W² / 2n
        squared = output(as_given, classes)[1] == "squared"
        given["weight_decay"] /= weight if squared else 2 * weight
    return given


def _left_out(solver: str | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """What this solver does without, and nobody asked for: 0 instead of scikit-learn's defaults."""
    excluded = getattr(OPTIMIZERS.get(solver or ""), "excludes", {})
    return {option: 0.0 for name, (option, default) in NAMES.items() if option in excluded and values[name] == default}


def stochastic(given: Options) -> bool:
    """Is that a stochastic optimizer, named or chosen by its settings? False for what is no optimizer."""
    name = given.optimizer
    if name is None and given.batch_size != 1:
        name = having_settings(given)
    return name in OPTIMIZERS and OPTIMIZERS[name].stochastic


def renamed(error: UserError) -> UserError:
    """The same sentence with parameters of the estimators instead of the command line's flags."""
    return speaking_python(error, IN_SENTENCES)
