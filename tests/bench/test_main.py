"""`python -m distnn.bench`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mpi_runner import mpirun, python

from distnn.bench.workloads import WORKLOADS


def check_results(results: dict[str, Any], size: int) -> None:
    """What is in the file of --json."""
    assert results["version"] == 1
    assert results["machine"]["ranks"] == size
    assert {"cpu", "cores", "blas", "kernel", "threads", "numpy", "python", "mpi", "date"} <= results["machine"].keys()
    for name, found in results["workloads"].items():
        assert found["flops"] == found["n"] * WORKLOADS[name].flops
        exact = found["contenders"][0]
        assert (exact["name"], exact["cores"], exact["times_distnn"]) == ("distnn, exact", size, 1)
        for entry in found["contenders"]:
            assert 0 < entry["least"] <= entry["median"] <= entry["most"]
            assert len(entry["seconds"]) == 2
        assert found["floor"]["seconds"] == pytest.approx(found["floor"]["products"] + found["floor"]["tanh"])
        assert found["floor"]["distance"] == pytest.approx(exact["median"] / found["floor"]["seconds"])
        assert set(found["split"]) == {
            "products", "activation", "reduction", "communication", "python", "outside"
        }  # fmt: skip
        assert exact["peak_bytes"] > found["shard_bytes"] > 0


@pytest.mark.job
def test_command(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    arguments = ["--quick", "--no-peers", "--workload", "narrow-f64", "tiny", "--json", str(path)]
    arguments += ["--predict", "1..64", "--alpha", "2e-6", "--beta", "1e-10"]
    done = python("-m", "distnn.bench", *arguments)
    assert done.returncode == 0, done.stderr
    results = json.loads(path.read_text())
    check_results(results, 1)
    assert list(results["workloads"]) == ["narrow-f64", "tiny"]
    prediction = results["workloads"]["narrow-f64"]["prediction"]
    assert [row["ranks"] for row in prediction["rows"]] == [1, 2, 4, 8, 16, 32, 64]
    assert (prediction["alpha"], prediction["beta"]) == (2e-6, 1e-10)
    assert 1 <= prediction["fastest"] <= results["workloads"]["narrow-f64"]["blocks"]
    for words in (
        "narrow-f64: d = [30, 30, 30, 1]",
        "floor: ",
        "split: products ",
        "memory: ",
        "BLAS thread",
        "ranks do not pay",
    ):
        assert words in done.stdout


@pytest.mark.job
def test_command_on_two_ranks(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    arguments = ["--quick", "--no-peers", "--workload", "tiny", "--json", str(path), "--predict", "1..8"]
    done = mpirun(2, "-m", "distnn.bench", *arguments)
    assert done.returncode == 0, done.stderr
    results = json.loads(path.read_text())
    check_results(results, 2)
    tiny = results["workloads"]["tiny"]
    assert tiny["n"] == 1000
    assert [entry["cores"] for entry in tiny["contenders"]] == [2, 2, 1]
    assert tiny["split"]["communication"] > 0
    assert tiny["prediction"]["alpha"] > 0
    assert [check["ranks"] for check in tiny["prediction"]["here"]] == [2, 1]
    assert "here, 1 rank: " in done.stdout


@pytest.mark.job
def test_wrong_use_is_a_sentence() -> None:
    done = python("-m", "distnn.bench", "--workload", "big")
    assert done.returncode == 2
    assert done.stderr.startswith("distnn: There is no workload 'big'.")
