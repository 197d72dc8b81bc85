"""distnn as the benchmark measures it: a training that goes on as long as it is asked to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benching import SMALL
from threaded_ranks import on_ranks

from distnn.bench.own import Own
from distnn.parallel.ranks import OneRank, Ranks


@pytest.mark.parametrize("reduction", ["exact", "plain"])
def test_it_trains_and_logs_and_leaves_nothing(reduction: str) -> None:
    own = Own(SMALL, SMALL.examples(OneRank()), OneRank(), reduction)
    assert own.seconds(3) > 0
    own.seconds(2)
    own.metrics.flush()
    records = [json.loads(line) for line in own.metrics.path.read_text().splitlines()]
    assert [record["t"] for record in records] == [1, 2, 3, 4, 5]
    assert records[-1]["E_in"] < records[0]["E_in"]
    own.close()
    assert not Path(own.folder.name).exists()


def test_on_a_device_it_takes_the_same_steps() -> None:
    pytest.importorskip("jax", reason="jax is not installed: pip install 'distnn[xla]'")
    errors = []
    for device in (None, "xla-cpu"):
        own = Own(SMALL, SMALL.examples(OneRank()), OneRank(), device=device)
        own.seconds(2)
        errors.append(next(own.loop).E_in)
        own.close()
    assert errors[1] == pytest.approx(errors[0], rel=1e-12)


def test_only_rank_0_logs() -> None:
    def work(ranks: Ranks) -> bool:
        own = Own(SMALL, SMALL.examples(ranks), ranks)
        own.seconds(1)
        own.metrics.flush()
        logged = own.metrics.path.exists()
        own.close()
        return logged

    assert on_ranks(2, work) == [True, False]
