"""Which optimizer to take where none was named."""

from __future__ import annotations

LARGEST = 1000  # |W| d^(L) up to which Levenberg-Marquardt was faster: docs/decisions/default-optimizer.md
COSTLY = 5e9  # n d^(L) |W|², the operations of its step, a second of a core: beyond, few wait for a hundred of them


def choose(weights: int, error: str, squares: bool, outputs: int, rows: int) -> tuple[str, str]:
    """The name of an optimizer, and a sentence that says why. Replicated if its arguments are.

    weights: |W|; error: name of the error function; squares: it is a sum of squares; outputs: d^(L); rows: n.
    """
    size = f"{weights:,} weight{'s' if weights > 1 else ''} and {outputs:,} output{'s' if outputs > 1 else ''}"
    if not squares:
        return "lbfgs", f"lbfgs, since {error} is no sum of squares, which levenberg-marquardt needs."
    if weights * outputs > LARGEST:
        return "lbfgs", f"lbfgs, since a network with {size} is too large for levenberg-marquardt to be faster."
    if not is_served(weights, outputs, rows):
        return "lbfgs", (
            f"lbfgs, since a step of levenberg-marquardt takes {rows * outputs * weights**2:.2g} operations with "
            f"{size} on {rows:,} rows."
        )
    return (
        "levenberg-marquardt",
        f"levenberg-marquardt, since a network with {size} is small and the error squared.",
    )


def is_served(weights: int, outputs: int, rows: int) -> bool:
    """Does Levenberg-Marquardt serve a network with so many weights and outputs, on so many rows? Local."""
    return weights * outputs <= LARGEST and rows * outputs * weights**2 <= COSTLY
