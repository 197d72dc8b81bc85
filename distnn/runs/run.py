"""The story of one run: begun or resumed, trained, logged, and finished with a model and a table."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distnn.errors import FAILED, RankError
from distnn.parallel.ranks import Ranks, on_root
from distnn.resilience.elastic import Recovery
from distnn.resilience.stop_requests import StopRequests
from distnn.resilience.time_limit import TimeLimit, seconds_left
from distnn.runs.assembly import Assembly
from distnn.runs.checkpointing import Checkpointing
from distnn.runs.communication import CommunicationShares, extremes
from distnn.runs.directory import Description, RunDirectory
from distnn.runs.options import stored
from distnn.runs.reports import Beginning, End, Report
from distnn.runs.reports.sentences import ending
from distnn.runs.result import result
from distnn.training.observation import evaluation_interval
from distnn.training.progress import Progress
from distnn.training.termination import Reason


class Run:
    """One training that is written to a directory. Its methods are collective, if they do not say otherwise.

    assembly: what to train; its network has the weights to begin with. report: a silent one but on rank 0.
    asked_to_stop: on rank 0, what others ask for, see `StopRequests`. over: is called on rank 0 with the reason when
    only files are left to be written.
    """

    def __init__(
        self,
        assembly: Assembly,
        directory: RunDirectory,
        ranks: Ranks,
        report: Report,
        asked_to_stop: Callable[[], int] = int,
        over: Callable[[Reason], object] = str,
    ):
        self.options = options = assembly.options
        self.assembly, self.directory, self.ranks, self.report = assembly, directory, ranks, report
        self.asked_to_stop, self.over = asked_to_stop, over
        self.description = Description(stored(options), assembly.environment())
        self.checkpointing = Checkpointing(assembly, directory, self.description, report)
        self.every = evaluation_interval(assembly.objective, assembly.optimizer, options.evaluate_every)

    def execute(self, recovery: Recovery | None = None) -> Reason:
        """Train to the end; the network holds the best weights then. Returns why it stopped.

        recovery: where to go on after ranks were lost; it is kept up to date for those that will be left.
        """
        recovery = recovery or Recovery()
        progress = recovery.progress = recovery.progress or self._first_progress()
        if progress.record is not None:
            t = progress.record.t
            on_root(self.ranks, lambda: self.directory.cut_metrics(t))
        self.report.begin(self._beginning(progress))
        requests = self._stop_requests(progress) if self.ranks.rank == 0 else None
        clock, waited = time.perf_counter(), self.ranks.seconds
        shares = CommunicationShares(self.ranks)
        for record in self.assembly.iterations(progress):
            if shares.due(record.t, self.options.check_every):
                self.report.communication(*shares.measure())
            if requests is None:  # not on rank 0
                continue
            self.report.iteration(record, progress.reason is not None)
            if progress.reason is None:
                requests.look(record.seconds)
                if self.checkpointing.due(record):
                    self.checkpointing.write(progress)
                    requests.limit.wrote()
        reason = self._finish(progress, time.perf_counter() - clock, self.ranks.seconds - waited)
        if requests is not None:
            requests.forget()
        return reason

    def _first_progress(self) -> Progress:
        """The progress to begin with: that of a checkpoint, or none, in a directory ready for it."""
        if self.options.resume:
            progress = self.checkpointing.resume(self.ranks)
            on_root(self.ranks, lambda: self.directory.describe(self.description))
        else:
            progress = self.assembly.begin()
            on_root(self.ranks, lambda: self.directory.begin(self.description))
        return progress

    def _beginning(self, progress: Progress) -> Beginning:
        """What reports are told first. Local."""
        options, environment = self.options, self.description.environment
        return Beginning(options, environment, self.directory, self.every, progress.record, self.report.warn)

    def _stop_requests(self, progress: Progress) -> StopRequests:
        """Who looks out for the file STOP and the time. Local to rank 0."""
        used = progress.record.seconds if progress.record else self.assembly.seconds
        limit = TimeLimit(self.options.max_seconds, used, seconds_left)
        return StopRequests(self.ranks, self.directory.stop, limit, self.asked_to_stop)

    def _finish(self, progress: Progress, seconds: float, waited: float) -> Reason:
        """Write the last checkpoint, the model and the result, and show the table.

        seconds: that this rank has trained; waited: those of them spent in communication.
        """
        reason = progress.reason
        assert reason is not None
        self.assembly.model.network.w[:] = progress.best_w
        if reason.quantity != "interrupted" and (unknown := self.assembly.learn_certainty(progress)):
            self.report.warn(unknown)
        if reason.quantity != "interrupted" and (doubt := self.assembly.doubt()):
            self.report.warn(doubt)
        shares = extremes(waited, seconds, self.ranks) if self.ranks.size > 1 else None
        E_in, E_test = self._kept_error(progress, reason), self._test_error(progress, reason)
        came_to = result(progress, E_in, E_test)
        wrong = self._write_results(progress, reason, came_to) if self.ranks.rank == 0 else {}
        model = self.directory.model
        shown = ("model", f"not written: {wrong[model]}" if model in wrong else str(model))
        rows = [*ending(progress, E_in, E_test, shares, self.ranks.size), shown]
        self.report.end(End(reason, came_to, None if model in wrong else model, rows))
        if sentences := self.ranks.broadcast(list(wrong.values())):
            raise RankError(" ".join(sentences))
        return reason

    def _kept_error(self, progress: Progress, reason: Reason) -> float | None:
        """E_in of the weights that were kept; None where that takes a pass over D, and there is no time. Collective."""
        E_in = math.nan if self.assembly.optimizer.stochastic else progress.best_E_in
        if math.isnan(E_in) and reason.quantity not in ("interrupted", "seconds"):
            E_in = self.assembly.objective.error(progress.best_w)
        return E_in if math.isfinite(E_in) else None

    def _test_error(self, progress: Progress, reason: Reason) -> float | None:
        """E_test of the weights that were kept; None without a test, and where the training is to go on. Collective."""
        E_test = math.nan if reason.quantity == "interrupted" else self.assembly.objective.test_error(progress.best_w)
        return E_test if math.isfinite(E_test) else None

    def _write_results(self, progress: Progress, reason: Reason, came_to: dict[str, Any]) -> dict[Path, str]:
        """The last checkpoint, the model and the result. Returns what could not be written, and why. Local to rank 0.

        RankError if another job has taken the directory.
        """
        self.over(reason)
        directory = self.directory
        directory.claim.stands()
        works: dict[Path, Callable[[], None]] = {
            directory.model: lambda: self.assembly.model.write(directory.model),
            directory.result: lambda: directory.finish(came_to),
        }
        wrong: dict[Path, str] = {}
        if reason.code != FAILED and (failed := self.checkpointing.write(progress)):
            wrong[directory.checkpoints.folder] = failed
        for path, work in works.items():
            try:
                work()
            except OSError as error:
                wrong[path] = f"{path} cannot be written: {error.strerror}."
                break  # there is no result without the model
        return wrong
