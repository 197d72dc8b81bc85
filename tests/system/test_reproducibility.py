"""Training ends in the same bits on any number of ranks, under any MPI, interrupted or not: whole jobs, compared."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from mpi_runner import Job, is_open_mpi, mpirun, python
from reproducibility_cases import CASES, PROGRAM, digest, write_tables

pytestmark = pytest.mark.job

ITERATIONS = 7
FEW = ("weights-validation", "classes-float32", "sgd-many-blocks-float32")
MORE = (*FEW, "sgd", "sgd-one-example", "fewer-rows-than-ranks", "optimizer-bayesian")  # where some ranks have no rows
ALLREDUCE = {1: "linear", 3: "recursive doubling", 4: "ring", 6: "rabenseifner"}  # the others are kinds of these


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_tables(folder)
    return folder


@pytest.fixture(scope="module")
def one_rank(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one process, not started by mpirun and never interrupted, ends with."""
    out = tmp_path_factory.mktemp("one")
    done = python(PROGRAM, data, out, str(ITERATIONS), *CASES)
    assert done.returncode == 0, done.stderr
    return digests(out, CASES)


def digests(out: Path, cases: Sequence[str] | dict[str, list[str]]) -> dict[str, str]:
    return {case: digest(out / case) for case in cases}


@pytest.mark.parametrize(("P", "cases"), [(2, FEW), (3, tuple(CASES)), (8, MORE)])  # 4, 5: below
def test_any_number_of_ranks(
    P: int, cases: Sequence[str], data: Path, one_rank: dict[str, str], tmp_path: Path
) -> None:
    done = mpirun(P, PROGRAM, data, tmp_path, str(ITERATIONS), *cases)
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path, cases) == {case: one_rank[case] for case in cases}


def test_the_cases_differ(one_rank: dict[str, str]) -> None:
    assert len(set(one_rank.values())) == len(CASES)


def test_resumed_on_other_numbers_of_ranks(data: Path, one_rank: dict[str, str], tmp_path: Path) -> None:
    """Interrupted twice: 3 ranks, then 1, then 4."""
    for P, iterations, more in ((3, 2, []), (1, 5, ["--", "--resume"]), (4, ITERATIONS, ["--", "--resume"])):
        run = mpirun(P, PROGRAM, data, tmp_path, str(iterations), *CASES, *more)
        assert run.returncode == 0, run.stderr
    assert digests(tmp_path, CASES) == one_rank


def test_plain_sums_do_depend_on_the_ranks(data: Path, tmp_path: Path) -> None:
    """So the tests here would notice."""
    found = set()
    for P in (1, 2, 3):
        done = mpirun(P, PROGRAM, data, tmp_path / str(P), str(ITERATIONS), "plain")
        assert done.returncode == 0, done.stderr
        found.add(digest(tmp_path / str(P) / "plain"))
    assert len(found) > 1


@pytest.mark.skipif(is_open_mpi(), reason="all tests here run under Open MPI already")
def test_every_allreduce_of_open_mpi(open_mpi: Path, data: Path, one_rank: dict[str, str], tmp_path: Path) -> None:
    """One hash under four algorithms of MPI_Allreduce on 5 ranks; with plain sums they give several."""
    plain = set()
    for number, name in ALLREDUCE.items():
        settings = {"coll": "tuned,libnbc,basic,inter,self", "coll_tuned_use_dynamic_rules": "1"}
        settings |= {"coll_tuned_allreduce_algorithm": str(number)}
        chosen = [word for key, value in settings.items() for word in ("--mca", key, value)]
        command = [str(open_mpi / "mpirun"), *chosen, "-n", "5", str(open_mpi / "python"), str(PROGRAM), str(data)]
        path = f"{open_mpi}{os.pathsep}{os.environ['PATH']}"
        out = tmp_path / str(number)
        with Job([*command, str(out), str(ITERATIONS), *FEW, "plain"], env={"PATH": path}, size=5) as job:
            done = job.finish()
        assert done.returncode == 0, f"{name}: {done.stderr}"
        assert digests(out, FEW) == {case: one_rank[case] for case in FEW}, name
        plain.add(digest(out / "plain"))
    assert len(plain) > 1  # the algorithms did add in different orders
