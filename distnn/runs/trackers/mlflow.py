"""MLflow: a run in the experiment that MLFLOW_EXPERIMENT_NAME names, else "distnn", of the store that
MLFLOW_TRACKING_URI names, else of MLflow's own choice.

Options become parameters, the environment tags, and so does of one of several runs the directory of all, "farm";
numbers become metrics by the iteration as their step, the files of options, environment, result and model artefacts.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nobody asked for it
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # what fails is tried again by us
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from distnn.runs.contents import ENVIRONMENT, OPTIONS, RESULT
from distnn.runs.trackers.tracker import Course, Numbers, Outcome, Tracker, known, plain

AT_ONCE = 1000  # metrics, and so many parameters and tags:
FEW = 100
LENGTH = 250  # characters of a parameter or tag, the fewest that a version of MLflow allows


class MLflow(Tracker):
    """A run of MLflow, by its client: what the program does with MLflow besides is not touched."""

    most = 50  # with at most 20 numbers each
    client: Any
    run: str

    def begin(self, course: Course) -> int:
        memory = course.memory
        store = os.environ.get("MLFLOW_TRACKING_URI") or memory.get("store") or mlflow.get_tracking_uri()
        self.client, self._course = MlflowClient(tracking_uri=store), course
        found = self._found(memory.get("run")) if store == memory.get("store") else None
        if found is None:
            found = self.client.create_run(self._experiment(), run_name=course.name)
        self.run = found.info.run_id
        memory.update(store=store, run=self.run)
        self.client.update_run(self.run, status="RUNNING")
        self._describe(found.data.params)
        history = self.client.get_metric_history(self.run, "seconds") if course.t >= 0 else []
        return max((metric.step for metric in history), default=-1)

    def log(self, rows: Sequence[Numbers]) -> None:
        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, int(row["t"] or 0)) for row in rows for name, value in known(row).items()]
        for start in range(0, len(metrics), AT_ONCE):
            self.client.log_batch(self.run, metrics=metrics[start : start + AT_ONCE])

    def end(self, outcome: Outcome) -> None:
        if outcome.done or outcome.model is not None:
            paths = [self._course.folder / RESULT, outcome.model]
            for path in paths:
                if path is not None and path.exists():
                    self.client.log_artifact(self.run, str(path))
        status = "FINISHED" if outcome.done else "KILLED" if outcome.interrupted else "FAILED"
        self.client.set_terminated(self.run, status)

    def _experiment(self) -> str:
        """The number of the experiment, which is made if there is none."""
        if number := os.environ.get("MLFLOW_EXPERIMENT_ID"):
            return number
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "distnn"
        there = self.client.get_experiment_by_name(name)
        return str(self.client.create_experiment(name) if there is None else there.experiment_id)

    def _found(self, run: str | None) -> Any:
        """The run of this number; None if there is none."""
        try:
            return run and self.client.get_run(run)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def _describe(self, there: dict[str, str]) -> None:
        """Options and environment. A parameter cannot be changed: an option that has, at --resume, becomes a tag."""
        options = {name: str(value)[:LENGTH] or "none" for name, value in plain(self._course.options).items()}
        environment = {f"environment.{name}": value for name, value in plain(self._course.environment).items()}
        changed = {f"at_resume.{name}": value for name, value in options.items() if there.get(name, value) != value}
        params = [Param(name, value) for name, value in options.items() if name not in there]
        farm = {} if self._course.farm is None else {"farm": self._course.farm}
        tags = [RunTag(name, str(value)[:LENGTH]) for name, value in {**farm, **environment, **changed}.items()]
        for start in range(0, max(len(params), len(tags)), FEW):
            part = slice(start, start + FEW)
            self.client.log_batch(self.run, params=params[part], tags=tags[part])
        for name in (OPTIONS, ENVIRONMENT):
            self.client.log_artifact(self.run, str(self._course.folder / name))


def tracker() -> Tracker:
    """One that asks MLflow's client."""
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    return MLflow()
