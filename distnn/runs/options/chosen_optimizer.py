"""From options to an optimizer: the one that was named, or the one that suits what was given."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from distnn.declared import flag
from distnn.errors import UserError
from distnn.network.error_functions import is_sum_of_squares
from distnn.optimizers import OPTIMIZERS, Optimizer, choose
from distnn.runs.options.options import Options
from distnn.runs.options.settings import given
from distnn.runs.options.stopping import LIMITS


def with_optimizer(options: Options, weights: int, error: str, outputs: int, rows: int) -> tuple[Options, str | None]:
    """The options with an optimizer and its limits, and a sentence that says why this one, if it was not named.

    weights: |W|; error: name of the error function; outputs: d^(L); rows: of D. UserError if none has all settings
    given.
    """
    name, why = options.optimizer, None
    if name is None and (given(options) or options.batch_size > 1):
        name = having_settings(options)
        why = f"{name}, since it has the settings that were given."
    elif name is None:
        name, why = choose(weights, error, is_sum_of_squares(error), outputs, rows)
    return replace(options, optimizer=name, **_limits(options, OPTIMIZERS[name], rows)), why


def is_chosen(options: Options) -> bool:
    """Has the user said how, or how far, the rows are to be fitted? Then nothing is chosen against overfitting."""
    said = (options.optimizer, options.weight_decay, options.validation, options.goal)
    settings = bool(given(options)) or options.batch_size > 1
    return options.fit_exactly or settings or any(value is not None for value in said)


def _limits(options: Options, kind: type[Optimizer], rows: int) -> dict[str, Any]:
    """The limits that were not given and that the optimizer has."""
    limits = {
        option: getattr(kind, limit.own)
        for option, (_, limit) in LIMITS.items()
        if limit.own and getattr(options, option) is None
    }
    if not options.validation:
        limits.pop("patience", None)
    elif "patience" in limits and kind.stochastic:
        limits["patience"] *= max(1, rows // options.batch_size)
    return limits


def having_settings(options: Options) -> str:
    """The first optimizer that has all settings given; a stochastic one if there is a batch size."""
    for name, kind in OPTIMIZERS.items():
        has_all = given(options).keys() <= {setting.name for setting in fields(kind)}  # type: ignore[arg-type]
        if has_all and (kind.stochastic or options.batch_size == 1):
            return name
    names = ", ".join(flag(name) for name in [*given(options), *["batch_size"] * (options.batch_size > 1)])
    raise UserError(f"No optimizer has all of the settings {names}: name the one that you want by --optimizer.")


def optimizer(options: Options) -> Optimizer:
    """The optimizer with its settings. UserError if a setting was given that it does not have."""
    assert options.optimizer is not None  # see with_optimizer
    kind, settings = OPTIMIZERS[options.optimizer], given(options)
    own = {setting.name for setting in fields(kind)}  # type: ignore[arg-type]
    for name in settings.keys() - own:
        having = [other for other, k in OPTIMIZERS.items() if name in {s.name for s in fields(k)}]  # type: ignore[arg-type]
        raise UserError(
            f"{flag(name)} is not a setting of the optimizer {options.optimizer}, but of: {', '.join(having)}."
        )
    return kind(**settings)
