"""Settings that make no sense are one sentence."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from distnn.errors import UserError
from distnn.optimizers import OPTIMIZERS
from distnn.optimizers.adam import Adam
from distnn.optimizers.adaptive_gradient_descent import AdaptiveGradientDescent
from distnn.optimizers.gradient_descent import GradientDescent
from distnn.optimizers.lbfgs import LBFGS
from distnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from distnn.optimizers.sgd import StochasticGradientDescent
from distnn.optimizers.truncated_newton import TruncatedNewton

BAD = [
    (GradientDescent, {"eta": 0.0}, "--eta 0.0: give a finite number above 0"),
    (AdaptiveGradientDescent, {"eta": -1.0}, "--eta"),
    (LBFGS, {"pairs": 0}, "--pairs 0: give a finite number at least 1"),
    (LBFGS, {"c1": 0.5, "c2": 0.4}, "c1 must be below c2"),
    (LBFGS, {"c2": 1.0}, "--c2 1.0: give a finite number above 0 and below 1"),
    (LevenbergMarquardt, {"damping": math.nan}, "--damping"),
    (LevenbergMarquardt, {"max_megabytes": 0.0}, "--max-megabytes"),
    (TruncatedNewton, {"radius": math.inf}, "--radius"),
    (TruncatedNewton, {"max_products": 0}, "--max-products"),
    (StochasticGradientDescent, {"momentum": 1.0}, "--momentum"),
    (StochasticGradientDescent, {"clip": -1.0}, "--clip"),
    (StochasticGradientDescent, {"decay_steps": 0}, "--decay-steps"),
    (StochasticGradientDescent, {"schedule": "linear"}, "--schedule linear"),
    (Adam, {"beta1": 1.0}, "--beta1"),
    (Adam, {"beta2": -0.1}, "--beta2"),
    (Adam, {"epsilon": 0.0}, "--epsilon"),
    (Adam, {"eta": math.inf}, "--eta"),
    (Adam, {"warm_up": -1}, "--warm-up"),
    (Adam, {"decoupled_decay": -1.0}, "--decoupled-decay"),
]


@pytest.mark.parametrize("kind, settings, words", BAD)
def test_bad_settings(kind: Any, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        kind(**settings)
    assert words in str(caught.value)


def test_every_number_that_can_be_set_is_checked() -> None:
    for kind in OPTIMIZERS.values():
        for setting in dataclasses.fields(kind):  # type: ignore[arg-type]
            if type(setting.default) is not bool and not isinstance(setting.default, str):
                with pytest.raises(UserError):
                    kind(**{setting.name: math.nan})
