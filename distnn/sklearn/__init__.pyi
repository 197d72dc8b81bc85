"""distnn.sklearn as type checkers see it. Made by docs/keywords.py."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Self, overload

import numpy as np
from sklearn.base import BaseEstimator

from distnn import Model, Record

__all__ = ["MLPClassifier", "MLPRegressor", "communicator"]

def communicator(comm: Any) -> AbstractContextManager[None]: ...

class _Perceptron(BaseEstimator):
    model_: Model
    records_: list[Record]
    reason_: str
    n_iter_: int
    loss_: float
    best_loss_: float
    loss_curve_: list[float]
    validation_loss_curve_: list[float]
    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    n_features_in_: int
    feature_names_in_: np.ndarray
    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | int | None = ...,
        activation: Literal["tanh", "logistic", "relu", "identity", "sign"] = ...,
        *,
        solver: Literal[
            "gradient-descent",
            "adaptive-gradient-descent",
            "lbfgs",
            "levenberg-marquardt",
            "bayesian",
            "truncated-newton",
            "sgd",
            "adam",
        ]
        | Literal["auto"]
        | None = ...,
        alpha: float | Literal["auto"] | None = ...,
        batch_size: int | Literal["auto"] = ...,
        learning_rate_init: float | None = ...,
        max_iter: int | None = ...,
        random_state: Any = ...,
        tol: float = ...,
        n_iter_no_change: int = ...,
        validation_fraction: float | None = ...,
        nesterovs_momentum: bool | None = ...,
        beta_1: float | None = ...,
        beta_2: float | None = ...,
        early_stopping: bool = ...,
        warm_start: bool = ...,
        verbose: bool = ...,
        rows: str = ...,
        test: float = ...,
        standardise: bool = ...,
        standardise_targets: bool | None = ...,
        output_theta: Literal["tanh", "logistic", "relu", "identity", "sign", "softmax"] | None = ...,
        error: Literal["squared", "cross-entropy"] | None = ...,
        sigma: float | None = ...,
        dtype: Literal["float64", "float32"] = ...,
        fit_exactly: bool = ...,
        sampling: Literal["replacement", "epochs"] = ...,
        intervals: Literal["all", "last"] | None = ...,
        reduction: Literal["exact", "plain"] = ...,
        device: Literal["cpu", "gpu", "xla-cpu"] = ...,
        precision: Literal["full", "tf32"] = ...,
        threads: int = ...,
        goal: float | None = ...,
        min_step: float = ...,
        min_improvement: float = ...,
        plateau: int | None = ...,
        max_evaluations: float | None = ...,
        max_seconds: float | None = ...,
        stop: str | None = ...,
        members: int | None = ...,
        bootstrap: bool = ...,
        check_every: int = ...,
        memory: str | None = ...,
        scratch: str | None = ...,
        pairs: int | None = ...,
        c1: float | None = ...,
        c2: float | None = ...,
        damping: float | None = ...,
        max_megabytes: float | None = ...,
        decays: Literal["one", "groups"] | None = ...,
        noise: Literal["each", "one"] | None = ...,
        tolerance: float | None = ...,
        radius: float | None = ...,
        max_products: int | None = ...,
        schedule: Literal["constant", "step", "cosine"] | None = ...,
        decay_steps: int | None = ...,
        decay_factor: float | None = ...,
        warm_up: int | None = ...,
        clip: float | None = ...,
        momentum: float | None = ...,
        epsilon: float | None = ...,
        decoupled_decay: float | None = ...,
    ) -> None: ...
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self: ...
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...

class MLPRegressor(_Perceptron):
    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> np.ndarray: ...
    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[np.ndarray, np.ndarray]: ...

class MLPClassifier(_Perceptron):
    classes_: np.ndarray
    def predict(self, X: Any) -> np.ndarray: ...
    def predict_proba(self, X: Any, averaged: bool = False) -> np.ndarray: ...
    def predict_log_proba(self, X: Any) -> np.ndarray: ...
