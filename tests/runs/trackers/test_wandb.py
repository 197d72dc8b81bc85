"""Runs of Weights & Biases, offline: told to what stands in for it, and to the package, whose files are read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from patience import PATIENCE
from tracking import WITH, course, package, rows, wandb_stand_in, wandb_written

from distnn.errors import DONE, STOPPED, UserError
from distnn.runs.trackers.tracker import Outcome


@pytest.fixture(params=[WITH[0], pytest.param(WITH[1], marks=pytest.mark.job)])
def ours(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("WANDB_MODE", "offline")
    begin_in(tmp_path / "1", monkeypatch)
    for place in ("CONFIG_DIR", "CACHE_DIR", "DATA_DIR"):
        monkeypatch.setenv(f"WANDB_{place}", str(tmp_path))
    for limit in ("INIT_TIMEOUT", "X_SERVICE_WAIT"):
        monkeypatch.setenv(f"WANDB_{limit}", str(PATIENCE))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    with package("wandb", request.param, *wandb_stand_in()) as found:
        yield found
        if request.param == "package":
            found.wandb.teardown()  # ends the process that writes its files


def begin_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W&B names the files of a run by the second in which it begins: two in one second would be one."""
    folder.mkdir()
    monkeypatch.setenv("WANDB_DIR", str(folder))


def read(ours: ModuleType, folder: Path) -> dict[str, Any]:
    """The history, configuration and artefacts of all runs."""
    found: dict[str, Any] = {"steps": [], "E_in": [], "config": {}, "artefacts": [], "ids": set(), "code": []}
    for run in wandb_written(folder) or ours.wandb.runs:
        found["steps"] += [row["_step"] for row in run.history]
        found["E_in"] += [row["E_in"] for row in run.history]
        found["config"] |= run.config
        found["artefacts"] += [artefact.files for artefact in run.artefacts]
        found["ids"].add(run.id)
        found["code"].append(run.exit_code)
        found["names"] = run.given["name"], run.given["group"]
    return found


def test_a_run_that_goes_on_is_the_same_one_with_all_of_it(
    ours: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (farm := tmp_path / "forest" / "member-003").mkdir(parents=True)
    begun = course(farm)
    run = ours.tracker()
    assert run.begin(begun) == -1
    run.log(rows(0, 4))
    run.log(rows(4, 10))
    run.end(Outcome(STOPPED))
    begin_in(tmp_path / "2", monkeypatch)
    again = course(farm, 6, dict(begun.memory))
    again.options = {**again.options, "max_iterations": 99}
    run = ours.tracker()
    assert run.begin(again) == 9
    run.log(rows(10, 12))
    run.end(Outcome(DONE, farm / "model.safetensors", {"E_in": 0.5}))
    found = read(ours, tmp_path)
    assert found["names"] == ("forest/member-003", "forest")
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
