"""Every option has help and a sensible default; every value that makes no sense is one sentence."""

from __future__ import annotations

import itertools
import re
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from distnn import UserError
from distnn.optimizers import OPTIMIZERS
from distnn.runs.options import ACTIONS, Options, check, criterion, flag, group, optimizer
from distnn.training.termination import Record

NAMES = [field.name for field in fields(Options)]
HINTS = get_type_hints(Options, include_extras=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_a_type_a_group_and_help(name: str) -> None:
    kind, of, words = get_args(HINTS[name])
    assert of == group(name)
    assert re.match(r"[^\W\d_].*\.$", words), f"{flag(name)}: {words!r} is not a sentence"
    assert kind is not None
    assert flag(name) == "--" + name.replace("_", "-")
    default = next(field.default for field in fields(Options) if field.name == name)
    if get_origin(kind) is Literal:
        assert default in get_args(kind)


def test_the_defaults_are_allowed() -> None:
    check(Options())
    assert {group(name) for name in ("print_config", "dry_run")} == {ACTIONS}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_setting_of_an_optimizer_is_an_option(name: str) -> None:
    kind = OPTIMIZERS[name]
    assert optimizer(Options(optimizer=name)) == kind()
    for setting in fields(kind):  # type: ignore[arg-type]
        assert f"{name}: {setting.default}" in get_args(HINTS[setting.name])[-1]
        if isinstance(setting.default, float):
            chosen = optimizer(Options(optimizer=name, **{setting.name: setting.default / 2}))
            assert getattr(chosen, setting.name) == setting.default / 2


def test_a_setting_of_another_optimizer() -> None:
    others = [
        (name, setting.name, setting.default)
        for name, kind in OPTIMIZERS.items()
        for other in OPTIMIZERS.values()
        for setting in fields(other)  # type: ignore[arg-type]
        if setting.name not in {own.name for own in fields(kind)}  # type: ignore[arg-type]
    ]
    for name, setting, value in others:
        with pytest.raises(UserError, match=f"{flag(setting)} is not a setting of the optimizer {name}, but of: "):
            check(Options(optimizer=name, **{setting: value}))


BAD: list[tuple[dict[str, Any], str]] = [
    *[
        ({name: value}, f"{flag(name)} {value}: give a number of at least ")
        for name, value in itertools.chain(
            itertools.product(
                ("examples", "batch_size", "threads", "window", "restarts", "patience"),
                (0, -1),
            ),
            itertools.product(("min_improvement", "weight_decay", "max_seconds", "sigma"), (-0.5, float("nan"))),
            [("max_iterations", -1), ("checkpoint_every", -2), ("keep", 1), ("seed", -1), ("sigma", float("inf"))],
        )
    ],
    ({"validation": 1.0}, "--validation 1.0: give a share"),
    ({"validation": -0.1}, "--validation -0.1: give a share"),
    ({"validation": float("nan")}, "--validation nan: give a share"),
    ({"hidden": (3, 0)}, "--hidden 3 0: every layer needs a width of at least 1"),
    ({"seed": 2**63}, r"--seed \d+: give a number below 2\^63"),
    ({"patience": 3}, "--patience needs examples to be held out: add --validation"),
    ({"resume": True, "overwrite": True, "out": "x"}, "--resume and --overwrite contradict each other"),
    ({"targets": ("y",)}, "--targets and --weights are for a table of your own: add --data FILE"),
    ({"weights": "w"}, "--targets and --weights are for a table of your own"),
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


def test_any_criterion_stops() -> None:
    record = Record(t=10, E_in=0.5, gradient_norm=0.1, step=0.1, improvement=0.01, stale=3, evaluations=9, seconds=7)
    assert criterion(Options())(record) is None
    for name, value in {
        "max_iterations": 10,
        "goal": 0.5,
        "min_improvement": 0.02,
        "min_gradient": 0.2,
        "min_step": 0.2,
        "patience": 3,
        "max_evaluations": 8.0,
        "max_seconds": 6.5,
        "stop": "t > 9 and stale > 2",
    }.items():
        assert criterion(Options(**{name: value}))(record) is not None, name
