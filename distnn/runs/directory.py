"""The directory of a run: options, metrics, checkpoints and the model. Rank 0 alone touches it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distnn.errors import STOPPED, UserError
from distnn.runs.metrics import Metrics, finite
from distnn.storage.checkpoint import PATTERN, Checkpoints
from distnn.storage.files import replacing, sweep
from distnn.training.termination import Reason, Record


@dataclass(frozen=True)
class Description:
    """What is told of a run beside its results: its options as TOML, and the environment that the bits depend on."""

    options: str
    environment: dict[str, Any]


class RunDirectory:
    """Paths and writers of one run.

    options.toml: its options, as --config reads them. environment.json: what the bits depend on besides the data.
    result.json: why it stopped and with what error, once it has; STOP: a file that a user makes to stop it.
    metrics.jsonl: the log. checkpoints/; model.safetensors: the result.
    """

    def __init__(self, path: str | Path, keep: int = 3):
        self.path = Path(path)
        self.options = self.path / "options.toml"
        self.environment = self.path / "environment.json"
        self.metrics = Metrics(self.path / "metrics.jsonl")
        self.result = self.path / "result.json"
        self.stop = self.path / "STOP"
        self.model = self.path / "model.safetensors"
        self.checkpoints = Checkpoints(self.path / "checkpoints", keep)
        self._made = False

    def create(self, overwrite: bool) -> None:
        """Make the directory, ready to be written to. UserError if that cannot be, or if it holds a run already."""
        with self._must_be_writable():
            self._made = not self.path.exists()
            self.path.mkdir(parents=True, exist_ok=True)
            with replacing(self.path / "options.toml.test", "w"):
                pass
            (self.path / "options.toml.test").unlink()
        if not overwrite and (self.options.exists() or self.checkpoints.paths()):
            raise UserError(
                f"--out {self.path} holds a run already: go on with it by --resume, choose another directory, "
                "or lose it by --overwrite."
            )

    def discard(self) -> None:
        """Remove the directory again if `create` has made it and nothing is in it. For a run that never began."""
        if self._made:
            with suppress(OSError):
                self.path.rmdir()

    @contextmanager
    def _must_be_writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            file = error.filename2 or error.filename
            where = "" if file is None or Path(file) == self.path else f" ({file})"
            raise UserError(f"--out {self.path} cannot be written{where}: {error.strerror}.") from None

    def begin(self, description: Description) -> None:
        """Start a new run: its description is written, and what another run left here is removed."""
        self._sweep()
        with self._must_be_writable():
            self.checkpoints.clear()
            for path in (self.metrics.path, self.model, self.result, self.stop):
                path.unlink(missing_ok=True)
        self.describe(description)

    def describe(self, description: Description) -> None:
        """Write the options and the environment."""
        with self._must_be_writable():
            with replacing(self.options, "w") as file:
                file.write(description.options)
            with replacing(self.environment, "w") as file:
                json.dump(description.environment, file, indent=2)

    def remake(self, description: Description) -> bool:
        """Make the directory anew if it was deleted meanwhile. Returns whether it was. OSError if it cannot be made."""
        if self.options.exists():
            return False
        self.path.mkdir(parents=True, exist_ok=True)
        self.metrics.close()
        self.describe(description)
        return True

    def cut_metrics(self, t: int) -> None:
        """Drop the metrics after iteration t, and what a job that was killed left half written."""
        self._sweep()
        with self._must_be_writable():
            self.metrics.cut(t)

    def finish(self, record: Record, reason: Reason, best_E_val: float) -> None:
        """Write the result, and remove the STOP file, which has done its work. OSError if it fails."""
        values = {**finite(record), **asdict(reason), "best_E_val": best_E_val if math.isfinite(best_E_val) else None}
        with replacing(self.result, "w") as file:
            json.dump(values, file, indent=2)
        self.stop.unlink(missing_ok=True)

    def result_if_finished(self) -> dict[str, Any] | None:
        """The result of a run that came to its end, or None if there is none."""
        try:
            values = json.loads(self.result.read_text())
            return values if values["code"] != STOPPED else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _sweep(self) -> None:
        """Remove what a job that was killed left half written."""
        files = (self.options, self.environment, self.metrics.path, self.model, self.result)
        sweep(self.path, *(path.name for path in files))
        sweep(self.checkpoints.folder, PATTERN)
