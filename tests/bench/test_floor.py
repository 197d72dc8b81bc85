"""The floor: made of the products and functions that an iteration cannot do without."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distnn.bench.floor import calls, floor
from distnn.bench.workloads import WORKLOADS


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_floor_is_made_of_the_same_products(name: str) -> None:
    workload, flops, tanh = WORKLOADS[name], 0, 0
    for what, call in calls(workload, 10):
        a, b = call.args if len(call.args) == 2 else (call.args[0], None)  # type: ignore[attr-defined]
        if what.startswith("tanh"):
            tanh += a.size
        else:
            flops += 2 * a.shape[0] * a.shape[1] * b.shape[1]
    assert flops == 10 * workload.flops
    assert tanh == 10 * sum(workload.d[1:])
    assert all(seconds > 0 for seconds in floor(replace(workload, n=240), 0))
