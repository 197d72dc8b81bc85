"""Checks of the settings of optimizers."""

from __future__ import annotations

import math

from distnn.errors import UserError


def require(
    optimizer: object,
    name: str,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
    most: float = math.inf,
) -> None:
    """Raise UserError unless the setting is a finite number within these bounds."""
    value = getattr(optimizer, name)
    if math.isfinite(value) and above < value < below and least <= value <= most:
        return
    bounds = {"above": above, "at least": least, "below": below, "at most": most}
    words = " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound))
    raise UserError(f"--{name.replace('_', '-')} {value}: give a finite number {words}.")
