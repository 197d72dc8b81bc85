"""The settings of all optimizers as options: the fields of the optimizers themselves."""

from __future__ import annotations

from dataclasses import dataclass, fields, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

from distnn.optimizers import OPTIMIZERS

SETTINGS = "Settings of optimizers"


def _settings() -> list[tuple[str, Any, Any]]:
    """The settings of all optimizers as fields that are None unless given; the help names whose they are."""
    found: dict[str, tuple[Any, list[str]]] = {}
    for name, optimizer in OPTIMIZERS.items():
        hints = get_type_hints(optimizer, include_extras=True)
        for setting in fields(optimizer):  # type: ignore[arg-type]
            kind, words = get_args(hints[setting.name])
            text = found.setdefault(setting.name, (kind, [words]))[1]
            text.append(f"{name}: {setting.default}")
    return [
        (name, Annotated[kind | None, SETTINGS, f"{words} Default: {', '.join(of)}."], None)
        for name, (kind, (words, *of)) in found.items()
    ]


if TYPE_CHECKING:

    @dataclass(frozen=True, kw_only=True)
    class OptimizerSettings:
        """One field for each name of a setting; None: not given."""

else:
    OptimizerSettings = make_dataclass("OptimizerSettings", _settings(), frozen=True, kw_only=True)
    OptimizerSettings.__module__ = __name__


def given(options: OptimizerSettings) -> dict[str, Any]:
    """The settings that were given."""
    values = {field.name: getattr(options, field.name) for field in fields(OptimizerSettings)}
    return {name: value for name, value in values.items() if value is not None}
