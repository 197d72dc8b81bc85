"""What has to be the same on all ranks."""

from __future__ import annotations

from typing import Any

import pytest
from threaded_ranks import outcomes

from distnn.errors import UserError
from distnn.parallel.agreement import require_same
from distnn.parallel.ranks import OneRank, Ranks


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        ({"eta": 0.1, "hidden": (3,)}, None),
        ({"eta": 0.2, "hidden": (3,)}, "eta differs over the ranks: 0.1 on rank 0, 0.2 on rank 2. Give all the same."),
        ({"eta": 0.1}, "hidden differs over the ranks: (3,) on rank 0, nothing on rank 2. Give all the same."),
        ({"eta": 0.1, "hidden": (3,), "x": 1}, "x differs over the ranks: nothing on rank 0, 1 on rank 2. Give all"),
        ({"eta": "é\ud800" * 99, "hidden": (3,)}, "eta differs over the ranks: 0.1 on rank 0, 'é"),
    ],
)
def test_what_differs_is_named(last: dict[str, Any], sentence: str | None) -> None:
    def work(ranks: Ranks) -> None:
        require_same(last if ranks.rank == 2 else {"eta": 0.1, "hidden": (3,)}, ranks)

    for found in outcomes(3, work):
        if sentence is None:
            assert found is None
        else:
            assert isinstance(found, UserError) and str(found).startswith(sentence) and len(str(found)) < 250


def test_one_rank_agrees_with_itself() -> None:
    require_same({"anything": object()}, OneRank())
