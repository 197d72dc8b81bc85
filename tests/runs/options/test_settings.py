"""The settings of optimizers as options: each under one name, None unless given, and in the help whose they are."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args, get_type_hints

from distnn.optimizers import OPTIMIZERS
from distnn.runs.options.settings import OptimizerSettings, given


def test_every_setting_is_there_once_and_the_help_names_its_optimizers() -> None:
    hints = get_type_hints(OptimizerSettings, include_extras=True)
    owners: dict[str, list[str]] = {}
    for name, optimizer in OPTIMIZERS.items():
        for setting in fields(optimizer):  # type: ignore[arg-type]
            owners.setdefault(setting.name, []).append(f"{name}: {setting.default}")
    assert list(hints) == list(owners)
    for name, of in owners.items():
        assert get_args(hints[name])[2].endswith(f"Default: {', '.join(of)}.")


def test_those_that_were_given() -> None:
    assert given(OptimizerSettings()) == {}
    assert given(OptimizerSettings(eta=0.5, nesterov=False)) == {"eta": 0.5, "nesterov": False}  # type: ignore[call-arg]
