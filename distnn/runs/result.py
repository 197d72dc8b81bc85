"""What a run came to, as result.json holds it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from distnn.runs.metrics import finite
from distnn.training.progress import Progress


def result(progress: Progress) -> dict[str, Any]:
    """The last record, why the run stopped, and the lowest E_val. Local. What is not finite is None."""
    record, reason, best = progress.record, progress.reason, progress.best_E_val
    assert record is not None and reason is not None
    return {**finite(record), **asdict(reason), "best_E_val": best if math.isfinite(best) else None}
