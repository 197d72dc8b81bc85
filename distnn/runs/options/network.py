"""What to train, and on which error."""

# mypy: disable-error-code="valid-type"

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from distnn.declared import AtLeast
from distnn.errors import UserError
from distnn.network.activations import ACTIVATIONS
from distnn.network.error_functions import ERROR_FUNCTIONS

NETWORK = "Network and error"
WIDTHS = (16, 16)
OUTPUTS = tuple(dict.fromkeys(name for outputs in ERROR_FUNCTIONS.values() for name in outputs))


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """The network, its initial weights, its error and its arithmetic."""

    hidden: Annotated[
        tuple[int, ...] | None,
        NETWORK,
        "Widths of the hidden layers, as 16 16 or 16x16; 0: no hidden layer. Default: 16 16, or one layer or none by "
        "trial, in regressions of few rows.",
    ] = None
    theta: Annotated[
        Literal[tuple(ACTIVATIONS)],
        NETWORK,
        "Activation θ of the hidden layers.",
    ] = "tanh"
    output_theta: Annotated[
        Literal[OUTPUTS] | None,
        NETWORK,
        "Activation of the output layer. Default: softmax for classes, tanh for the built-in data, or identity.",
    ] = None
    error: Annotated[
        Literal[tuple(ERROR_FUNCTIONS)] | None,
        NETWORK,
        "Error function. Default: cross-entropy with a softmax or (for classes) logistic output, squared otherwise.",
    ] = None
    weight_decay: Annotated[
        float | None,
        NETWORK,
        "λ: adds λ Σ W² to E_in, bias rows left out. Default: 0, or 3 / n for classes with few rows, "
        "and with --validation alone the one with the lowest E_val.",
        AtLeast(0),
    ] = None
    sigma: Annotated[
        float | None,
        NETWORK,
        "Deviation σ of the initial weights N(0, σ²). Default: 1/sqrt(d^(l-1)+1) in layer l.",
        AtLeast(0),
    ] = None
    start: Annotated[
        str | None,
        NETWORK,
        "Begin with what this model computes, a run's directory or a file, instead of random weights; or with "
        "PyTorch's, a state_dict in a .safetensors file.",
    ] = None
    seed: Annotated[
        int,
        NETWORK,
        "Seed of the initial weights, of the picks and of the rows held out. The same on every number of ranks.",
        AtLeast(0),
    ] = 0
    dtype: Annotated[
        Literal["float64", "float32"],
        NETWORK,
        "Arithmetic. Sums over examples and the weights themselves are float64 in any case.",
    ] = "float64"

    def __post_init__(self) -> None:
        if isinstance(self.hidden, tuple | list) and tuple(self.hidden) == (0,):
            object.__setattr__(self, "hidden", ())

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the hidden layers, once all is chosen."""
        return WIDTHS if self.hidden is None else self.hidden


def check(options: NetworkOptions) -> None:
    """Raise UserError, one sentence, for a value that makes no sense. Local."""
    if options.hidden and min(options.hidden) < 1:
        given = " ".join(map(str, options.hidden))
        raise UserError(
            f"--hidden {given}: every layer needs a width of at least 1, and 0 alone means no hidden layer."
        )
