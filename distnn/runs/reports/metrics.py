"""The report that keeps the log of a run, metrics.jsonl."""

from __future__ import annotations

from typing import Any

from distnn.runs.options import Options
from distnn.runs.reports.report import Beginning, Report
from distnn.training.record import Record


class MetricsReport(Report):
    """Logs the records of iterations in which E_in was evaluated, and the last one. Local to rank 0."""

    def begin(self, beginning: Beginning) -> None:
        """Log into the directory of this run."""
        self._run = beginning
        self._more: dict[str, Any] = {}

    def communication(self, least: float, most: float) -> None:
        """It goes into the next line."""
        self._more["communication"] = [round(least, 4), round(most, 4)]

    def iteration(self, record: Record, done: bool) -> None:
        """Log a record, if it is not there yet."""
        run, metrics = self._run, self._run.directory.metrics
        if record.t <= metrics.last or not (done or record.t % run.every == 0):
            return
        # Elastic: another rank would go on in this file, and knows no older records.
        if wrong := metrics.append(record, at_once=done or run.options.elastic, more=self._more):
            run.warn(wrong)
        self._more = {}


def report(options: Options) -> Report:
    """Every run has its log."""
    return MetricsReport()
