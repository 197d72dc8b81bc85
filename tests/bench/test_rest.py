"""Rank 0 works alone while the others rest."""

from __future__ import annotations

from typing import Any

import pytest
from threaded_ranks import on_ranks

from distnn.bench.rest import on_root_alone, refuse_several
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank


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


def test_several_ranks_are_refused_where_one_process_measures() -> None:
    refuse_several(OneRank(), "the bench")

    def work(ranks: Any) -> None:
        with pytest.raises(UserError, match="the bench measures on one process: start it without mpirun"):
            refuse_several(ranks, "the bench")

    on_ranks(2, work)
