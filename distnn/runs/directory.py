"""The directory of a run: options, metrics, checkpoints and the model. Rank 0 alone touches it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from distnn.errors import STOPPED, RankError, UserError
from distnn.runs import contents
from distnn.runs.claim import Claim
from distnn.runs.metrics import Metrics
from distnn.storage.checkpoint import PATTERN, Checkpoints
from distnn.storage.files import replacing, sweep
from distnn.storage.overwriting import make_folder


@dataclass(frozen=True)
class Description:
    """What is told of a run beside its results: its options as TOML, and the environment that the bits depend on."""

    options: str
    environment: dict[str, Any]


class RunDirectory:
    """Paths and writers of one run. It belongs to one job at a time, by its claim.

    options.toml: its options, as --config reads them. environment.json: what the bits depend on besides the data.
    result.json: why it stopped and with what error, once it has; STOP: a file that a user makes to stop it.
    metrics.jsonl: the log. checkpoints/; model.safetensors: the result. fold-<number>/, restart-<number>/:
    several runs, of which farm.json and members.csv tell what they came to.
    """

    def __init__(self, path: str | Path, keep: int = 3):
        self.path, self.keep = Path(path), keep
        self.options = self.path / contents.OPTIONS
        self.environment = self.path / contents.ENVIRONMENT
        self.metrics = Metrics(self.path / contents.METRICS)
        self.result = self.path / contents.RESULT
        self.stop = self.path / contents.STOP
        self.model = self.path / contents.MODEL
        self.farm = self.path / contents.FARM
        self.members = self.path / contents.MEMBERS_TABLE
        self.best = self.path / contents.BEST
        self.out_of_fold = self.path / contents.OUT_OF_FOLD
        self.checkpoints = Checkpoints(self.path / contents.CHECKPOINTS, keep)
        self.claim = Claim(self.path)
        self.within = False  # the directory of a farm, and so made amid its work?
        self._made: list[Path] = []  # this folder, and those around it, as far as they were not there

    @staticmethod
    def of_now(folder: str | Path, keep: int = 3) -> RunDirectory:
        """A new one in `folder`, named by date and time, like no other. UserError if it cannot be made."""
        name = f"{datetime.now():%Y-%m-%d-%H%M%S}"
        for number in count(1):
            directory = RunDirectory(Path(folder) / (name if number == 1 else f"{name}-{number}"), keep)
            directory._made = directory._missing()
            with directory._must_be_writable():
                make_folder(directory.path.parent)
            # FileNotFoundError: a job that was refused has just removed the folder
            with directory._must_be_writable(), suppress(FileExistsError, FileNotFoundError):
                directory.path.mkdir()
                return directory
        raise AssertionError

    def member(self, folder: str) -> RunDirectory:
        """The directory of one of several runs, within this one, which belongs to the same job."""
        own = RunDirectory(self.path / folder, self.keep)
        own.stop, own.claim, own.within = self.stop, self.claim, True
        return own

    def create(self, overwrite: bool, elastic: bool = False) -> None:
        """Make the directory, claim it, and see that it can be written to.

        elastic: may the job outlive this process? UserError if that cannot be, if it belongs to another job, holds a
        run already, or anything that distnn did not write.
        """
        self._require_own()
        self._made = self._made or self._missing()
        self.take(elastic)
        try:
            if not overwrite:
                self._require_empty()
        except UserError:
            self.claim.release()
            raise

    def take(self, elastic: bool) -> None:
        """Claim the directory for this job. UserError if it cannot be, or belongs to another one."""
        with self._must_be_writable():
            self.claim.take(elastic)
        self._sweep()

    def _require_own(self) -> None:
        """UserError if there is anything that distnn did not write."""
        with self._must_be_writable():
            if found := contents.foreign(self.path):
                name = found.relative_to(self.path)
                raise UserError(
                    f"--out {self.path} holds {name}, which is damaged or was not written by distnn: move it away, or "
                    "choose another directory."
                )

    def _require_empty(self) -> None:
        """UserError if there is a run, or what is left of one."""
        if self.options.exists():
            raise UserError(
                f"--out {self.path} holds a run already: go on with it by --resume, choose another directory, "
                "or lose it by --overwrite."
            )
        if found := contents.left(self.path):
            raise UserError(
                f"--out {self.path} holds {found.name}, and no options.toml of its run: choose another directory, or "
                "lose it by --overwrite."
            )

    def discard(self) -> None:
        """Give the directory back, and remove what was made here and is empty. For a run that never began."""
        self.claim.release()
        for folder in self._made:
            with suppress(OSError):
                folder.rmdir()

    def require_possible(self) -> None:
        """UserError where no directory can have such a name."""
        try:
            os.stat(self.options)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) or error.errno == errno.ENAMETOOLONG:
                raise UserError(
                    f"--out {self.path} can be no directory: {getattr(error, 'strerror', error)}."
                ) from None

    def _missing(self) -> list[Path]:
        """This folder and those around it that are not there, the innermost first."""
        return [folder for folder in (self.path, *self.path.parents) if not folder.exists()]

    @contextmanager
    def _must_be_writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            file = error.filename2 or error.filename
            if isinstance(error, FileExistsError) and self.path.is_file():
                raise UserError(f"--out {self.path} is a file: give the directory of a run.") from None
            where = "" if file is None or Path(file) == self.path else f" ({file})"
            wrong = f"--out {self.path} cannot be written{where}: {error.strerror}."
            raise (RankError(f"{wrong} Go on with --resume.") if self.within else UserError(wrong)) from None

    def begin(self, description: Description) -> None:
        """Start a new run: its description is written, and what another run left here is removed.

        UserError if the directory cannot be written; RankError where it is a member's.
        """
        with self._must_be_writable():
            self.path.mkdir(parents=True, exist_ok=True)
            contents.clear(self.path)
            self.stop.unlink(missing_ok=True)
        self.describe(description)

    def describe(self, description: Description) -> None:
        """Write the options and the environment."""
        with self._must_be_writable():
            with replacing(self.options, "w") as file:
                file.write(description.options)
            with replacing(self.environment, "w") as file:
                json.dump(description.environment, file, indent=2)

    def remake(self, description: Description) -> bool:
        """Make the directory anew if it was deleted meanwhile. Returns whether it was.

        RankError if another job has taken it. OSError if it cannot be made.
        """
        if not self.claim.stands():
            self.claim.renew()
        if self.options.exists():
            return False
        self.path.mkdir(parents=True, exist_ok=True)
        self.metrics.close()
        self.describe(description)
        return True

    def has_not_begun(self) -> bool:
        """Was the run of this directory ended before its first checkpoint? UserError if checkpoints were lost."""
        if self.checkpoints.paths() or contents.members(self.path):
            return False
        if found := next((path for path in (self.result, self.model) if path.exists()), None):
            raise UserError(
                f"There is no checkpoint in {self.checkpoints.folder}, but there is {found}: there is nothing to "
                "resume. Begin anew by --overwrite, or with another --out."
            )
        return True

    def cut_metrics(self, t: int) -> None:
        """Drop the metrics after iteration t, and what a job that was killed left half written."""
        self._sweep()
        with self._must_be_writable():
            self.metrics.cut(t)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the result, and remove the STOP file, which has done its work. OSError if it fails."""
        with replacing(self.result, "w") as file:
            json.dump(result, file, indent=2)
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
        sweep(self.path, *contents.FILES, contents.TRACKS)
        sweep(self.checkpoints.folder, PATTERN)
