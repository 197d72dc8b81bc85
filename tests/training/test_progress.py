"""A progress that is stored comes back to the bit, and goes on as if it had never been interrupted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression

from distnn import UserError
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank
from distnn.training.progress import Progress

X, Y = regression(30)


def progress_after(t: int, name: str, progress: Progress | None = None) -> Progress:
    """The progress of a training after t iterations, begun anew or gone on with."""
    options = {"optimizer": name, "max_iterations": t, "validation": 0.2, "window": 3, "seed": 1}
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
    assert (back.best_t, back.record) == (five.best_t, five.record)

    ten, resumed = progress_after(10, name), progress_after(10, name, back)
    np.testing.assert_array_equal(resumed.state.w, ten.state.w)
    np.testing.assert_array_equal(resumed.best_w, ten.best_w)
    assert resumed.record is not None
    assert ten.record is not None
    for quantity in ("t", "E_in", "E_val", "gradient_norm", "step", "improvement", "stale", "evaluations"):
        assert getattr(resumed.record, quantity) == getattr(ten.record, quantity), quantity


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
