"""Arguments of the wrong type, for each of every public function and method: a sentence that says which one it was."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distnn
from distnn.errors import shown
from distnn.runs.options.of_fit import OPTIONS

generator = np.random.default_rng(0)
X = generator.normal(size=(60, 3))
Y = np.round(X[:, 0] + np.sin(3 * X[:, 1]) + generator.normal(size=60), 2)
LABELS = np.where(Y > 0, "yes", "no")
FEW: Any = {"hidden": (2,), "max_iterations": 3}
WRONG = [
    *(
        "x",
        b"x",
        1.5,
        float("nan"),
        -1,
        2**70,
        10**5000,
        1j,
        True,
        np.float64(3),
        object(),
        dict,
        [],
        {"a": 1},
        [1, "a", None],
    ),
    *(
        [[1], [1, 2]],
        np.zeros((2, 2, 2)),
        np.array([object()]),
        np.full((60, 3), object()),
        [[10**400] * 3],
        np.datetime64("2024-01-01"),
        iter(()),
        lambda: 1,
        None,
    ),
]
GOOD: dict[str, Any] = {"X": X, "d": [3, 2, 1], "probability": 0.9, "return_std": False, "sigma": 0.5, "seed": 1}
# What the sentence calls an argument, where that is not its name.
CALLED = {
    "X": "X|[Tt]he inputs|the arrays",
    "d": "architecture",
    "theta": "activation",
    "output_theta": "output",
    "path": "path|cannot be",
    "folds_by": "folds_by|no column",
}


def methods(owner: object, *others: str) -> Iterator[Callable[..., Any]]:
    """The public ones with arguments, but for those that take what is not public."""
    for name in ("__call__", *(name for name in dir(owner) if not name.startswith("_"))):
        method = getattr(owner, name, None)
        if inspect.ismethod(method) and name not in others and inspect.signature(method).parameters:
            yield method


@pytest.fixture(scope="module")
def callables(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
    """With what their arguments have to be, by name."""
    path = {"path": tmp_path_factory.mktemp("models") / "m.safetensors"}
    found: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (distnn.Network, GOOD),
        (distnn.load_model, path),
        (distnn.fit, GOOD | {"Y": Y}),
        (distnn.cross_validate, GOOD | {"Y": Y}),
        *((method, GOOD) for method in methods(distnn.Network([3, 2, 1]))),
    ]
    inner = ("bounds_of", "derivative_of", "unscale", "write", "restore", "spread_of")
    for y in (Y, LABELS):
        fit = distnn.fit(X, y, intervals="all", **FEW)
        fit.save(path["path"])
        ensemble = distnn.fit(X, y, members=2, **FEW).model
        for owner in (fit, fit.model, ensemble, distnn.cross_validate(X, y, 2, **FEW)):
            found += [(method, GOOD | path | {"Y": y}) for method in methods(owner, *inner)]
    return found


def test_a_sentence_names_the_argument(
    callables: list[tuple[Callable[..., Any], dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a file may be called x
    warnings.simplefilter("ignore")
    tried = 0
    for function, good in callables:
        parameters = inspect.signature(function).parameters
        kinds = {name: parameter for name, parameter in parameters.items() if parameter.kind != parameter.VAR_KEYWORD}
        needed = {name: good[name] for name, parameter in kinds.items() if parameter.default is parameter.empty}
        more = FEW if len(kinds) < len(parameters) else {}
        for name, value in ((name, value) for name in kinds for value in WRONG):
            where = f"{function.__qualname__}({name}={shown(value)})"
            if name == "on_iteration" and callable(value):  # what it raises is the caller's
                continue
            try:
                function(**needed | more | {name: value})
            except distnn.UserError as error:
                said = str(error)
                unable = "have no deviations" in said or "no probabilities" in said or "not on classes" in said
                assert "\n" not in said and (unable or re.search(CALLED.get(name, name), said)), f"{where}: {said}"
                tried += 1
            except Exception as error:
                pytest.fail(f"{where}: {error!r}")
            else:
                assert value is None or name not in ("X", "Y", "d", "probability", "network"), where
    assert tried > 1000


@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_fit(name: str) -> None:
    """As refused as on the command line, or of use: many take several values, or words."""
    warnings.simplefilter("ignore")
    for value in WRONG:
        try:
            distnn.fit(X, Y, **{"max_iterations": 2, "hidden": (2,), "optimizer": "adam"} | {name: value})
        except distnn.UserError as error:
            assert "\n" not in str(error), shown(value)
            assert len(str(error)) < 500, shown(value)
