"""What a run came to."""

from __future__ import annotations

import json
import math
from collections import deque

import numpy as np
import pytest

from distnn.errors import DONE
from distnn.optimizers import State
from distnn.runs.result import result
from distnn.training.progress import Progress
from distnn.training.record import Record
from distnn.training.termination import Reason


@pytest.mark.parametrize(("best", "E_in"), [(0.25, 0.375), (math.inf, None)])
def test_the_result_is_of_the_weights_that_were_kept(best: float, E_in: float | None) -> None:
    w, reason = np.zeros(1), Reason("why", "what next", quantity="stale")
    last = Record(42, 0.5, E_val=math.nan if best == math.inf else 0.75)
    progress = Progress(State(w, 0.5, w), deque(), w, best, 2, last, reason)
    found = json.loads(json.dumps(result(progress, E_in, 7.0), allow_nan=False))
    assert (found["t"], found["best_t"]) == (42, 2)
    assert (found["E_in"], found["last_E_in"]) == (E_in, 0.5)
    assert found["E_test"] == 7.0
    known = best == 0.25
    assert (found["E_val"], found["best_E_val"], found["last_E_val"]) == ((0.25, 0.25, 0.75) if known else (None,) * 3)
    assert {name: found[name] for name in ("text", "advice", "code", "quantity", "unfinished")} == {
        "text": "why",
        "advice": "what next",
        "code": DONE,
        "quantity": "stale",
        "unfinished": False,
    }
