"""The options of `fit`: how they may be given, what is refused, and what a network that is given says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from distnn import Network, UserError
from distnn.runs.options import Options
from distnn.runs.options.of_fit import KNOWN, OPTIONS, of_fit


def test_files_and_what_is_printed_are_none() -> None:
    assert {"hidden", "eta", "validation", "memory", "members"} <= set(OPTIONS) < set(KNOWN)
    assert not {"out", "resume", "quiet", "dry_run", "data", "folds", "restarts"} & set(OPTIONS)


def test_several_values_and_pairs_may_be_given_in_other_ways() -> None:
    given = {"hidden": np.int64(8), "ignore": "id", "class_weights": {1.0: 2, np.float32(3): 0.5, False: 1, "x": 4}}
    chosen = of_fit({**given, "types": {"zip": "words"}, "max_iterations": 5})
    assert chosen.hidden == (8,) and chosen.ignore == ("id",) and chosen.max_iterations == 5
    assert chosen.class_weights == ("1=2", "3=0.5", "False=1", "x=4") and chosen.types == ("zip=words",)
    assert of_fit({}) == Options()


def test_a_network_says_what_it_is_and_gets_its_weights() -> None:
    network = Network([2, 4, 1], "relu", "identity")
    chosen = of_fit({"seed": 3, "sigma": 0.5, "hidden": [4]}, network)
    assert (chosen.hidden, chosen.theta, chosen.output_theta) == ((4,), "relu", "identity")
    assert np.array_equal(network.w, Network([2, 4, 1]).initialise(3, 0.5).w)
    before = network.w.copy()
    of_fit({"seed": 4}, network)
    assert np.array_equal(network.w, before)


@pytest.mark.parametrize(
    ("given", "network", "start", "sentence"),
    [
        ({"etta": 1}, False, None, r"of_it: there is no option etta; did you mean eta\?"),
        ({"lr": 1}, False, None, "of_it: lr is called eta here"),
        ({"out": "run"}, False, None, "of_it: out is an option of the command line, not of of_it"),
        ({"seed": -1}, True, None, "--seed -1: give a number of at least 0"),
        ({"sigma": "small"}, True, None, "--sigma 'small' is of the wrong kind"),
        ({"hidden": 5}, True, None, r"the network has hidden=\(4,\): leave out hidden=\(5,\)"),
        ({"theta": "relu"}, True, None, "the network has theta='tanh': leave out theta='relu'"),
        ({"output_theta": "identity"}, True, None, "the network has output_theta='tanh'"),
        ({"members": 2}, True, None, "members draw their initial weights: leave out network"),
        ({}, True, "a model", "--start and network both say what weights to begin with"),
        ({"members": 2}, False, "a model", "--start and --members both say"),
        ({"sigma": 0.5}, False, "a model", "--start and --sigma both say"),
    ],
)
def test_what_is_refused_changes_nothing(given: dict[str, Any], network: bool, start: Any, sentence: str) -> None:
    own = Network([2, 4, 1]) if network else None
    with pytest.raises(UserError, match=sentence):
        of_fit(given, own, start, "of_it")
    assert own is None or not own.w.any()
