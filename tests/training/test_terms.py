"""What a block adds to each sum: which sums there are. Their values: test_objective.py and network's tests."""

from __future__ import annotations

import numpy as np
from tables import assembled, regression

from distnn.network.second_order.gauss_newton import GaussNewton
from distnn.network.second_order.propagation import propagated
from distnn.parallel.ranks import OneRank
from distnn.training.terms import BlockTerms


def test_memory_for_a_matrix_is_taken_once_and_not_before(small_blocks: None) -> None:
    assembly = assembled(OneRank(), *regression(20), hidden=(2,))
    terms, examples = assembly.objective.terms, assembly.examples
    assert isinstance(terms, BlockTerms) and terms.environment() == {}
    term = terms.gauss_newton(examples.blocks, examples.cut, False)
    assert terms._gauss_newton.cache_info().currsize == 0
    out = np.empty(11 * 12 // 2)
    for j in (0, 1):
        terms.load(assembly.model.network.w)
        term(j, out)  # type: ignore[operator]
    assert terms._gauss_newton.cache_info().currsize == 1
    expected = np.empty_like(out)
    GaussNewton(terms.backpropagation).lower(propagated(terms.backpropagation, examples.blocks[1]), expected)
    np.testing.assert_array_equal(out, expected)
