"""A progress that is stored comes back to the bit, and goes on as if it had never been interrupted."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression

from distnn import UserError
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank
from distnn.parallel.simulated import SimulatedRanks
from distnn.training.progress import Progress
from distnn.training.record import Record

X, Y = regression(30)


def progress_after(t: int, name: str, progress: Progress | None = None) -> Progress:
    """The progress of a training after t iterations, begun anew or gone on with."""
    options = {"optimizer": name, "max_iterations": t, "validation": 0.2, "window": 3, "seed": 1}
    if "validation" in getattr(OPTIMIZERS[name], "excludes", ()):
        options["validation"] = 0.0
    if OPTIMIZERS[name].stochastic:
        options["batch_size"] = 4
    assembly = assembled(OneRank(), X, Y, **options)
    progress = progress or assembly.begin()
    for _ in assembly.iterations(progress):
        pass
    return progress


def restored(progress: Progress, window: int = 3, **changed: Any) -> Progress:
    """What comes back of a progress that went through a file; changed: parts of its metadata."""
    metadata = {**json.loads(json.dumps(progress.metadata())), **changed}
    return Progress.restore(progress.tensors(), progress.best_w, metadata, window, "the file")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_progress_comes_back_to_the_bit(name: str) -> None:
    five = progress_after(5, name)
    back = restored(five)
    assert type(back.state) is type(five.state)
    for field, value in vars(five.state).items():
        assert type(getattr(back.state, field)) is type(value)
        np.testing.assert_array_equal(getattr(back.state, field), value)
    assert (back.window, back.window.maxlen) == (five.window, 4)
    np.testing.assert_equal(back.best_E_val, five.best_E_val)
    np.testing.assert_array_equal(back.best_w, five.best_w)
    assert five.record is not None
    assert back.record is not None
    np.testing.assert_equal((back.best_t, asdict(back.record)), (five.best_t, asdict(five.record)))
    np.testing.assert_equal((back.best_E_in, back.memory), (five.best_E_in, five.memory))

    ten, resumed = progress_after(10, name), progress_after(10, name, back)
    np.testing.assert_array_equal(resumed.state.w, ten.state.w)
    np.testing.assert_array_equal(resumed.best_w, ten.best_w)
    assert resumed.record is not None
    assert ten.record is not None
    for quantity in {*Record.__slots__} - {"seconds", "examples_per_second"}:
        np.testing.assert_equal(getattr(resumed.record, quantity), getattr(ten.record, quantity), quantity)


@cache
def stopped(until: int, ranks: int = 1) -> Progress:
    """The progress of a training that gets nowhere, at its end or after so many iterations, which nobody may change."""
    return gone_on(until, None, ranks)


def gone_on(until: int, progress: Progress | None, ranks: int) -> Progress:
    assembly = assembled(OneRank(), *regression(30), hidden=(), eta=1e-18, max_iterations=until)
    if ranks > 1:
        assembly = replace(assembly, objective=assembly.objective.on(SimulatedRanks(OneRank(), ranks, 0)))
    progress = progress or assembly.begin()
    for _ in assembly.iterations(progress):
        pass
    return progress


@pytest.mark.parametrize("t", [3, 99, 100, 150])
def test_one_that_goes_on_ends_where_it_would_have_ended(t: int) -> None:
    """By its plateau, of which the memory is stored; with the same advice, and on any number of ranks."""
    whole = stopped(1000)
    assert whole.record is not None
    assert whole.reason is not None
    assert (whole.reason.quantity, whole.record.t) == ("plateau", 199)
    for ranks in (1, 7):
        resumed = gone_on(1000, restored(stopped(t, 2), window=100), ranks)
        assert resumed.reason == whole.reason
        assert resumed.record is not None
        assert (resumed.record.t, resumed.best_E_in) == (whole.record.t, whole.best_E_in)
        np.testing.assert_equal(resumed.memory, whole.memory)
        np.testing.assert_array_equal(resumed.state.w, whole.state.w)


def test_a_progress_of_an_older_version_goes_on() -> None:
    five = progress_after(5, "lbfgs")
    metadata = five.metadata()
    for name in ("memory", "best_E_in"):
        del metadata[name]
    del metadata["record"]["plateau"]
    old = Progress.restore(five.tensors(), five.best_w, json.loads(json.dumps(metadata)), 3, "the file")
    np.testing.assert_array_equal(progress_after(10, "lbfgs", old).state.w, progress_after(10, "lbfgs").state.w)


def test_another_window_is_taken_from_the_option() -> None:
    five = progress_after(5, "gradient-descent")
    assert list(restored(five, window=1).window) == list(five.window)[-2:]


@pytest.mark.parametrize("changed", [{"state": "X"}, {"state": None}, {"record": {}}, {"record": None}])
def test_what_holds_no_progress(changed: dict[str, Any]) -> None:
    progress = progress_after(2, "gradient-descent")
    with pytest.raises(UserError, match="the file does not hold the state of a training"):
        restored(progress, **changed)
    with pytest.raises(UserError, match="the file does not hold the state of a training"):
        Progress.restore({}, progress.best_w, progress.metadata(), 3, "the file")
    with pytest.raises(UserError, match="the file does not hold the state of a training"):
        Progress.restore(progress.tensors(), np.zeros(3), progress.metadata(), 3, "the file")
