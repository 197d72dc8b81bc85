"""Weights & Biases: a run of the project that WANDB_PROJECT names, else "distnn"; WANDB_MODE=offline keeps it in files.

Options and environment become its configuration, numbers its history by the iteration as the step, the model an
artefact. Several runs of one directory are a group.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # to its makers; nobody asked for it

import wandb

from distnn.errors import UserError
from distnn.runs.trackers.tracker import Course, Numbers, Outcome, Tracker, known, plain

SAYS_NOTHING = ("offline", "disabled", "dryrun")  # to a server


class WandB(Tracker):
    """A run of W&B."""

    run: Any

    def begin(self, course: Course) -> int:
        """W&B knows what it has; where it is offline, the last iteration is written down here."""
        memory = course.memory
        memory.setdefault("run", uuid.uuid4().hex[:12])
        self._memory = memory
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or "distnn",
            name=os.environ.get("WANDB_NAME") or course.name,
            group=os.environ.get("WANDB_RUN_GROUP") or course.farm,
            id=memory["run"],
            resume="allow",
            settings=wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True),
        )
        environment = {f"environment.{name}": value for name, value in plain(course.environment).items()}
        self.run.config.update({**plain(course.options), **environment}, allow_val_change=True)
        return max(int(self.run.step) - 1, int(memory.get("t", -1)) if _offline() else -1)

    def log(self, rows: Sequence[Numbers]) -> None:
        for row in rows:
            self.run.log(known(row), step=int(row["t"] or 0))
        self._memory["t"] = rows[-1]["t"]

    def end(self, outcome: Outcome) -> None:
        if outcome.model is not None:
            artefact = wandb.Artifact(f"model-{self.run.id}", type="model")
            artefact.add_file(str(outcome.model))
            self.run.log_artifact(artefact)
        self.run.summary.update({f"result.{name}": value for name, value in outcome.result.items()})
        self.run.finish(exit_code=outcome.code)


def _offline() -> bool:
    return os.environ.get("WANDB_MODE") in SAYS_NOTHING


def tracker() -> Tracker:
    """One that uses wandb. UserError where that would ask the user for a key."""
    if not _offline() and not wandb.api.api_key:
        raise UserError(
            "--track wandb: there is no key of Weights & Biases. Run `wandb login` once, set WANDB_API_KEY, or keep "
            "the numbers in files by WANDB_MODE=offline."
        )
    return WandB()
