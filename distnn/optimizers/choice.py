"""Which optimizer to take where none was named."""

from __future__ import annotations

LARGEST = 1000  # |W| d^(L) up to which Levenberg-Marquardt was faster: docs/decisions/default-optimizer.md


def choose(weights: int, error: str, squares: bool, outputs: int) -> tuple[str, str]:
    """The name of an optimizer, and a sentence that says why. Replicated if its arguments are.

    weights: |W|; error: name of the error function; squares: it is a sum of squares; outputs: d^(L).
    """
    size = f"{weights:,} weight{'s' if weights > 1 else ''} and {outputs:,} output{'s' if outputs > 1 else ''}"
    if not squares:
        return "lbfgs", f"lbfgs, since {error} is no sum of squares, which levenberg-marquardt needs."
    if weights * outputs <= LARGEST:
        return (
            "levenberg-marquardt",
            f"levenberg-marquardt, since a network with {size} is small and the error squared.",
        )
    return "lbfgs", f"lbfgs, since a network with {size} is too large for levenberg-marquardt to be faster."
