"""Runs of MLflow, read back by its client, and by what stands in for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tracking import WITH, course, mlflow_stand_in, package, rows

from distnn.errors import DONE, STOPPED
from distnn.runs.trackers.tracker import Outcome


@pytest.fixture(scope="module", params=WITH)
def ours(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch, package("mlflow", request.param, *mlflow_stand_in()) as found:
        store = tmp_path_factory.mktemp("mlflow")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}/mlflow.db")
        patch.chdir(store)
        yield found


def client(ours: ModuleType, memory: dict[str, Any]) -> Any:
    return ours.MlflowClient(tracking_uri=memory["store"])


def steps(ours: ModuleType, memory: dict[str, Any]) -> list[int]:
    return sorted(metric.step for metric in client(ours, memory).get_metric_history(memory["run"], "E_in"))


def test_all_of_a_run_is_there(ours: ModuleType, tmp_path: Path) -> None:
    run, tmp_path = ours.tracker(), tmp_path / "forest" / "member-003"
    tmp_path.mkdir(parents=True)
    begun = course(tmp_path)
    assert run.begin(begun) == -1
    run.log(rows(0, 40))
    run.log(rows(40, 45))
    run.end(Outcome(DONE, tmp_path / "model.safetensors"))
    memory = begun.memory
    assert steps(ours, memory) == list(range(45))
    found = client(ours, memory).get_run(memory["run"])
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "forest/member-003"
    assert found.data.tags["farm"] == "forest"
    assert found.data.params["hidden"] == "3 4"
    assert found.data.tags["environment.cpu_features"] == "a b"
    artefacts = {file.path for file in client(ours, memory).list_artifacts(memory["run"])}
    assert artefacts == {"options.toml", "environment.json", "result.json", "model.safetensors"}


def test_a_run_that_goes_on_is_the_same_one(ours: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the store is no longer named; a changed option is told by a tag."""
    first = course(tmp_path)
    run = ours.tracker()
    run.begin(first)
    run.log(rows(0, 10))
    run.end(Outcome(STOPPED))
    status = client(ours, first.memory).get_run(first.memory["run"]).info.status
    memory = dict(first.memory)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    again = course(tmp_path, 6, first.memory)
    again.options = {**again.options, "max_iterations": 99}
    run = ours.tracker()
    assert run.begin(again) == 9
    assert again.memory == memory
    found = client(ours, memory).get_run(memory["run"])
    assert (status, found.info.status) == ("KILLED", "RUNNING")
    assert found.data.params["max_iterations"] == "9"
    assert found.data.tags["at_resume.max_iterations"] == "99"


def test_a_run_that_was_deleted_begins_anew(ours: ModuleType, tmp_path: Path) -> None:
    first = course(tmp_path)
    ours.tracker().begin(first)
    again = course(tmp_path, 6, {**first.memory, "run": "0" * 32})
    assert ours.tracker().begin(again) == -1
    assert again.memory["run"] not in ("0" * 32, first.memory["run"])
