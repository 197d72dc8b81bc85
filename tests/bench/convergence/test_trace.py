"""The trace of a contender: E_in, evaluations and seconds on the way."""

from __future__ import annotations

import math

import pytest

from distnn.bench.convergence.trace import Finished, Trace


def test_trace() -> None:
    trace = Trace(until=0.1, limit=1e9)
    trace.start()
    for evaluations, E in enumerate([3.0, 5.0, math.nan, 2.0, 1.0], 1):
        trace.note(E, evaluations)
    assert trace.first == 3 and [point.E for point in trace.points] == [3, 2, 1]
    found = trace.reached(2.5)
    assert found is not None and found.evaluations == 4 and trace.reached(0.5) is None
    with pytest.raises(Finished):
        trace.note(0.1, 6)
    late = Trace(until=0, limit=-1)
    with pytest.raises(Finished):
        late.note(1.0, 1)
    assert [point.E for point in late.points] == [1]
