"""JᵀJ in tiles over the ranks: the bits of the whole one, by the same steps; and which of them is chosen."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from availability import need_instructions, use_instructions
from curved import weights_for
from mpi_runner import mpirun
from tables import assembled, regression
from threaded_ranks import on_ranks

from distnn.errors import UserError
from distnn.inference.stored import load_model
from distnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from distnn.optimizers.matrix import Dense
from distnn.parallel.ranks import OneRank, Ranks
from distnn.parallel.simulated import SimulatedRanks
from distnn.parallel.symmetric import DistributedMatrix
from distnn.train import main as train_main
from distnn.training.curvature import Choice
from distnn.training.objective import Objective

D = (30, 15)  # hidden: 601 weights, two rows of tiles


def objective(ranks: Ranks, **options: Any) -> Objective:
    X, Y = regression(45, m=2 if options.get("error") == "squared" else 1)
    counts = [len(X) * (rank + 1) // ranks.size - len(X) * rank // ranks.size for rank in range(ranks.size)]
    return assembled(ranks, X, Y, np.linspace(0, 2, len(X)), counts, hidden=D, **options).objective


def steps(ranks: Ranks, kind: type, **options: Any) -> bytes:
    """What a step comes to, and the product of the matrix, of that kind, and a vector."""
    function, optimizer = objective(ranks, **options), LevenbergMarquardt()
    w = weights_for(function)
    A = function.curvature(w, optimizer.max_megabytes)
    assert isinstance(A, kind)
    state = optimizer.step(function, optimizer.start(function, w), 0)
    assert not state.stuck and np.isfinite(state.w).all()
    return pickle.dumps([A.diagonal(), A.times(w), state.w, state.E, state.mu, function.evaluations])


OPTIONS = [
    {"error": "squared"},
    {"dtype": "float32", "weight_decay": 1e-3},
]


@pytest.mark.parametrize("options", OPTIONS, ids=["two-outputs", "float32-decay"])
def test_the_bits_are_those_of_the_whole_matrix(
    options: dict[str, Any], small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_instructions()
    expected = steps(OneRank(), Dense, **options)
    monkeypatch.setattr(Choice, "is_shared_out", lambda choice, most: choice.can)
    for ranks in (1, 3, 5):
        assert set(on_ranks(ranks, lambda all_ranks: steps(all_ranks, DistributedMatrix, **options))) == {expected}
    assert steps(SimulatedRanks(OneRank(), 4), DistributedMatrix, **options) == expected


def test_what_is_chosen() -> None:
    """In tiles where the whole would be too large, or slower; never where it would have other bits."""
    large, small = Choice(20_000, 1e4, 2), Choice(300, 1e4, 2)
    assert large.is_shared_out(1e9) and not small.is_shared_out(1e9)
    assert small.is_shared_out(1e-3 * small.whole.memory / 1e6)
    assert Choice(9_000, 1e4, 1).is_shared_out(2000) and not Choice(9_000, 1e4, 1, can=False).is_shared_out(2000)
    assert large.cost(1e9) == large.shared_out and small.cost(1e9) == small.whole
    assert "in tiles over the ranks: about" in large.words(1e9) and "whole on every rank: about" in small.words(1e9)
    assert "in tiles" in small.words(1e9) and "in tiles" not in Choice(300, 1e4, 2, can=False).words(1e9)


@pytest.mark.parametrize("ranks", [1, 2, 8, 64])
def test_memory_that_is_foretold(ranks: int) -> None:
    """For |W| = 20,000: 8 |W|² / P for the matrix and its factor, and what grows with |W| alone."""
    W = 20_000
    memory = Choice(W, 1e5, ranks).shared_out.memory
    assert 8 * W**2 / ranks < memory < 8 * W**2 * 1.05 / ranks + 20_000 * W
    assert ranks > 8 or memory < 2 * 8 * W**2 / ranks


@pytest.mark.parametrize("options", [{"reduction": "plain"}, {}])
def test_where_the_bits_would_be_others_it_is_whole(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    if not options:
        use_instructions("off", monkeypatch)
    function = objective(OneRank(), **options)
    assert function.curvature_megabytes(1.0) == function.gauss_newton_megabytes() > 1
    assert isinstance(function.curvature(weights_for(function), 1.0), Dense)


@pytest.mark.job
def test_on_ranks_of_mpi(tmp_path: Path) -> None:
    """In tiles on two ranks, where the whole would be refused, and whole on one: the same model."""
    need_instructions()
    arguments = ("--optimizer", "levenberg-marquardt", "--hidden", "40,25", "--max-iterations", "1", "--quiet")
    table = ("--examples", "2500")
    done = mpirun(2, "-m", "distnn.train", *arguments, *table, "--max-megabytes", "60", "--out", str(tmp_path / "two"))
    assert done.returncode == 0, done.stderr
    assert train_main(OneRank(), [*arguments, *table, "--out", str(tmp_path / "one")]) == 0
    two, one = (load_model(tmp_path / name).network.w for name in ("two", "one"))
    assert 64 * one.size**2 > 60e6 and two.tobytes() == one.tobytes()
    with pytest.raises(UserError, match=r"about \d+ MB a rank .*use more ranks, --optimizer lbfgs"):
        train_main(OneRank(), [*arguments, *table, "--max-megabytes", "10"])
