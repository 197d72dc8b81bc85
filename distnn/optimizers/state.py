"""The state of an optimizer: all that it needs to go on, as arrays that a checkpoint can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Self

import numpy as np

from distnn.kernels.algebra import Rows

NO_STEP = "no step lowers E_in any more: this is a minimum, or a plateau, to the accuracy of the arithmetic"


@dataclass(frozen=True)
class State:
    """State at weights w. Replicated. Optimizers with more to remember derive from it.

    w: float64 (|W|,); E, G: error and gradient at w (if stochastic: of the last sample, at the weights before it).
    stuck: "" or why no further step is possible, in words. Fields are arrays, Rows, floats, ints, bools or strings.
    """

    w: np.ndarray
    E: float
    G: np.ndarray
    stuck: str = field(default="", kw_only=True)

    def tensors(self) -> dict[str, np.ndarray | Rows]:
        """Every field as an array, to be stored; Rows as they are, for as an array they would be a copy."""

        def array(value: Any) -> np.ndarray | Rows:
            if isinstance(value, str):
                return np.frombuffer(value.encode(), np.uint8)
            return value if isinstance(value, Rows) else np.asarray(value)

        return {field.name: array(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def restore(cls, tensors: Mapping[str, Any]) -> Self:
        """The state that `tensors` stored, to the bit. What older versions did not store has its default."""

        def value(name: str, kind: str) -> object:
            if kind == "str":
                return tensors[name].tobytes().decode()
            if kind == "Rows":
                matrix = tensors[name]  # where it is an array, a view of one row keeps them all
                return Rows([row.copy() for row in matrix] if isinstance(matrix, np.ndarray) else matrix.vectors)
            return np.asarray(tensors[name]) if kind == "np.ndarray" else tensors[name].item()

        stored = [field for field in fields(cls) if field.name in tensors or field.default is MISSING]
        return cls(**{field.name: value(field.name, str(field.type)) for field in stored})  # type: ignore[arg-type]
