"""Every value that makes no sense is one sentence."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from distnn import UserError
from distnn.runs.options import Options, check, flag

BAD: list[tuple[dict[str, Any], str]] = [
    *[
        ({name: value}, f"{flag(name)} {value}: give a number of at least ")
        for name, value in itertools.chain(
            itertools.product(
                ("examples", "batch_size", "threads", "window", "restarts"),
                (0, -1),
            ),
            itertools.product(("min_improvement", "weight_decay", "max_seconds", "sigma"), (-0.5, float("nan"))),
            [
                ("max_iterations", -1),
                ("patience", -1),
                ("plateau", -1),
                ("checkpoint_every", -2),
                ("keep", 1),
                ("seed", -1),
                ("sigma", float("inf")),
            ],
        )
    ],
    ({"validation": 1.0}, "--validation 1.0: give a share"),
    ({"validation": -0.1}, "--validation -0.1: give a share"),
    ({"validation": float("nan")}, "--validation nan: give a share"),
    ({"test": 1.0}, "--test 1.0: give a share"),
    ({"test": float("nan")}, "--test nan: give a share"),
    ({"validation": 0.5, "test": 0.5}, "--validation 0.5 and --test 0.5 leave no row to train on"),
    ({"hidden": (3, 0)}, "--hidden 3 0: every layer needs a width of at least 1"),
    ({"seed": 2**63}, r"--seed \d+: give a number below 2\^63"),
    ({"patience": 3}, "--patience needs examples to be held out: add --validation"),
    ({"stop": "t > 9 and E_val < 0.1"}, "E_val or stale in --stop needs examples to be held out: add --validation"),
    ({"stop": "t > 9 or (stale > 3)"}, "E_val or stale in --stop needs examples to be held out: add --validation"),
    ({"resume": True, "overwrite": True, "out": "x"}, "--resume and --overwrite contradict each other"),
    ({"targets": ("y",)}, "--targets and --weights are for a table of your own: give it first"),
    ({"weights": "w"}, "--targets and --weights are for a table of your own"),
    ({"indicator": True}, "--indicator says which values were filled in: add --impute"),
    ({"impute": "drop", "indicator": True}, "--impute drop leaves the rows out that --indicator would mark"),
    ({"fill": 1.5}, "--fill 1.5 is what --impute constant fills in: add it"),
    ({"impute": "constant", "fill": float("inf")}, "--fill inf: give a finite number"),
    ({"categories": 0}, "--categories 0: give a number of at least 1"),
    ({"optimizer": "lbfgs", "batch_size": 32}, "--batch-size is for optimizers that draw examples .*; lbfgs takes all"),
    ({"optimizer": "lbfgs", "sampling": "epochs"}, "--sampling is for optimizers that draw examples"),
    (
        {"optimizer": "bayesian", "weight_decay": 0.1},
        "--weight-decay does not go with .* bayesian, which finds the decay",
    ),
    (
        {"optimizer": "bayesian", "validation": 0.1},
        "--validation does not go with the optimizer bayesian, which learns",
    ),
    ({"optimizer": "bayesian", "noise": "both"}, "--noise both: choose from each, one"),
    ({"optimizer": "bayesian", "tolerance": -1.0}, "--tolerance -1.0: give a finite number at least 0"),
    ({"optimizer": "lbfgs", "evaluate_every": 5}, "--evaluate-every is for optimizers that draw .*; lbfgs takes all"),
    ({"evaluate_every": 5}, r"--evaluate-every is for .* \(sgd, adam\); name one of these by --optimizer, or leave"),
    ({"sampling": "epochs", "pairs": 5}, "--sampling is for optimizers that draw examples"),
    ({"stop": "t >"}, "--stop 't >' cannot be read"),
    ({"goal": float("nan")}, "--goal nan"),
    ({"eta": -0.1}, "--eta -0.1"),
    ({"eta": 0.0}, "--eta 0.0"),
    ({"eta": float("nan")}, "--eta nan"),
    ({"optimizer": "adamw"}, "--optimizer adamw: choose from gradient-descent, "),
    ({"theta": "tan"}, "--theta tan: choose from tanh, "),
    ({"dtype": "float16"}, "--dtype float16: choose from float64, float32"),
    ({"error": "cubic"}, "--error cubic: choose from squared, "),
    ({"reduction": "fast"}, "--reduction fast: choose from exact, plain"),
]


@pytest.mark.parametrize(("values", "sentence"), BAD, ids=[str(values) for values, _ in BAD])
def test_values_that_make_no_sense(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=f"^{sentence}"):
        check(Options(**values))
