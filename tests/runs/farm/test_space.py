"""What a search tries, as a user writes it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distnn.errors import UserError
from distnn.runs.farm.space import dimensions, draw, grid
from distnn.runs.farm.trials import Trials


def test_values_are_of_the_options_kind_and_all_are_combined() -> None:
    of = dimensions(["hidden=8,16x4", "weight-decay=0,1e-3", "optimizer=lbfgs", "standardise=true,false"], "--grid")
    found = grid(of)
    assert len(found) == 8 and len({repr(choice) for choice in found}) == 8
    assert found[0] == {"hidden": (8,), "weight_decay": 0.0, "optimizer": "lbfgs", "standardise": True}
    assert found[-1] == {"hidden": (16, 4), "weight_decay": 0.001, "optimizer": "lbfgs", "standardise": False}


def test_widths_are_written_as_for_a_training() -> None:
    assert dimensions(["hidden=8,16 4,[2x3]"], "--grid")[0].values == ((8,), (16, 4), (2, 3))


def test_values_are_shown_as_they_were_written() -> None:
    for word in ("hidden=16x4", "ignore=site+day", "standardise=false", "weight-decay=0.001", "theta=relu"):
        name, value = word.split("=")
        assert Trials("trial", 1, dict(enumerate(grid(dimensions([word], "--grid"))))).shown(0) == {name: value}


def test_ranges_are_drawn_evenly_by_logarithm_where_they_are_wide() -> None:
    of = dimensions(["weight-decay=1e-6..1", "eta=0.1..0.3", "batch-size=2..5", "theta=tanh,relu"], "--space")
    drawn = [draw(of, 3, number) for number in range(400)]
    decay = np.log10([choice["weight_decay"] for choice in drawn])
    assert -6 <= decay.min() < -5.8 and -0.2 < decay.max() <= 0 and abs(decay.mean() + 3) < 0.3
    assert all(0.1 <= choice["eta"] <= 0.3 for choice in drawn)
    assert {choice["batch_size"] for choice in drawn} == {2, 3, 4, 5}
    assert {choice["theta"] for choice in drawn} == {"tanh", "relu"}
    assert draw(of, 3, 7) == drawn[7] != draw(of, 4, 7)
    assert math.isclose(of[0].at(0.5), 1e-3)


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("hidden", "give OPTION=VALUE,VALUE"),
        ("hidden=", "give OPTION=VALUE,VALUE"),
        ("seed=1,2", "seed is no option that a search can vary"),
        ("out=a,b", "out is no option"),
        ("sed=1", r"sed is no option that a search can vary\."),
        ("hiden=2,3", r"hiden is no option that a search can vary; did you mean hidden\?"),
        ("weight_decy=0,1", r"weight-decy is no option that a search can vary; did you mean weight-decay\?"),
        ("hidden=a", "'a' is no value of --hidden"),
        ("eta=2..1", "the lower end comes first"),
        ("batch-size=1..inf", "give two finite numbers"),
        ("eta=a..1", "'a' is no value of --eta"),
        ("theta=a..b", "a range is for options that take one number"),
        ("standardise=yes", "standardise is true or false"),
        ("hidden=2,4x4,2", "has a value twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(word: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        dimensions([word], "--space")


def test_an_option_is_named_once_and_a_grid_has_no_ranges() -> None:
    with pytest.raises(UserError, match="names eta twice"):
        dimensions(["eta=1", "eta=2"], "--grid")
    with pytest.raises(UserError, match="takes values, not ranges"):
        grid(dimensions(["eta=1..2"], "--grid"))
