"""A job on P ranks, from its start over its table to its model, takes O(log P) messages of a rank, none long."""

from __future__ import annotations

import pickle
from collections import Counter
from contextlib import nullcontext
from math import ceil, log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import write_csv
from threaded_ranks import Comm, ThreadRanks, on_ranks

import distnn
from distnn.errors import DONE
from distnn.kernels import blas
from distnn.parallel.ranks import Ranks
from distnn.runs.job import Job
from distnn.runs.options import Options

P = (4, 16)
N = 5 * max(P)  # a block for each rank, see small_blocks
LONGEST = 4000  # bytes


class Counting(Comm):
    """Counts what this rank sends and receives. A collective call of MPI is ⌈log₂ P⌉ messages there and back."""

    def __init__(self, comm: Comm):
        super().__init__(comm.wire, comm.rank)
        self.counts: Counter[str] = Counter()
        self.longest = 0

    def _count(self, name: str, value: Any, messages: int) -> None:
        self.counts[name] += messages
        self.longest = max(self.longest, value.nbytes if isinstance(value, np.ndarray) else len(pickle.dumps(value)))

    def send(self, value: Any, dest: int, tag: int) -> None:
        self._count("sent", value, 1)
        super().send(value, dest, tag)

    def recv(self, source: int, tag: int) -> Any:
        value = super().recv(source, tag)
        self._count("received", value, 1)
        return value

    def bcast(self, value: Any, root: int) -> Any:
        value = super().bcast(value, root)
        self._count("broadcasts", value, 1)
        return value

    def Allreduce(self, in_place: None, values: np.ndarray, op: np.ufunc) -> None:
        self._count("reductions", values, 1)
        super().Allreduce(in_place, values, op)

    def alltoall(self, parts: list[Any]) -> list[Any]:
        raise AssertionError("every rank would send to every other one")


def counted(size: int, work: Any) -> list[tuple[Counter[str], int]]:
    """The messages of each rank, by kind, and the bytes of the longest one."""

    def one(ranks: Any) -> tuple[Counter[str], int]:
        comm = Counting(ranks.comm)
        work(ThreadRanks(comm))
        return comm.counts, comm.longest

    return on_ranks(size, one)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_what_ranks_say_is_put_together_in_their_order(size: int) -> None:
    """Two and two, so that a rank sends and receives ⌈log₂ P⌉ times at most, whatever P is."""

    def merged(ranks: Ranks) -> tuple[list[int], list[list[int]]]:
        return ranks.gather(ranks.rank), ranks.tabled([ranks.rank, 7]).tolist()

    everyone = list(range(size))
    assert on_ranks(size, merged) == [(everyone, [[rank, 7] for rank in everyone])] * size
    for counts, _ in counted(size, lambda ranks: ranks.gather(ranks.rank)):
        assert counts["sent"] <= 1 and counts["sent"] + counts["received"] <= ceil(log2(size))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """One with words, gaps, classes and a number that may stand for a missing one: all that ranks tell each other."""
    x = np.random.default_rng(0).uniform(-1, 1, N)
    colour = np.array(["red", "green", "blue"])[np.arange(N) % 3]
    columns = {"x": np.where(np.arange(N) % 9 == 0, -999.0, x), "colour": colour, "kind": np.where(x > 0, "up", "down")}
    return write_csv(tmp_path / "table.csv", columns)


def test_a_job(table: Path, tmp_path: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start, opening, iterations with checkpoints, and the end."""
    monkeypatch.setattr("distnn.runs.job.caught", lambda ranks: nullcontext())  # Python's signals need its first thread

    def job(size: int, iterations: int) -> list[tuple[Counter[str], int]]:
        out = tmp_path / f"{size}-{iterations}"
        options = Options(
            data=str(table), hidden=(3,), eta=0.1, optimizer="gradient-descent", max_iterations=iterations, out=str(out)
        )

        def carry_out(ranks: Ranks) -> None:
            assert Job(options, ranks).carry_out() == DONE

        with blas.limited_threads(options.threads):
            found = counted(size, carry_out)
        assert (out / "model.safetensors").exists()
        return found

    few, many = (job(size, 2) for size in P)
    for counts, _ in (*few, *many):
        for name in ("broadcasts", "reductions"):
            assert counts[name] == few[0][0][name], "the calls are the same for every P, and on each rank"
    merges = few[1][0]["sent"]  # each of which rank 1 takes part in with one message to rank 0
    for found, size in ((few, P[0]), (many, P[1])):
        assert max(counts["sent"] + counts["received"] for counts, _ in found) <= merges * log2(size)
    assert max(longest for _, longest in many) < LONGEST
    longer = job(P[0], 5)
    difference = longer[0][0] - few[0][0]
    assert difference == Counter(reductions=3 * 2), "two messages an iteration, and none for a checkpoint"


def test_arrays_go_where_they_are_needed(small_blocks: None) -> None:
    """`fit` sends rows only to ranks that need them, which are neighbours where ranks pass about as many."""
    x = np.linspace(-1, 1, N + 7)[:, None]

    def fit(ranks: Ranks) -> None:
        own = slice(len(x) * ranks.rank // ranks.size, len(x) * (ranks.rank + 1) // ranks.size)
        distnn.fit(x[own], np.sin(3 * x[own]), hidden=(3,), eta=0.1, max_iterations=2, comm=ranks)

    few, many = (counted(size, fit) for size in P)
    for counts, _ in (*few, *many):
        assert counts["broadcasts"] == few[0][0]["broadcasts"]
    merges = few[0][0]["broadcasts"]
    tables, neighbours = 2, 3
    for found, size in ((few, P[0]), (many, P[1])):
        most = merges * log2(size) + 2 * tables * neighbours
        assert max(counts["sent"] + counts["received"] for counts, _ in found) <= most
