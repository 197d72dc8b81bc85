"""Courses of trainings for trackers, what stands in for services that are not installed, and a reader for one."""

from __future__ import annotations

import importlib
import importlib.util
import json
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from availability import unavailable
from trainings import wait_until

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


WITH = ("stand-in", "package")  # what trackers are tested with


@contextmanager
def package(name: str, with_: str, *stand_in: ModuleType) -> Iterator[ModuleType]:
    """The tracker of this package, with the package itself or with what stands in for it."""
    ours = f"distnn.runs.trackers.{name}"
    real = with_ == "package"
    if real and importlib.util.find_spec(name) is None:
        unavailable(name, f"pip install 'distnn[{name}]'; what stands in for it is not all that it does")
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


def wandb_records(path: Path) -> Iterator[Any]:
    """What a .wandb file holds, by the messages of the package, which has no reader in Python.

    It is a log as LevelDB's (doc/log_format.md there) with a longer header: blocks of 32 kB of pieces, each with its
    checksum, length, and whether it is all of a record (1), its first (2), one between (3) or its last one (4).
    """
    from wandb.proto.wandb_internal_pb2 import Record as Message

    block, data, part = 1 << 15, path.read_bytes(), b""
    assert data[:7] in (b"", b":W&B\xe1\xbe\x00"), "another version of these files"
    position = 7
    while position < len(data):
        if (left := block - position % block) < 7:
            position += left
            continue
        if len(data) < position + 7:
            return  # more is still to be written
        _, length, piece = struct.unpack_from("<IHB", data, position)
        if len(data) < position + 7 + length:
            return
        part += data[position + 7 : position + 7 + length]
        position += 7 + length
        if piece in (1, 4):
            yield Message.FromString(part)
            part = b""


def _kinds(path: Path) -> list[str]:
    return [message.WhichOneof("record_type") for message in wandb_records(path)]


def wandb_written(folder: Path) -> list[Any]:
    """Runs that wandb wrote offline into folders of this one, in order, as the stand-in's wandb.runs holds them."""
    runs, paths = [], sorted(folder.glob("*/wandb/offline-run-*/*.wandb"))
    # Its service writes them, and may come to the last record after the run has ended here.
    wait_until(lambda: all(_kinds(path)[-1:] == ["exit"] for path in paths), "the last records of W&B's files")
    for path in paths:
        run = SimpleNamespace(id="", config={}, summary={}, history=[], artefacts=[], exit_code=None)
        for message in wandb_records(path):
            kind = message.WhichOneof("record_type")
            told = getattr(message, kind)
            if kind in ("config", "summary"):
                values = {item.key: json.loads(item.value_json) for item in told.update if item.key}
                getattr(run, kind).update(values)
            elif kind == "history":
                items = [(item.key or item.nested_key[0], item.value_json) for item in told.item]
                run.history.append({key: json.loads(value) for key, value in items})
            elif kind == "artifact":
                run.artefacts.append(SimpleNamespace(files=[file.path for file in told.manifest.contents]))
            elif kind == "run":
                run.id, run.given = told.run_id, {"name": told.display_name, "group": told.run_group}
            elif kind == "exit":
                run.exit_code = told.exit_code
        runs.append(run)
    return runs
