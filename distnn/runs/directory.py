"""The directory of a run: options, metrics, checkpoints and the model. Rank 0 alone touches it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from distnn.errors import STOPPED, UserError
from distnn.storage.checkpoint import PATTERN, Checkpoints
from distnn.storage.files import replacing, sweep
from distnn.training.termination import Reason, Record


class RunDirectory:
    """Paths and writers of one run.

    options.toml: its options, as --config reads them. environment.json: what the bits depend on besides the data.
    result.json: why it stopped and with what error, once it has; STOP: a file that a user makes to stop it.
    metrics.jsonl: one Record a line, NaN as null. checkpoints/; model.safetensors: the result.
    """

    def __init__(self, path: str | Path, keep: int = 3):
        self.path = Path(path)
        self.options = self.path / "options.toml"
        self.environment = self.path / "environment.json"
        self.metrics = self.path / "metrics.jsonl"
        self.result = self.path / "result.json"
        self.stop = self.path / "STOP"
        self.model = self.path / "model.safetensors"
        self.checkpoints = Checkpoints(self.path / "checkpoints", keep)
        self._log: IO[str] | None = None
        self._flushed = 0.0
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

    def begin(self, options: str, environment: dict[str, Any]) -> None:
        """Start a new run: its options are written, and what another run left here is removed."""
        self._sweep()
        with self._must_be_writable():
            self.checkpoints.clear()
            for path in (self.metrics, self.model, self.result, self.stop):
                path.unlink(missing_ok=True)
        self.describe(options, environment)

    def restore(self, options: str, environment: dict[str, Any]) -> bool:
        """Make the directory anew if it was deleted meanwhile. Returns whether it was. OSError if it cannot be made."""
        if self.options.exists():
            return False
        self.path.mkdir(parents=True, exist_ok=True)
        self._forget_log()
        self.describe(options, environment)
        return True

    def describe(self, options: str, environment: dict[str, Any]) -> None:
        """Write the options (TOML) and the environment."""
        with self._must_be_writable():
            with replacing(self.options, "w") as file:
                file.write(options)
            with replacing(self.environment, "w") as file:
                json.dump(environment, file, indent=2)

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

    def cut_metrics(self, t: int) -> int:
        """Drop the metrics after iteration t, which a resumed run computes again, and a half-written last line.

        Returns the last iteration that they hold then, -1 if none.
        """
        self._sweep()
        self._forget_log()
        if not self.metrics.exists():
            return -1
        kept, last = [], -1
        for line in self.metrics.read_text(errors="replace").splitlines():
            try:
                here = json.loads(line)["t"]
                if here <= t:
                    kept.append(line)
                    last = int(here)
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                continue
        with self._must_be_writable(), replacing(self.metrics, "w") as file:
            file.writelines(line + "\n" for line in kept)
        return last

    def log(self, record: Record, last: bool) -> None:
        """Append a record to the metrics; it is on disk within a second, at once if it is the last. OSError if not."""
        if self._log is None:
            self._log = self.metrics.open("a")
        self._log.write(json.dumps(finite(record)) + "\n")
        if last or record.seconds - self._flushed > 1:
            self._flushed = record.seconds
            self.flush()

    def flush(self) -> None:
        """Write what is left of the metrics. OSError if it fails."""
        if self._log is not None:
            self._log.flush()

    def _sweep(self) -> None:
        """Remove what a job that was killed left half written."""
        sweep(
            self.path, *(path.name for path in (self.options, self.environment, self.metrics, self.model, self.result))
        )
        sweep(self.checkpoints.folder, PATTERN)

    def _forget_log(self) -> None:
        """Open the metrics anew when they are written next: the file is another one, or could not be written."""
        log, self._log = self._log, None
        if log is not None:
            with suppress(OSError):
                log.close()


def finite(record: Record) -> dict[str, Any]:
    """A record for JSON, which knows no NaN and no infinity: null instead."""
    return {name: value if math.isfinite(value := getattr(record, name)) else None for name in record.__slots__}
