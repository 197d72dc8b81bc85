"""An iteration, split into its parts. Nothing here is timed."""

from __future__ import annotations

import pytest
from availability import use_instructions
from benching import SMALL

from distnn.bench.split import split
from distnn.kernels import library, products
from distnn.parallel.ranks import OneRank


@pytest.mark.parametrize("passes", ["off", *library.available()])
def test_parts_of_the_split_make_up_an_iteration(passes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_instructions(passes, monkeypatch)
    before = dict(vars(products))
    parts = split(SMALL, SMALL.examples(OneRank()), OneRank(), 3)
    # tanh inside compiled code is measured apart from it: on a busy machine it may seem to take all of the time.
    assert min(parts.products + parts.activation, parts.activation, parts.reduction, parts.python) > 0
    assert parts.communication == 0
    assert 0 < parts.outside < parts.python
    assert vars(products) == before
