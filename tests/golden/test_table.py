"""The golden table: this machine has its bits, however it computes, and a wrong bit is found."""

from __future__ import annotations

import json

import pytest
from availability import need_instructions, use_instructions
from mpi_runner import mpirun, python
from patience import PATIENCE

from distnn.golden import table
from distnn.golden.cases import CASES
from distnn.kernels import algebra, library

SOME = [name for k, name in enumerate(CASES) if k % 5 == 0]


def wrong(names: list[str]) -> list[str]:
    return [result.name for result in table.results(names) if result.found != result.golden]


@pytest.fixture(autouse=True)
def compiled() -> None:
    need_instructions()


def test_the_table_is_whole_and_this_machine_has_its_bits() -> None:
    assert list(table.golden()) == list(CASES)
    assert json.loads(table.FILE.read_text())["arithmetic"] == algebra.ARITHMETIC
    hashes = table.golden()
    same = {name.removeprefix("resumed ") for name in CASES if name.startswith("resumed ")}
    assert all(hashes[f"resumed {name}"] == hashes[f"{name} float64"] for name in same)
    assert len(set(hashes.values())) == len(CASES) - len(same) > 50
    assert wrong(list(CASES)) == []


@pytest.mark.parametrize("name", library.available()[1:])
def test_every_slower_set_of_instructions(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_instructions(name, monkeypatch)
    assert wrong(SOME) == []


def test_other_bits_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    use_instructions("off", monkeypatch)
    assert wrong(["lbfgs float64"]) == ["lbfgs float64"]


@pytest.mark.job
@pytest.mark.parametrize("kernel", ["Prescott", "Haswell"])
def test_as_on_another_cpu(kernel: str) -> None:
    """BLAS and numpy as on CPUs without what this one has, and other threads: all at once, in one process."""
    features = (
        "import numpy._core._multiarray_umath as m; print(*[f for f in m.__cpu_dispatch__ if m.__cpu_features__[f]])"
    )
    known = python("-c", features).stdout.strip()
    variables = {"OPENBLAS_CORETYPE": kernel, "NPY_DISABLE_CPU_FEATURES": known, "OMP_NUM_THREADS": "2"}
    variables[library.VARIABLE] = "portable" if kernel == "Prescott" else "avx2"
    # Without FMA it takes long, and two threads of BLAS that wait for each other do on a busy machine.
    done = python("-m", "distnn.verify", "--golden", env=variables, timeout=3 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"All is as it should be: {len(CASES)} trainings have the bits of the golden table.\n"


@pytest.mark.job
def test_a_rank_that_computes_otherwise_is_named() -> None:
    done = mpirun(2, "-m", "distnn.verify", "--golden", env={library.VARIABLE: "off"})
    assert done.returncode == 1
    assert "WRONG: On rank 1, the training 'lbfgs float64' ends in other bits (" in done.stdout
