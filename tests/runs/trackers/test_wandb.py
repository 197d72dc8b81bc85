"""Runs of Weights & Biases, told to what stands in for it: what the package itself writes, only a server reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tracking import course, package, rows, wandb_stand_in

from distnn.errors import DONE, STOPPED, UserError
from distnn.runs.trackers.tracker import Outcome


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    with package("wandb", *wandb_stand_in(), always=True) as found:
        yield found


def read(ours: ModuleType) -> dict[str, Any]:
    """The history, configuration and artefacts of all runs."""
    found: dict[str, Any] = {"steps": [], "E_in": [], "config": {}, "artefacts": [], "ids": set(), "code": []}
    for run in ours.wandb.runs:
        found["steps"] += [row["_step"] for row in run.history]
        found["E_in"] += [row["E_in"] for row in run.history]
        found["config"] |= run.config
        found["artefacts"] += [artefact.files for artefact in run.artefacts]
        found["ids"].add(run.id)
        found["code"].append(run.exit_code)
    return found


def test_a_run_that_goes_on_is_the_same_one_with_all_of_it(ours: ModuleType, tmp_path: Path) -> None:
    begun = course(tmp_path)
    run = ours.tracker()
    assert run.begin(begun) == -1
    run.log(rows(0, 4))
    run.log(rows(4, 10))
    run.end(Outcome(STOPPED))
    again = course(tmp_path, 6, dict(begun.memory))
    again.options = {**again.options, "max_iterations": 99}
    run = ours.tracker()
    assert run.begin(again) == 9
    run.log(rows(10, 12))
    run.end(Outcome(DONE, tmp_path / "model.safetensors", {"E_in": 0.5}))
    found = read(ours)
    assert found["steps"] == list(range(12))
    assert found["E_in"] == [1 / (t + 1) for t in range(12)]
    assert found["ids"] == {begun.memory["run"]}
    assert found["config"]["hidden"] == "3 4"
    assert found["config"]["max_iterations"] == 99
    assert found["config"]["environment.numpy"] == "2"
    assert found["artefacts"] == [["model.safetensors"]]
    assert found["code"] == [75, 0]


def test_without_a_key_nobody_is_asked_for_one(ours: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE")
    with pytest.raises(UserError, match="no key of Weights & Biases"):
        ours.tracker()
