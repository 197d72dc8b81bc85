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


@pytest.mark.parametrize("best", [0.25, math.inf])
def test_the_result(best: float) -> None:
    w = np.zeros(1)
    progress = Progress(State(w, 0.5, w), deque(), w, best, 7, Record(7, 0.5), Reason("why", "what next"))
    found = json.loads(json.dumps(result(progress), allow_nan=False))
    assert (found["t"], found["E_in"], found["E_val"], found["text"]) == (7, 0.5, None, "why")
    assert (found["advice"], found["code"]) == ("what next", DONE)
    assert found["best_E_val"] == (0.25 if best == 0.25 else None)
