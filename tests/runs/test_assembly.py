"""From options and a table to everything that trains, and what is refused on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tables import assembled, regression, words
from threaded_ranks import outcomes

from distnn import Network
from distnn.data.tables import ArraySource
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank
from distnn.runs.assembly import assemble
from distnn.runs.options import Options

X, Y = regression(20, d=3, m=2)


def test_all_fits_together() -> None:
    assembly = assembled(OneRank(), X, Y, hidden=(4,), validation=0.25, seed=3)
    network = assembly.model.network
    assert list(network.d) == [3, 4, 2] and network.output_theta == "identity"
    assert assembly.examples.rows + assembly.examples.validation_rows == 20
    cut, known = assembly.examples.cut, assembly.examples.fingerprint
    kept = {"share": 0.25, "test": 0.0, "seed": 3, "of": known, "rows": cut.rows}
    assert assembly.model.held_out == kept
    progress = assembly.begin()
    np.testing.assert_array_equal(progress.state.w, network.w)
    assert progress.state.E == assembly.objective(network.w).E


def test_blocks_are_known_by_the_rows_of_the_first_one() -> None:
    """Older versions made all of them as long as the longest one: their checkpoints are not taken for ours."""
    assembly = assembled(OneRank(), *regression(4_000, d=3, m=2), hidden=(4,))
    cut = assembly.examples.cut
    assert cut.bounds(0) == (0, 1_984) and cut.rows == 2_016
    assert assembly.environment()["block_rows"] == assembly.model.held_out["rows"] == 1_984


def test_the_optimizer_is_chosen_and_the_reason_said() -> None:
    chosen = assembled(OneRank(), X, Y, optimizer=None)
    assert chosen.options.optimizer == "levenberg-marquardt" and chosen.why is not None
    named = assembled(OneRank(), X, Y, optimizer="lbfgs")
    assert named.options.optimizer == "lbfgs" and named.why is None


def test_a_network_that_was_given_is_trained_with_its_weights() -> None:
    network = Network([3, 5, 2], output_theta="identity").initialise(9)
    options, source = Options(hidden=(5,), optimizer="lbfgs"), ArraySource(X, Y, None, OneRank())
    assembly = assemble(options, source, OneRank(), network)
    assert assembly.model.network is network
    np.testing.assert_array_equal(assembly.begin().state.w, network.w)
    other = Network([3, 4, 2], output_theta="identity")
    with pytest.raises(UserError, match=r"has the architecture \[3, 4, 2\], but the data needs \[3, 5, 2\]"):
        assemble(options, source, OneRank(), other)


@pytest.mark.parametrize(
    ("Y", "options", "sentence"),
    [
        (words(20)[1], {"theta": "sign"}, "sign"),
        (np.linspace(-0.5, 1, 20), {"error": "cross-entropy", "classes": False}, "between 0 and 1, .*found -0.5"),
        (np.linspace(0, 1.5, 20), {"error": "cross-entropy", "classes": False}, "between 0 and 1, .*found 1.5"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence_on_all_ranks(Y: Any, options: dict[str, Any], sentence: str) -> None:
    X = np.arange(40.0).reshape(20, 2)
    found = outcomes(2, lambda ranks: assembled(ranks, X, Y, counts=[5, 15], **options))
    for error in found:
        assert isinstance(error, UserError)
        with pytest.raises(UserError, match=sentence):
            raise error
