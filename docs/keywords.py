"""Makes anew what type checkers read of options: distnn/keywords.py, those of `fit`, and distnn/sklearn/__init__.pyi,
the parameters of the estimators. Run it after a change:

python docs/keywords.py
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from distnn.api import fit
from distnn.declared import declared
from distnn.runs.options.of_fit import OPTIONS, PAIRS
from distnn.runs.options.options import Options
from distnn.sklearn.parameters import NAMES, parameters

FOLDER = Path(__file__).parents[1] / "distnn"
PARAMETERS = inspect.signature(fit).parameters
HEAD = '''"""The options of `fit` with their types, for type checkers and editors. Made by docs/keywords.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict


class Keywords(TypedDict, total=False):
    """What `fit` takes by name, besides its own parameters."""

'''


ESTIMATORS = '''"""distnn.sklearn as type checkers see it. Made by docs/keywords.py."""

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
    def __init__(self, {parameters}) -> None: ...
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
'''


def text(kind: Any) -> str:
    """A type as an annotation of what `fit` takes for it."""
    if get_origin(kind) is tuple:
        item = text(get_args(kind)[0])
        return f"Sequence[{item}] | {item}"
    if get_origin(kind) is Literal:
        return f"Literal[{', '.join(map(repr, get_args(kind)))}]"
    if get_args(kind):
        return " | ".join(map(text, get_args(kind)))
    return "None" if kind is type(None) else kind.__name__


def module() -> str:
    """The text of keywords.py."""
    options = [option for option in declared(Options) if option.name in OPTIONS and option.name not in PARAMETERS]
    pairs = dict.fromkeys(PAIRS, " | Mapping[str, str]") | {"class_weights": " | Mapping[Any, float]"}
    return HEAD + "".join(f"    {option.name}: {text(option.kind)}{pairs.get(option.name, '')}\n" for option in options)


def estimators() -> str:
    """The text of the stub of distnn.sklearn: two parameters may be given without their names."""
    given = [f"{name}: {_of_parameter(name, default)} = ..." for name, default in parameters().items()]
    return ESTIMATORS.replace("{parameters}", ", ".join([*given[:2], "*", *given[2:]]))


def _of_parameter(name: str, default: Any) -> str:
    """What a parameter may be: what its option may, and its default; a seed may be a generator, too."""
    if name == "random_state":
        return "Any"
    kinds = {option.name: text(option.kind) for option in declared(Options)}
    kind = kinds.get(NAMES[name][0] if name in NAMES else name, type(default).__name__)
    more = ['Literal["auto"]'] if default == "auto" or name == "alpha" else []
    several = [part for part in kind.split(" | ") if part != "None"]
    return " | ".join([*several, *more, *["None"] * (default is None or several != kind.split(" | "))])


FILES = {FOLDER / "keywords.py": module, FOLDER / "sklearn/__init__.pyi": estimators}


def formatted(file: Path) -> str:
    """What a file should hold, as ruff formats it."""
    formatter = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(file), "-"]
    return subprocess.run(formatter, input=FILES[file](), capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    for file in FILES:
        file.write_text(formatted(file), encoding="utf-8")
