"""The record of what the bits depend on, what is said where it differs, and the limit on BLAS threads."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi_runner import Job, find_mpirun, is_open_mpi, mpirun, python
from threaded_ranks import outcomes

from distnn.errors import UserError
from distnn.parallel import environment, fixed_point
from distnn.parallel.ranks import Ranks

HERE = environment.record(512, {"gradient": "5f", "algebra": "a0"})
SHOW = (
    "import json; from distnn.kernels import blas; from distnn.parallel import environment, fixed_point, ranks; "
    "blas.limit_threads({}); "
    "r = environment.record(7); environment.require_threads({}, r, ranks.OneRank()); print(json.dumps(r))"
)


def test_record_names_everything_that_changes_the_bits() -> None:
    assert set(environment.ADVICE) <= set(HERE)
    assert HERE["numpy"] == np.__version__
    assert HERE["block_rows"] == 512
    assert HERE["kernel"] and HERE["blas"] and isinstance(HERE["threads"], int)
    json.dumps(HERE)


def test_record_is_of_the_blas_of_numpy_also_beside_that_of_scipy() -> None:
    pytest.importorskip("scipy.linalg")
    assert {**HERE, **environment.record(512), "threads": 0} == {**HERE, "threads": 0}  # other tests limit these


@pytest.mark.job
@pytest.mark.parametrize("variable", ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"])
@pytest.mark.parametrize("value", [None, "1", "2", "7"])
@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_limited_whatever_the_environment_says(variable: str, value: str | None, threads: int) -> None:
    others = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS"))
    done = python("-c", SHOW.format(threads, threads), env={**others, variable: value})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["threads"] == threads


@pytest.mark.job
def test_a_disabled_feature_is_not_in_the_record() -> None:
    assert HERE["cpu_features"], "numpy uses no feature beyond its baseline: this test needs another CPU"
    done = python("-c", SHOW.format(1, 1), env={"NPY_DISABLE_CPU_FEATURES": HERE["cpu_features"]})
    assert json.loads(done.stdout)["cpu_features"] == ""


def test_more_threads_than_asked_for_are_refused_on_all_ranks() -> None:
    def work(ranks: Ranks) -> None:
        environment.require_threads(1, {**HERE, "threads": 4 if ranks.rank == 1 else 1}, ranks)

    found = outcomes(3, work)
    assert all(isinstance(error, UserError) and "4 threads on rank 1" in str(error) for error in found)


def compared(rank_1: dict[str, Any]) -> list[Any]:
    return outcomes(3, lambda ranks: environment.compare_ranks(rank_1 if ranks.rank == 1 else HERE, ranks))


def test_ranks_are_told_what_differs_and_what_to_set() -> None:
    assert compared(HERE) == [None] * 3
    said = compared({**HERE, "cpu_features": f"{HERE['cpu_features']} NEW"})
    assert len(set(said)) == 1
    assert "ranks 0 and 1 differ in cpu_features (NEW)" in said[0] and "NPY_DISABLE_CPU_FEATURES='NEW'" in said[0]


@pytest.mark.parametrize("name", ["numpy", "blas", "kernel"])
def test_ranks_whose_weights_would_part_are_refused(name: str) -> None:
    said = compared({**HERE, name: "other", "cpu_features": f"{HERE['cpu_features']} NEW"})
    assert all(isinstance(error, UserError) for error in said)
    assert f"{name} ({HERE[name]}, other) and cpu_features (NEW)" in str(said[0])
    assert environment.ADVICE[name] in str(said[0]) and "NPY_DISABLE_CPU_FEATURES='NEW'" in str(said[0])


@pytest.mark.parametrize("name", environment.ADVICE)
def test_every_difference_over_time_is_told(name: str) -> None:
    changed: dict[str, Any] = {**HERE, name: "other"}
    said = environment.compare_times(HERE, changed)
    assert said is not None and f"{name} (" in said and said.endswith(".")
    assert environment.compare_times(HERE, dict(HERE)) is None
    assert environment.compare_times({**HERE, "mpi": "another", "python": "3.99"}, HERE) is None  # no arithmetic in it
    assert environment.compare_times({}, HERE)
    assert environment.compare_times({**HERE, name: 1}, {**HERE, name: 2})


@pytest.mark.usefixtures("numpy_and_compiled")
def test_the_hash_of_gradients_covers_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HERE["gradient"] == f"5f-{environment.sums()}" and HERE["algebra"] == "a0"
    assert environment.sums.__wrapped__() == environment.sums()
    monkeypatch.setattr(fixed_point, "ROW_STEP", 8)
    assert environment.sums.__wrapped__() != environment.sums()


def test_the_slower_kernel_is_pointed_out() -> None:
    slow = {**HERE, "kernel": "Haswell", "cpu_features": "X86_V3 X86_V4"}
    assert "SkylakeX" in (environment.slower_kernel(slow) or "")
    assert environment.slower_kernel({**slow, "kernel": "SkylakeX"}) is None
    assert environment.slower_kernel({**slow, "cpu_features": "X86_V3"}) is None


WORK = "; import numpy; a = numpy.ones((99, 99)); numpy.linalg.eigh(a @ a)"  # SIGILL without its instructions


def kernels() -> list[str]:
    """Two kernels of OpenBLAS that this machine can run."""
    found = []
    for name in ("Haswell", "SkylakeX", "Sandybridge", "Nehalem"):
        done = python("-c", SHOW.format(1, 1) + WORK, env={"OPENBLAS_CORETYPE": name})
        if done.returncode == 0 and json.loads(done.stdout)["kernel"] == name:
            found.append(name)
        if len(found) == 2:
            return found
    pytest.skip(f"NOT TESTED HERE: BLAS is {HERE['blas']}, and has no two kernels for this CPU")


@pytest.mark.job
@pytest.mark.skipif(is_open_mpi(), reason="mixed ranks are started by MPICH's mpirun")
def test_mixed_ranks_and_a_changed_kernel_at_resume(tmp_path: Path) -> None:
    """Ranks as on a cluster of mixed nodes: refused or told in one sentence. Another kernel later: another one."""
    one, two = kernels()

    def train(first: str, second: str, more: str = "NOTHING=1") -> Any:
        """Train on two ranks with one of these variables each, and the second with one more."""
        program = [sys.executable, "-m", "distnn.train", "--max-iterations", "2", "--out", str(tmp_path / "run")]
        command = ["-n", "1", "env", first, *program, ":", "-n", "1", "env", second, more, *program]
        with Job([find_mpirun(), *command], size=2, env={"OPENBLAS_CORETYPE": None}) as job:
            return job.finish()

    refused = train(f"OPENBLAS_CORETYPE={one}", f"OPENBLAS_CORETYPE={two}")
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
    assert f"ranks 0 and 1 differ in kernel ({one}, {two})" in refused.stderr
    assert "OPENBLAS_CORETYPE" in refused.stderr
    assert not (tmp_path / "run" / "checkpoints").exists()

    # The same BLAS but other features for numpy: the ranks stay together, and are told.
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    kernel = f"OPENBLAS_CORETYPE={one}"
    told = train(kernel, kernel, more=f"NPY_DISABLE_CPU_FEATURES={HERE['cpu_features']}")
    assert told.returncode == 0, told.stderr
    said = [line for line in told.stderr.splitlines() if "bits" in line]
    assert len(said) == 1 and "differ in cpu_features (" in said[0]
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["kernel"] == one

    arguments = ("-m", "distnn.train", "--resume", "--max-iterations", "3", "--out", tmp_path / "run")
    done = mpirun(2, *arguments, env={"OPENBLAS_CORETYPE": two})
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "bits" in line]
    assert len(said) == 1 and f"kernel ({one}, {two})" in said[0] and "when this run began" in said[0]
