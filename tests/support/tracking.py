"""Courses of trainings for trackers, and what stands in for services that are not installed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from distnn.runs.contents import FILES
from distnn.runs.metrics import finite
from distnn.runs.trackers import Course
from distnn.runs.trackers.tracker import Numbers
from distnn.training.record import Record

OPTIONS = {"hidden": (3, 4), "eta": 0.1, "max_iterations": 9, "data": "table.csv", "targets": ()}
ENVIRONMENT = {"numpy": "2", "cpu_features": ["a", "b"], "threads": 1}


def course(folder: Path, t: int = -1, memory: dict[str, Any] | None = None) -> Course:
    """A run in this folder that begins, or goes on from t."""
    for name in FILES:
        if name in ("options.toml", "environment.json", "result.json", "model.safetensors"):
            (folder / name).write_text(name)
    return Course(folder, OPTIONS, ENVIRONMENT, t, {} if memory is None else memory)


def row(t: int) -> Numbers:
    """The numbers of an iteration, one of which is not known."""
    return finite(Record(t, E_in=1 / (t + 1), seconds=0.25 * t, gradient_norm=2.0**-t))


def rows(start: int, stop: int) -> list[Numbers]:
    """The numbers of iterations [start, stop)."""
    return [row(t) for t in range(start, stop)]


@contextmanager
def package(name: str, *stand_in: ModuleType, always: bool = False) -> Iterator[ModuleType]:
    """The tracker of this package, with the package itself where it is installed, and else with what stands in."""
    ours = f"distnn.runs.trackers.{name}"
    real = not always and importlib.util.find_spec(name) is not None
    hidden = {} if real else {part: sys.modules.pop(part) for part in list(sys.modules) if part.split(".")[0] == name}
    if not real:
        sys.modules.update({module.__name__: module for module in stand_in})
    sys.modules.pop(ours, None)
    try:
        yield importlib.import_module(ours)
    finally:
        sys.modules.pop(ours, None)
        if not real:
            for module in stand_in:
                del sys.modules[module.__name__]
            sys.modules.update(hidden)


class NoSuchRun(Exception):
    """As MLflow's."""

    error_code = "RESOURCE_DOES_NOT_EXIST"


def mlflow_stand_in() -> tuple[ModuleType, ...]:
    """What the tracker uses of mlflow-skinny 3, kept in memory."""
    main, entities, exceptions = (ModuleType(name) for name in ("mlflow", "mlflow.entities", "mlflow.exceptions"))
    runs: dict[str, Any] = {}
    experiments: dict[str, str] = {}

    def found(run_id: str) -> Any:
        if run_id not in runs:
            raise NoSuchRun(run_id)
        return runs[run_id]

    class MlflowClient:
        def __init__(self, tracking_uri: str):
            self.store = tracking_uri

        def get_experiment_by_name(self, name: str) -> Any:
            return SimpleNamespace(experiment_id=experiments[name]) if name in experiments else None

        def create_experiment(self, name: str) -> str:
            return experiments.setdefault(name, str(len(experiments)))

        def create_run(self, experiment_id: str, run_name: str) -> Any:
            info = SimpleNamespace(run_id=f"run{len(runs)}", run_name=run_name, status="", experiment_id=experiment_id)
            data = SimpleNamespace(params={}, tags={}, metrics=[], artefacts=[])
            runs[info.run_id] = SimpleNamespace(info=info, data=data)
            return runs[info.run_id]

        def get_run(self, run_id: str) -> Any:
            return found(run_id)

        def update_run(self, run_id: str, status: str) -> None:
            found(run_id).info.status = status

        set_terminated = update_run

        def log_batch(self, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()) -> None:
            data = found(run_id).data
            assert len(metrics) <= 1000 and len(params) <= 100 and len(tags) <= 100, "MLflow refuses more"
            for param in params:
                assert data.params.setdefault(param.key, param.value) == param.value, "MLflow changes no parameter"
            data.tags.update({tag.key: tag.value for tag in tags})
            data.metrics += metrics

        def log_artifact(self, run_id: str, path: str) -> None:
            found(run_id).data.artefacts.append(Path(path).name)

        def get_metric_history(self, run_id: str, key: str) -> Any:
            return [metric for metric in found(run_id).data.metrics if metric.key == key]

        def list_artifacts(self, run_id: str) -> Any:
            return [SimpleNamespace(path=name) for name in found(run_id).data.artefacts]

    main.__dict__.update(MlflowClient=MlflowClient, get_tracking_uri=lambda: "memory", __path__=[])
    for name, *names in (("Metric", "key", "value", "timestamp", "step"), ("Param", "key", "value")):
        entities.__dict__[name] = lambda *values, names=names: SimpleNamespace(**dict(zip(names, values, strict=True)))
    entities.__dict__["RunTag"] = entities.__dict__["Param"]
    exceptions.__dict__["MlflowException"] = NoSuchRun
    return main, entities, exceptions


def wandb_stand_in() -> tuple[ModuleType, ...]:
    """What the tracker uses of wandb 0.31, offline; wandb.runs holds what it was told."""
    main = ModuleType("wandb")
    runs: list[Any] = []

    class Config(dict[str, Any]):
        def update(self, values: Any, allow_val_change: bool) -> None:  # type: ignore[override]
            super().update(values)

    class Run:
        def __init__(self, **given: Any):
            self.given, self.id, self.name, self.step = given, given["id"], given["name"], 0
            self.config, self.summary = Config(), dict[str, Any]()
            self.history: list[dict[str, Any]] = []
            self.artefacts: list[Any] = []
            self.exit_code: int | None = None

        def log(self, values: dict[str, float], step: int) -> None:
            assert step >= self.step, "wandb takes steps in their order only"
            self.step = step
            self.history.append({**values, "_step": step})

        def log_artifact(self, artefact: Any) -> None:
            self.artefacts.append(artefact)

        def finish(self, exit_code: int) -> None:
            self.exit_code = exit_code

    class Artifact:
        def __init__(self, name: str, type: str):
            self.name, self.type, self.files = name, type, list[str]()

        def add_file(self, path: str) -> None:
            self.files.append(Path(path).name)

    def init(**given: Any) -> Any:
        runs.append(Run(**given))
        return runs[-1]

    main.__dict__.update(init=init, runs=runs, Artifact=Artifact, api=SimpleNamespace(api_key=None))
    main.__dict__["Settings"] = SimpleNamespace
    return (main,)
