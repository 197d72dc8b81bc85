"""Rank 0 works alone while the others rest."""

from __future__ import annotations

from typing import Any

import pytest

from distnn.bench.rest import on_root_alone
from distnn.errors import UserError


@pytest.mark.mpi(min_size=2)
def test_errors_on_rank_0_reach_all_while_they_rest(ranks: Any) -> None:
    def work() -> str:
        if fails:
            raise UserError("no")
        return "yes"

    for fails in (False, True, False):
        if fails:
            with pytest.raises(UserError, match="no"):
                on_root_alone(ranks, work)
        else:
            assert on_root_alone(ranks, work) == "yes"
