"""One training run: reads the data, trains, and on rank 0 prints and writes."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from distnn.command_line.arguments import to_toml
from distnn.errors import FAILED, RankError, UserError
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks, on_root
from distnn.resilience.elastic import Recovery
from distnn.resilience.time_limit import TimeLimit, seconds_left
from distnn.runs import resume
from distnn.runs.assembly import Assembly
from distnn.runs.directory import RunDirectory
from distnn.runs.options import Options, criterion, optimizer
from distnn.training.loop import Progress, begin, evaluation_interval, train
from distnn.training.termination import STOP_FILE, TIME_USED, Reason, Record

if TYPE_CHECKING:  # imported on rank 0 alone
    from distnn.command_line.console import Report

NOT_STORED = ("out", "overwrite", "resume", "print_config", "dry_run", "quiet")


class Run:
    """One training that is written to a directory. Its methods are collective.

    assembly: what to train; its network has the weights to begin with. report: None but on rank 0.
    """

    def __init__(
        self, options: Options, assembly: Assembly, directory: RunDirectory, ranks: Ranks, report: Report | None
    ):
        self.options, self.assembly, self.directory = options, assembly, directory
        self.ranks, self.report = ranks, report
        self.environment = environment.record(assembly.examples.cut.rows)
        self.optimizer = optimizer(options)
        self.every = evaluation_interval(assembly.objective, self.optimizer, options.evaluate_every)
        self.written = 0.0  # seconds of the record at the last checkpoint
        self.complained = False  # of metrics that cannot be written
        self.looked = 0.0  # and when the STOP file was looked for

    def train(self, recovery: Recovery | None = None) -> tuple[Reason, Record]:
        """Train to the end; the network holds the best weights then. Returns why it stopped, and the last record.

        recovery: where to go on after ranks were lost; it is kept up to date for those that will be left.
        """
        recovery = recovery or Recovery()
        objective = self.assembly.objective
        progress = recovery.progress = recovery.progress or self._begun()
        logged = self._logged(progress)
        used = progress.record.seconds if progress.record else 0.0
        limit = TimeLimit(self.options.max_seconds, used, seconds_left) if self.report is not None else None
        clock, waited = time.perf_counter(), self.ranks.seconds
        every, check_every = self.options.evaluate_every, self.options.check_every
        for record in train(objective, self.optimizer, criterion(self.options), progress, every, check_every):
            if self.report is not None:
                if record.t > logged and (record.t % self.every == 0 or progress.reason):
                    self._log(progress)
                self.report.iteration(record, progress.reason is not None)
                if progress.reason is None and limit is not None:
                    self._look_for_stop(record)
                    self.ranks.caught = limit.lap() or self.ranks.caught
                    if self._due(record, first=not self.options.resume):
                        self._write_checkpoint(progress)
                        limit.wrote()
        return self._finish(progress, time.perf_counter() - clock, self.ranks.seconds - waited)

    def _begun(self) -> Progress:
        """The progress to begin with: that of a checkpoint, or none, in a directory ready for it."""
        if self.options.resume:
            return self._resumed()
        network = self.assembly.model.network
        progress = begin(self.assembly.objective, self.optimizer, network.w, self.options.window)
        on_root(self.ranks, lambda: self.directory.begin(self._toml(), self.environment))
        return progress

    def _logged(self, progress: Progress) -> int:
        """The last iteration in the metrics, from which those after the progress are dropped."""
        if progress.record is None:
            return -1
        t = progress.record.t
        return int(on_root(self.ranks, lambda: self.directory.cut_metrics(t)))

    def _log(self, progress: Progress) -> None:
        try:
            assert progress.record is not None
            # Elastic: another rank would go on in this file, and knows no older records.
            self.directory.log(progress.record, progress.reason is not None or self.ranks.elastic)
        except OSError as error:
            if not self.complained:  # once, not in every iteration
                self._warn(f"{self.directory.metrics} cannot be written ({error.strerror}); training goes on.")
            self.complained = True

    def _look_for_stop(self, record: Record) -> None:
        """Treat a file STOP in the run's directory like a signal; look once a second. Local to rank 0."""
        if record.seconds - self.looked > 1:
            self.looked = record.seconds
            if self.directory.stop.exists():
                self.ranks.caught = STOP_FILE

    def _due(self, record: Record, first: bool) -> bool:
        """Is it time for a checkpoint? The first one, before any step, shows that they can be written."""
        every, seconds = self.options.checkpoint_every, self.options.checkpoint_seconds
        if record.t == 0:
            return first
        return bool(every and record.t % every == 0) or bool(seconds and record.seconds - self.written >= seconds)

    def _write_checkpoint(self, progress: Progress) -> str | None:
        """Write a checkpoint. Returns what went wrong, which is no reason to stop training. Local to rank 0."""
        assert progress.record is not None
        self.written = progress.record.seconds
        model = self.assembly.model
        tensors = {**model.tensors(), **resume.tensors(progress)}
        metadata = {
            "model": model.metadata(),
            "progress": resume.metadata(progress),
            "options": self._toml(),
            "fingerprint": self.assembly.examples.fingerprint,
            "environment": self.environment,
        }
        with suppress(OSError):  # which was said when they were logged
            self.directory.flush()  # the metrics of all that the checkpoint knows must outlive this process too
        try:
            if self.directory.restore(self._toml(), self.environment):
                self._warn(f"{self.directory.path} was deleted, and is made anew; older checkpoints are lost.")
            self.directory.checkpoints.write(progress.record.t, tensors, metadata)
        except (OSError, MemoryError, UserError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            wrong = f"the checkpoint of t = {progress.record.t} cannot be written: {why}."
            self._warn(f"{wrong} Older checkpoints are untouched.")
            return wrong
        return None

    def _warn(self, text: str) -> None:
        if self.report is not None:
            self.report.warn(text)

    def _toml(self) -> str:
        return to_toml(self.options, NOT_STORED)

    def _resumed(self) -> Progress:
        """Progress at the newest checkpoint that can be read, the same on all ranks."""
        found = on_root(self.ranks, self.directory.checkpoints.newest)
        weights, window = self.assembly.model.network.w.size, self.options.window
        progress = resume.restore(found, self.assembly.examples.fingerprint, weights, window)
        assert progress.record is not None
        self.written = progress.record.seconds
        for sentence in found.damaged:
            self._warn(f"{sentence} Going back to {found.path.name}.")
        if changed := environment.compare_times(found.metadata["environment"], self.environment):
            self._warn(changed)
        if self.report is not None:
            self.report.say(f"resumed at t = {progress.record.t} from {found.path}")

        on_root(self.ranks, lambda: self.directory.describe(self._toml(), self.environment))
        return progress

    def _finish(self, progress: Progress, seconds: float, waited: float) -> tuple[Reason, Record]:
        """Write the last checkpoint, the model and the result, and print the table. Collective.

        seconds: that this rank has trained; waited: those of them spent in communication.
        """
        record, reason = progress.record, progress.reason
        assert record is not None and reason is not None
        self.assembly.model.network.w[:] = progress.best_w
        everyones, communication = self.ranks.gather(seconds), self.ranks.gather(waited)
        wrong = None
        if self.report is not None:
            from distnn.command_line.console import ending

            if reason.code != FAILED:
                wrong = self._write_checkpoint(progress)
            try:
                self.assembly.model.save(self.directory.model)
                self.directory.finish(record, reason, progress.best_E_val)
            except OSError as error:
                wrong = f"{self.directory.model} cannot be written: {error.strerror}."
            rows = ending(record, reason, everyones, communication)
            self.report.summary([*rows, ("model", str(self.directory.model))])
            if self.ranks.caught == TIME_USED:
                self.ranks.caught = 0  # which is of this training, not of the next restart
        wrong = self.ranks.broadcast(wrong)
        if wrong:
            raise RankError(wrong)
        return reason, record
