"""One process as its own job, and what all kinds of ranks share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from threaded_ranks import outcomes

from distnn.errors import BAD_USE, FAILED, RankError, TooLittleRoom, UserError
from distnn.parallel.mpi import MPIRanks
from distnn.parallel.ranks import OneRank, Ranks, on_root
from distnn.parallel.simulated import SimulatedRanks


def test_for_one_rank_every_collective_call_is_the_identity() -> None:
    ranks, values = OneRank(), np.array([1.0, -2.0])
    for call in (ranks.maximum, ranks.sum):
        call(values)
    assert values.tolist() == [1, -2]
    assert ranks.broadcast("x") == "x"
    assert ranks.gather(3) == [3]
    assert ranks.tabled([3, 4]).tolist() == [[3, 4]]
    assert list(ranks.in_order(iter([1, 2]))) == [1, 2]
    assert ranks.redistribute(np.arange(5.0)[:, None], 1, 3).tolist() == [[1], [2]]
    assert ranks.all_come(0) and not ranks.be_elastic() and ranks.all_finished(True) and not ranks.all_finished(False)
    ranks.rest()
    ranks.regroup()
    assert (ranks.rank, ranks.size) == (0, 1)


def test_for_one_rank_errors_pass_through_untouched() -> None:
    for error in (ValueError("a"), UserError("b")):
        with pytest.raises(type(error)) as caught, OneRank().sharing_errors():
            raise error
        assert caught.value is error
        with pytest.raises(type(error)):
            OneRank().raise_together(error)
    OneRank().raise_together(None)


def test_one_rank_leaves_with_its_exit_code() -> None:
    with pytest.raises(SystemExit) as left:
        OneRank().leave(75)
    assert left.value.code == 75


@pytest.mark.parametrize(("kind", "code"), [(UserError, BAD_USE), (RankError, FAILED)])
def test_an_error_that_strikes_one_rank_alone_is_said_and_ends_the_job(
    kind: type[Exception], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ranks, codes = OneRank(), []
    monkeypatch.setattr(ranks, "all_come", lambda seconds: False)
    monkeypatch.setattr(ranks, "abort", codes.append)
    with pytest.raises(kind, match="alone"), ranks.none_alone():
        raise kind("alone")
    assert codes == [code] and capsys.readouterr().err == "distnn: rank 0: alone\n"


def test_an_error_of_all_ranks_passes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="all"), OneRank().none_alone():
        raise UserError("all")
    assert capsys.readouterr().err == ""


def test_memory_that_one_rank_does_not_get_ends_the_job(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ranks, codes = OneRank(), []
    monkeypatch.setattr(ranks, "abort", codes.append)
    with pytest.raises(TooLittleRoom, match="rank 0 has too little memory: 9 GiB, and"), ranks.none_alone():
        raise MemoryError("9 GiB")
    assert codes == [] and capsys.readouterr().err == ""
    monkeypatch.setattr(ranks, "all_come", lambda seconds: False)
    with pytest.raises(TooLittleRoom), ranks.none_alone():
        raise MemoryError("9 GiB")
    assert codes == [BAD_USE] and "distnn: rank 0: rank 0 has too little memory" in capsys.readouterr().err


def test_what_ranks_agree_on() -> None:
    """The largest signal of all, and rank 0's clock; the rest of the message is a maximum."""

    def work(ranks: Ranks) -> tuple[int, float, list[float]]:
        ranks.stop_request = 10 * ranks.rank
        message = np.array([float(ranks.rank), -1.0 * ranks.rank, 0.0, 0.0])
        ranks.agree(message)
        return ranks.signal, ranks.now, message[:2].tolist()

    found = outcomes(3, work)
    assert [one[0] for one in found] == [20] * 3
    assert len({one[1] for one in found}) == 1 and found[0][1] > 0
    assert [one[2] for one in found] == [[2, 0]] * 3


def test_work_of_rank_0_is_for_all_and_so_is_its_error() -> None:
    def told(work: Callable[[], Any]) -> list[Any]:
        return outcomes(3, lambda ranks: on_root(ranks, work))

    done: list[int] = []
    assert told(lambda: done.append(1) or "found") == ["found"] * 3
    assert done == [1]

    def refuse() -> None:
        raise UserError("no such file")

    assert [(type(error), str(error)) for error in told(refuse)] == [(UserError, "no such file")] * 3


@pytest.mark.parametrize("kind", [OneRank, MPIRanks, SimulatedRanks])
def test_every_kind_has_all_that_ranks_can_do(kind: type[Ranks]) -> None:
    assert not kind.__abstractmethods__
