"""The series over n, |W| and dtype."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from mpi_runner import python

from distnn.bench.series import NETWORKS, ROWS
from distnn.network.weights import weight_count


@pytest.mark.job
def test_series(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    done = python("-m", "distnn.bench", "--series", "--quick", "--json", str(path))
    assert done.returncode == 0, done.stderr
    results = json.loads(path.read_text())
    assert results["workloads"] == {}
    points = results["series"]
    assert [(point["n"], point["dtype"]) for point in points[:4]] == [
        (n, dtype) for dtype in ("float64", "float32") for n in (1000, 10_000)
    ]
    assert {point["n"] for point in points[4:]} == {20_000}
    assert points[1]["weights"] == 31 * 30 + 31 * 30 + 31
    assert [point["shard_bytes"] for point in points[:2]] == [(31 + 1) * n * 8 for n in (1000, 10_000)]
    assert [2 * point["shard_bytes"] for point in points[2:4]] == [point["shard_bytes"] for point in points[:2]]
    for point in points:
        assert point["seconds"] > 0
        assert point["peak_bytes"] > point["shard_bytes"]
        assert f"{point['n']:,}" in done.stdout


def test_series_reaches_what_is_promised() -> None:
    assert (ROWS[0], ROWS[-1]) == (10**3, 10**7)
    assert [round(math.log10(weight_count(d))) for d in NETWORKS] == [1, 2, 3, 4, 5, 6, 7]
