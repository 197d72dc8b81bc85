"""One run from its beginning to its files: what it leaves, how it goes on, and what it does where it cannot write."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from tables import assembled, regression

from distnn.errors import DONE, FAILED, RankError
from distnn.inference.stored import load_model
from distnn.parallel.ranks import OneRank
from distnn.resilience.elastic import Recovery
from distnn.runs.directory import RunDirectory
from distnn.runs.reports import End, Report, Reports
from distnn.runs.reports.metrics import MetricsReport
from distnn.runs.run import Run
from distnn.training.record import Record

X, Y = regression(30)


class Heard(Report):
    """A report that keeps what it hears."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.rows: dict[str, str] = {}

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def end(self, end: End) -> None:
        self.rows = dict(end.rows)


def run(folder: Path, **options: object) -> tuple[Run, Heard]:
    assembly = assembled(OneRank(), X, Y, **options)
    report = Heard()
    reports = Reports({"heard": report, "metrics": MetricsReport()})
    return Run(assembly, RunDirectory(folder), assembly.objective.ranks, reports), report


def logged(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_what_it_leaves(tmp_path: Path) -> None:
    training, report = run(tmp_path, validation=0.4, test=0.2, eta=0.5, hidden=(20,), max_iterations=40)
    assert training.execute().code == DONE
    records = logged(tmp_path)
    assert [record["t"] for record in records] == list(range(41))
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["best_E_val"] == min(record["E_val"] for record in records) < records[-1]["E_val"]
    assert (result["t"], result["text"], report.rows["stopped because"]) == (40, "t >= 40", "t >= 40")
    assert [int(path.stem[-2:]) for path in training.directory.checkpoints.paths()] == [40, 0]
    kept = next(record for record in records if record["E_val"] == result["best_E_val"])
    assert {name: result[name] for name in ("best_t", "E_in", "E_val")} == {
        "best_t": kept["t"],
        "E_in": kept["E_in"],
        "E_val": kept["E_val"],
    }
    assert (result["last_E_in"], result["last_E_val"]) == (records[-1]["E_in"], records[-1]["E_val"])
    assert report.rows["weights kept"] == f"t {kept['t']} of 40"
    w = load_model(tmp_path).network.w
    assert training.assembly.objective.validation_error(w) == result["best_E_val"]
    E_test = training.assembly.objective.test_error(w)
    assert (result["E_test"], report.rows["E_test"]) == (E_test, f"{E_test:.6g}")
    np.testing.assert_array_equal(w, training.assembly.model.network.w)


def test_of_a_stochastic_training_the_evaluations_are_logged_and_the_end(tmp_path: Path) -> None:
    training, _ = run(tmp_path, optimizer="sgd", evaluate_every=4, max_iterations=10)
    training.execute()
    assert [record["t"] for record in logged(tmp_path)] == [0, 4, 8, 10]
    result, w = json.loads((tmp_path / "result.json").read_text()), load_model(tmp_path).network.w
    assert result["E_in"] == training.assembly.objective.error(w) != result["last_E_in"]


def test_it_goes_on_from_memory_where_ranks_were_lost(tmp_path: Path) -> None:
    whole, _ = run(tmp_path / "whole", max_iterations=8)
    whole.directory.create(overwrite=False)
    whole.execute()

    lost, _ = run(tmp_path / "lost", max_iterations=8)
    lost.directory.create(overwrite=False)
    recovery = Recovery()
    checks = iter([None, None, None, None])

    def lose(*arguments: object) -> None:
        if next(checks, "lost"):
            raise ConnectionError

    lost.report.iteration = lose  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        lost.execute(recovery)
    assert recovery.progress is not None
    assert recovery.progress.record is not None
    assert recovery.progress.record.t == 4

    again, _ = run(tmp_path / "lost", max_iterations=8)
    assert again.execute(recovery).text == "t >= 8"
    assert [record["t"] for record in logged(tmp_path / "lost")][-5:] == [4, 5, 6, 7, 8]
    assert load_model(tmp_path / "lost").network.w.tolist() == load_model(tmp_path / "whole").network.w.tolist()


def failing(monkeypatch: pytest.MonkeyPatch, *names: str, times: int = 10**9) -> None:
    """The first so many writes into files that begin with these names find no room."""
    left, write, make = [times], os.write, tempfile.mkstemp

    def full(handle: int, data: bytes) -> int:
        if Path(os.readlink(f"/proc/self/fd/{handle}")).name.lstrip(".").startswith(names) and left[0] > 0:
            left[0] -= 1
            raise OSError(28, "No space left on device")
        return write(handle, data)

    def mkstemp(prefix: str, dir: Path) -> tuple[int, str]:
        if prefix.lstrip(".").startswith(names) and left[0] > 0:
            left[0] -= 1
            raise OSError(28, "No space left on device")
        return make(prefix=prefix, dir=dir)

    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)


@pytest.mark.parametrize("times", [1, 10**9])
def test_metrics_that_cannot_be_written_are_complained_of_once(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And written as soon as they can be: none is lost."""
    failing(monkeypatch, "metrics", times=times)
    training, report = run(tmp_path, max_iterations=5)
    assert training.execute().code == DONE
    file = tmp_path / "metrics.jsonl"
    assert report.warnings == [
        f"{file} cannot be written (No space left on device); training goes on, and it is tried again."
    ]
    assert [record["t"] for record in logged(tmp_path)] == ([*range(6)] if times == 1 else [])


@pytest.mark.parametrize("name", ["model.safetensors", "result.json"])
def test_what_cannot_be_written_at_the_end_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, name)
    training, report = run(tmp_path, max_iterations=2)
    sentence = f"{tmp_path / name} cannot be written: No space left on device."
    with pytest.raises(RankError, match=f"^{re.escape(sentence)}$"):
        training.execute()
    assert report.rows["iterations"].startswith("2 ")  # which was said all the same
    model = str(tmp_path / "model.safetensors")
    assert report.rows["model"] == (f"not written: {sentence}" if name == "model.safetensors" else model)
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_nothing_is_written_where_another_job_has_taken_the_directory(tmp_path: Path) -> None:
    training, _ = run(tmp_path, max_iterations=5, checkpoint_every=1)
    training.directory.create(overwrite=False)

    def take(record: Record, done: bool) -> None:
        if record.t == 3:
            training.directory.claim.folder.joinpath("claim-1.json").rename(tmp_path / "claim-2.json")
            other = tmp_path / "claim-2.json"
            other.write_text(other.read_text().replace(training.directory.claim.token or "", "another"))

    training.report.iteration = take  # type: ignore[method-assign]
    with pytest.raises(RankError, match="was taken over by another job"):
        training.execute()
    assert [int(path.stem[-1]) for path in training.directory.checkpoints.paths()] == [2, 1, 0]
    assert not training.directory.model.exists()


def test_a_training_that_diverged_leaves_the_last_finite_weights_and_no_checkpoint(tmp_path: Path) -> None:
    training, _ = run(tmp_path, eta=1e200, standardise_targets=False, max_iterations=9)
    assert training.execute().code == FAILED
    assert np.isfinite(load_model(tmp_path).network.w).all()
    assert [int(path.stem[-1]) for path in training.directory.checkpoints.paths()] == [0]
