"""distnn trains feed-forward neural networks on clusters of CPUs, exactly and on all of the data, over MPI.

import distnn

network = distnn.Network([2, 8, 1], output_theta="identity")
model = distnn.fit(X, Y, network, comm=comm, eta=0.1, max_iterations=500).model
predictions = model(X_new)

What is named in `__all__`, and `distnn.sklearn`, is public (docs/api.md).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from distnn.command_line.interrupted import quiet
from distnn.parallel.uncaught import end_all_ranks

if TYPE_CHECKING:
    from distnn.api import Fit, cross_validate, fit
    from distnn.errors import RankError, UserError
    from distnn.inference.model import Model
    from distnn.inference.stored import load_model
    from distnn.network.network import Network
    from distnn.runs.farm.in_memory import CrossValidation
    from distnn.training.record import Record
    from distnn.training.termination import Reason

__version__ = "0.1.0"
__all__ = [
    "CrossValidation",
    "Fit",
    "Model",
    "Network",
    "RankError",
    "Reason",
    "Record",
    "UserError",
    "__version__",
    "cross_validate",
    "fit",
    "load_model",
]

_PLACES = {
    "CrossValidation": "runs.farm.in_memory",
    "cross_validate": "api",
    "Fit": "api",
    "fit": "api",
    "RankError": "errors",
    "UserError": "errors",
    "Model": "inference.model",
    "load_model": "inference.stored",
    "Network": "network.network",
    "Record": "training.record",
    "Reason": "training.termination",
}

quiet()
end_all_ranks()


if not TYPE_CHECKING:  # to a type checker, what is not above does not exist

    def __getattr__(name: str) -> Any:
        """Import what is asked for: a command begins to heed signals before it imports numpy and the rest."""
        if name in _PLACES:
            return getattr(import_module(f"distnn.{_PLACES[name]}"), name)
        from difflib import get_close_matches

        near = [] if name.startswith("_") else get_close_matches(name, _PLACES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    """What is public, also what is not imported yet."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
