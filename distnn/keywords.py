"""The options of `fit` with their types, for type checkers and editors. Made by docs/keywords.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict


class Keywords(TypedDict, total=False):
    """What `fit` takes by name, besides its own parameters."""

    inputs: Sequence[str] | str
    ignore: Sequence[str] | str
    types: Sequence[str] | str | Mapping[str, str]
    missing: Sequence[str] | str
    impute: Literal["mean", "median", "constant", "drop"] | None
    fill: float
    indicator: bool
    categories: int
    transform: Sequence[str] | str | Mapping[str, str]
    class_weights: Sequence[str] | str | Mapping[Any, float]
    classes: bool | None
    validation: float | None
    test: float
    standardise: bool
    standardise_targets: bool | None
    hidden: Sequence[int] | int | None
    theta: Literal["tanh", "logistic", "relu", "identity", "sign"]
    output_theta: Literal["tanh", "logistic", "relu", "identity", "sign", "softmax"] | None
    error: Literal["squared", "cross-entropy"] | None
    weight_decay: float | None
    sigma: float | None
    seed: int
    dtype: Literal["float64", "float32"]
    optimizer: (
        Literal[
            "gradient-descent",
            "adaptive-gradient-descent",
            "lbfgs",
            "levenberg-marquardt",
            "bayesian",
            "truncated-newton",
            "sgd",
            "adam",
        ]
        | None
    )
    fit_exactly: bool
    batch_size: int
    sampling: Literal["replacement", "epochs"]
    evaluate_every: int
    intervals: Literal["all", "last"] | None
    reduction: Literal["exact", "plain"]
    device: Literal["cpu", "gpu", "xla-cpu"]
    precision: Literal["full", "tf32"]
    threads: int
    max_iterations: int | None
    goal: float | None
    min_gradient: float
    min_step: float
    min_improvement: float
    plateau: int | None
    patience: int | None
    max_evaluations: float | None
    max_seconds: float | None
    window: int
    stop: str | None
    members: int | None
    bootstrap: bool
    check_every: int
    memory: str | None
    scratch: str | None
    eta: float | None
    pairs: int | None
    c1: float | None
    c2: float | None
    damping: float | None
    max_megabytes: float | None
    decays: Literal["one", "groups"] | None
    noise: Literal["each", "one"] | None
    tolerance: float | None
    radius: float | None
    max_products: int | None
    schedule: Literal["constant", "step", "cosine"] | None
    decay_steps: int | None
    decay_factor: float | None
    warm_up: int | None
    clip: float | None
    momentum: float | None
    nesterov: bool | None
    beta1: float | None
    beta2: float | None
    epsilon: float | None
    decoupled_decay: float | None
