"""How far a training has come: all that must be stored to go on as if it had never been interrupted."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, get_type_hints

import numpy as np

from distnn.errors import UserError
from distnn.kernels.algebra import Rows
from distnn.optimizers import Optimizer, State
from distnn.training.objective import Objective
from distnn.training.record import Record
from distnn.training.termination import Reason

STATE = "state."  # before the names of the optimizer's arrays


@dataclass
class Progress:
    """Where a training stands. Replicated.

    state: the optimizer's. record: of the iteration reached; None until `loop.train` has observed t = 0, which tells a
    training that begins from one that goes on (its clock, its lines in files). window: the last values of E_in, for the
    improvement. memory: what the measures of other quantities keep. best_w: the weights with the lowest E_val
    (best_E_val, at best_t); with no validation, the last ones with a finite error. best_E_in: theirs or, of a
    stochastic optimizer, that at the last evaluation before; NaN if not known. reason: why the training stopped, None
    while it has not.

    `Observer.observe` changes it, after the last message of an iteration: an error leaves that of the iteration before.
    `loop.train` then sets the reason.
    """

    state: State
    window: deque[float]
    best_w: np.ndarray
    best_E_val: float = math.inf
    best_t: int = 0
    record: Record | None = None
    reason: Reason | None = None
    best_E_in: float = math.nan
    memory: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def tensors(self) -> dict[str, np.ndarray | Rows]:
        """The arrays to store, but for best_w, which are the weights of the model that is stored with them."""
        state = {STATE + name: value for name, value in self.state.tensors().items()}
        return {**state, "window": np.array(self.window)}

    def metadata(self) -> dict[str, Any]:
        """The rest to store, for JSON, which keeps every float64 to the bit."""
        assert self.record is not None
        return {
            "state": type(self.state).__name__,
            "best_E_val": self.best_E_val,
            "best_t": self.best_t,
            "best_E_in": self.best_E_in,
            "memory": self.memory,
            "record": asdict(self.record),
        }

    @staticmethod
    def restore(
        tensors: Mapping[str, Any], best_w: np.ndarray, metadata: Mapping[str, Any], window: int, where: str
    ) -> Progress:
        """The progress that `tensors`, best_w and `metadata` stored. Local. UserError if they do not hold one.

        window: iterations over which the improvement is taken from now on; where: for the message.
        """
        try:
            kinds = {kind.__name__: kind for kind in _kinds(State)}
            own = {name.removeprefix(STATE): value for name, value in tensors.items() if name.startswith(STATE)}
            state = kinds[metadata["state"]].restore(own)
            for value in (state.w, state.G, best_w):
                if (value.dtype, value.shape) != (np.float64, (state.w.size,)):
                    raise ValueError("weights that are none")
            record = Record(**metadata["record"])
            for name, kind in get_type_hints(Record).items():
                if type(getattr(record, name)) not in (int, kind):
                    raise TypeError(f"{name} is no {kind}")
            E_in = deque((float(value) for value in tensors["window"]), maxlen=window + 1)
            best = {
                "best_E_val": float(metadata["best_E_val"]),
                "best_t": int(metadata["best_t"]),
                "best_E_in": float(metadata.get("best_E_in", math.nan)),  # which older checkpoints do not hold
            }
            memory = {name: tuple(map(float, values)) for name, values in metadata.get("memory", {}).items()}
            return Progress(state, E_in, best_w, record=record, memory=memory, **best)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise UserError(f"{where} does not hold the state of a training.") from None


def begin(objective: Objective, optimizer: Optimizer, w: np.ndarray, window: int) -> Progress:
    """Progress before the first iteration, with the weights w. Collective, replicated."""
    objective.evaluations = 0.0
    w = w.copy()  # which no optimizer changes
    return Progress(optimizer.start(objective, w), deque(maxlen=window + 1), w)


def _kinds(kind: type[State]) -> list[type[State]]:
    """The class and all that derive from it."""
    return [kind] + [deeper for child in kind.__subclasses__() for deeper in _kinds(child)]
