"""The workloads: their operations are counted right, and their rows do not depend on who asks."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from availability import use_instructions
from benching import SMALL
from threaded_ranks import on_ranks

from distnn.bench.workloads import WORKLOADS
from distnn.kernels import algebra, products
from distnn.network import network
from distnn.network.backpropagation import Backpropagation
from distnn.network.weights import weight_count
from distnn.parallel.ranks import OneRank
from distnn.training.objective import Objective


@pytest.mark.parametrize("name", WORKLOADS)
def test_operations_are_counted_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted by the products that backpropagation really computes, with so few rows that it spares itself none."""
    use_instructions("off", monkeypatch)
    workload = replace(WORKLOADS[name], n=8, a_rank=False)
    counted = 0

    class Counting:
        """A module whose functions count the multiplications and additions of the products that they compute."""

        def __init__(self, module: ModuleType):
            self.module = module

        def __getattr__(self, name: str) -> Any:
            function = getattr(self.module, name)

            def counting(a: np.ndarray, b: np.ndarray, out: np.ndarray, **options: bool) -> None:
                nonlocal counted
                columns = {"multiply": 1, "product": b.shape[-1], "outer_sum": b.shape[0]}[name]
                counted += 2 * (out if name == "multiply" else a).size * columns
                function(a, b, out, **options)

            return counting

    monkeypatch.setattr(products, "np", Counting(np))
    monkeypatch.setattr(products, "algebra", Counting(algebra))
    engine = Backpropagation(network.Network(workload.d).initialise(), "squared", np.dtype(workload.dtype))
    (block,) = workload.examples(OneRank()).blocks
    engine.gradient(block, np.empty(weight_count(engine.d), engine.dtype))
    assert counted == workload.flops * workload.n


def test_rows_do_not_depend_on_who_asks() -> None:
    X, Y = SMALL.rows(0, SMALL.n)
    for start, stop in ((0, 1), (499, 501), (640, 1_700), (500, 1_000)):
        x, y = SMALL.rows(start, stop)
        np.testing.assert_array_equal(x, X[start:stop])
        np.testing.assert_array_equal(y, Y[start:stop])
    assert set(np.unique(Y)) == {-1, 1}
    blocks = WORKLOADS["tiny"].on(3).examples(OneRank()).blocks
    assert sum(block.x.shape[1] for block in blocks) == 1_500


def test_a_gpu_has_longer_blocks() -> None:
    workload = replace(SMALL, n=100_000)
    assert workload.cut("gpu").rows > workload.cut().rows == workload.cut("xla-cpu").rows
    assert replace(SMALL, n=9_000).examples(OneRank(), "gpu").cut.rows == replace(SMALL, n=9_000).cut("gpu").rows


def test_examples_of_ranks_together_are_those_of_one() -> None:
    workload = replace(SMALL, n=9_000)
    whole = workload.examples(OneRank())
    assert whole.cut.count > 2
    shares = on_ranks(3, workload.examples)
    blocks = [block for share in shares for block in share.blocks]
    for mine, others in zip(whole.blocks, blocks, strict=True):
        np.testing.assert_array_equal(mine.x, others.x)
    E = Objective(Backpropagation(network.Network(workload.d), "squared"), whole, OneRank())(np.zeros(29)).E
    assert E == 1  # all outputs 0, all targets -1 or 1
