"""The optimizer that the options name, or that has the settings given."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_args, get_type_hints

import pytest

from distnn import UserError
from distnn.optimizers import OPTIMIZERS
from distnn.runs.options import Options, check, flag, optimizer, with_optimizer

HINTS = get_type_hints(Options, include_extras=True)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_setting_of_an_optimizer_is_an_option(name: str) -> None:
    kind = OPTIMIZERS[name]
    assert optimizer(Options(optimizer=name)) == kind()
    for setting in fields(kind):  # type: ignore[arg-type]
        assert f"{name}: {setting.default}" in get_args(HINTS[setting.name])[2]
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


def test_without_a_name_the_first_that_has_all_settings() -> None:
    first = next(name for name, kind in OPTIMIZERS.items() if "eta" in {s.name for s in fields(kind)})  # type: ignore[arg-type]
    chosen, why = with_optimizer(Options(eta=0.3), 10, "squared", 1, 60)
    assert (chosen.optimizer, why) == (first, f"{first}, since it has the settings that were given.")
    assert chosen.max_iterations == OPTIMIZERS[first].iterations
    chosen, _ = with_optimizer(Options(batch_size=4, max_iterations=7), 10, "squared", 1, 60)
    assert OPTIMIZERS[chosen.optimizer].stochastic  # type: ignore[index]
    assert chosen.max_iterations == 7
    with pytest.raises(UserError, match="No optimizer has all of the settings --pairs, --beta1"):
        check(Options(pairs=3, beta1=0.5))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_limits_that_were_not_given_are_the_optimizers(name: str) -> None:
    kind = OPTIMIZERS[name]
    held_out = Options(optimizer=name, validation=0.2, batch_size=4)
    settled, _ = with_optimizer(held_out, 10, "squared", 1, 62)
    assert (settled.max_iterations, settled.plateau) == (kind.iterations, kind.plateau)  # type: ignore[attr-defined]
    assert settled.patience == kind.patience * (15 if kind.stochastic else 1)  # passes over D
    assert with_optimizer(replace(held_out, validation=0.0), 10, "squared", 1, 62)[0].patience is None
    off = replace(held_out, patience=0, plateau=0)
    settled, _ = with_optimizer(off, 10, "squared", 1, 62)
    assert (settled.patience, settled.plateau) == (0, 0)  # type: ignore[attr-defined]
