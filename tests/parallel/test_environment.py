"""The record of what the bits depend on, what is said where it differs, and the limit on BLAS threads."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi_runner import Job, find_mpirun, is_open_mpi, python
from threaded_ranks import outcomes

from distnn.errors import UserError
from distnn.parallel import environment, fixed_point
from distnn.parallel.ranks import Ranks

HERE = environment.record(512, {"gradient": "5f", "algebra": "a0"})
NUMPY = {**HERE, "arithmetic": "numpy"}  # as where distnn was installed without a C compiler
SMALL = ("--examples", "3000", "--hidden", "8", "5")  # of a training
SHOW = """
import json
from distnn.kernels import blas
from distnn.parallel import environment, ranks
for threads in ({},):
    blas.limit_threads(threads)
    found = environment.record(7)
    environment.require_threads(threads, found, ranks.OneRank())
    print(json.dumps(found))
"""


def test_record_names_everything_that_changes_the_bits() -> None:
    assert set(environment.ADVICE) - set(environment.OF_DEVICE) <= set(HERE)
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
def test_threads_are_limited_whatever_the_environment_says(variable: str, value: str | None) -> None:
    """Up and down, from what the environment says to 2, 1 and 2."""
    others = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS"))
    done = python("-c", SHOW.format("2, 1, 2"), env={**others, variable: value})
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["threads"] for line in done.stdout.splitlines()] == [2, 1, 2]


@pytest.mark.job
def test_a_disabled_feature_is_not_in_the_record() -> None:
    assert HERE["cpu_features"], "numpy uses no feature beyond its baseline: this test needs another CPU"
    done = python("-c", SHOW.format(1), env={"NPY_DISABLE_CPU_FEATURES": HERE["cpu_features"]})
    assert json.loads(done.stdout)["cpu_features"] == ""


def test_more_threads_than_asked_for_are_refused_on_all_ranks() -> None:
    def work(ranks: Ranks) -> None:
        environment.require_threads(1, {**HERE, "threads": 4 if ranks.rank == 1 else 1}, ranks)

    found = outcomes(3, work)
    assert all(isinstance(error, UserError) and "4 threads on rank 1" in str(error) for error in found)


def compared(rank_1: dict[str, Any], others: dict[str, Any] = HERE) -> list[Any]:
    return outcomes(3, lambda ranks: environment.compare_ranks(rank_1 if ranks.rank == 1 else others, ranks))


def test_ranks_are_told_what_differs_and_what_to_set() -> None:
    assert compared(HERE) == [None] * 3
    said = compared({**NUMPY, "cpu_features": f"{HERE['cpu_features']} NEW"}, NUMPY)
    assert len(set(said)) == 1
    assert "ranks 0 and 1 differ in cpu_features (NEW)" in said[0] and "NPY_DISABLE_CPU_FEATURES='NEW'" in said[0]


@pytest.mark.parametrize("name", ["numpy", "blas", "kernel"])
def test_ranks_whose_weights_would_part_are_refused(name: str) -> None:
    said = compared({**NUMPY, name: "other", "cpu_features": f"{HERE['cpu_features']} NEW"}, NUMPY)
    assert all(isinstance(error, UserError) for error in said)
    assert f"{name} ({HERE[name]}, other) and cpu_features (NEW)" in str(said[0])
    assert environment.ADVICE[name] in str(said[0]) and "NPY_DISABLE_CPU_FEATURES='NEW'" in str(said[0])


@pytest.mark.parametrize("name", ["arithmetic", "algebra"])
def test_ranks_that_compute_otherwise_are_refused(name: str) -> None:
    said = compared({**HERE, name: "other"})
    assert all(isinstance(error, UserError) for error in said)
    assert f"differ in {name} ({HERE[name]}, other)" in str(said[0]) and environment.ADVICE[name] in str(said[0])


def test_what_only_numpy_depends_on_does_not_matter_beside_compiled_code() -> None:
    """A laptop and a cluster, and nodes of different kinds, have the same bits."""
    other = {**HERE, **dict.fromkeys(environment.OF_NUMPY, "other")}
    assert HERE["arithmetic"] == "1"
    assert compared(other) == [None] * 3
    assert environment.compare_times(HERE, other) is None


@pytest.mark.parametrize("name", environment.ADVICE)
def test_every_difference_over_time_is_told(name: str) -> None:
    said = environment.compare_times(NUMPY, {**NUMPY, name: "other"})
    assert said is not None and f"{name} (" in said and said.endswith(".")
    assert environment.compare_times(NUMPY, dict(NUMPY)) is None
    assert environment.compare_times({**NUMPY, "mpi": "another", "python": "3.99"}, NUMPY) is None  # nothing of these
    assert environment.compare_times({**NUMPY, name: 1}, {**NUMPY, name: 2})


def test_another_arithmetic_is_told_alone() -> None:
    """Also that of a run by an older version, whose record has none."""
    for before, was in (({}, "none"), ({**HERE, "arithmetic": "0", "numpy": "0"}, "0"), (NUMPY, "numpy")):
        said = environment.compare_times({**before, "block_rows": 512}, HERE)
        assert said is not None and f"now differ in arithmetic ({was}, 1), so the bits" in said


@pytest.mark.usefixtures("numpy_and_compiled")
def test_the_hash_of_gradients_covers_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HERE["gradient"] == f"5f-{environment.sums()}" and HERE["algebra"] == "a0"
    assert environment.sums.__wrapped__() == environment.sums()
    monkeypatch.setattr(fixed_point, "ROW_STEP", 8)
    assert environment.sums.__wrapped__() != environment.sums()


def test_the_slower_kernel_is_pointed_out() -> None:
    slow = {**NUMPY, "kernel": "Haswell", "cpu_features": "X86_V3 X86_V4"}
    assert "SkylakeX" in (environment.slower_kernel(slow) or "")
    assert environment.slower_kernel({**slow, "kernel": "SkylakeX"}) is None
    assert environment.slower_kernel({**slow, "cpu_features": "X86_V3"}) is None
    assert environment.slower_kernel({**slow, "arithmetic": "1"}) is None  # which does without BLAS


@pytest.mark.job
@pytest.mark.skipif(is_open_mpi(), reason="mixed ranks are started by MPICH's mpirun")
def test_mixed_ranks_train_together(tmp_path: Path) -> None:
    """Ranks as on a cluster of mixed nodes have the bits of one; without compiled code on one, they are refused."""

    def train(out: str, *variables: str) -> Any:
        program = [sys.executable, "-m", "distnn.train", *SMALL, "--max-iterations", "2", "--out", str(tmp_path / out)]
        other = ["-n", "1", "env", *variables, *program]
        with Job([find_mpirun(), "-n", "1", *program, ":", *other], size=2, env={"OPENBLAS_CORETYPE": None}) as job:
            return job.finish()

    mixed = ("OPENBLAS_CORETYPE=Nehalem", f"NPY_DISABLE_CPU_FEATURES={HERE['cpu_features']}", "DISTNN_FUSED=portable")
    for out, variables in (("mixed", mixed), ("alike", ("NOTHING=1",))):
        done = train(out, *variables)
        assert done.returncode == 0, done.stderr
        assert "bits" not in done.stderr
    models = [(tmp_path / out / "model.safetensors").read_bytes() for out in ("mixed", "alike")]
    assert models[0] == models[1]
    assert json.loads((tmp_path / "mixed" / "environment.json").read_text())["arithmetic"] == "1"

    refused = train("refused", "DISTNN_FUSED=off")
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
    assert "ranks 0 and 1 differ in arithmetic (1, numpy)" in refused.stderr
    assert not (tmp_path / "refused" / "checkpoints").exists()

    arguments = ("-m", "distnn.train", "--resume", "--max-iterations", "3", "--out", tmp_path / "mixed")
    done = python(*arguments, env={"DISTNN_FUSED": "off"})
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "bits" in line]
    assert len(said) == 1 and "arithmetic (1, numpy)" in said[0] and "when this run began" in said[0]
