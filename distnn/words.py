"""Numbers inside sentences."""

from __future__ import annotations


def many(count: int, one: str, several: str | None = None) -> str:
    """1 row, 2 rows, 10,000 classes: so many of what is called so; several: the plural, where that is not `one`s."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def rounded(value: float) -> str:
    """A positive number to three digits: 8,750,000, 12.3, 0.00457."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:.3g}"
