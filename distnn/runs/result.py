"""What a run came to, as result.json holds it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from distnn.runs.metrics import finite
from distnn.training.progress import Progress


def result(progress: Progress, E_in: float | None, E_test: float | None = None) -> dict[str, Any]:
    """The last record, but with the errors of the weights that were kept, and why the run stopped. Local.

    E_in, E_test: of those weights, None if it is not known. What is not finite is None.
    """
    record, reason, best = progress.record, progress.reason, progress.best_E_val
    assert record is not None and reason is not None
    last = finite(record)
    return {
        **last,
        "E_in": E_in,
        "E_val": best if math.isfinite(best) else last["E_val"],
        "E_test": E_test,
        "last_E_in": last["E_in"],
        "last_E_val": last["E_val"],
        "best_t": progress.best_t,
        "best_E_val": best if math.isfinite(best) else None,
        **asdict(reason),
    }
