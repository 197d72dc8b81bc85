"""`python -m distnn.train`: train a network on a table, on one process or under mpirun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime

from distnn import environment, resume
from distnn.assembly import assemble, plan
from distnn.command_line import on_root, parse, run, to_toml
from distnn.communicator import OneRank
from distnn.data import Source, open_source
from distnn.errors import FAILED, RankError
from distnn.interrupts import caught
from distnn.options import ACTIONS, Options, check, criterion, group, optimizer
from distnn.run_directory import RunDirectory
from distnn.training import Progress, begin, train

PROGRAM = "python -m distnn.train"
ABOUT = """Train a feed-forward network, exactly and on all of the data, on one process or on many:
mpirun -n 8 python -m distnn.train --data table.csv --targets y

The same weights come out, to the bit, for any number of processes."""

NOT_STORED = ("out", "overwrite", "resume", "print_config", "dry_run", "quiet")


def main(ranks: OneRank, arguments: Sequence[str]) -> int:
    """Train as the arguments say. Collective. Returns the exit code."""
    options = on_root(ranks, lambda: read_options(arguments))
    if options is None:
        return 0
    if options.print_config:
        if ranks.rank == 0:
            print(to_toml(options, [field.name for field in fields(options) if group(field.name) == ACTIONS]), end="")
        return 0
    environment.limit_threads(options.threads)
    source = open_source(options.data, ranks, seed=options.seed, n=options.examples, header=options.header)
    if options.dry_run:
        planned = plan(options, source)
        if ranks.rank == 0:
            from distnn.dry_run import show

            show(options, source, planned, ranks.size)
        return 0
    directory = RunDirectory(options.out, options.keep)
    if not options.resume:
        on_root(ranks, lambda: directory.create(options.overwrite))
    return Run(options, source, directory, ranks).train()


def read_options(arguments: Sequence[str]) -> Options | None:
    """The options that the arguments and, at --resume, the run's own options give. Local: for rank 0."""
    options = parse(Options, PROGRAM, ABOUT, arguments)
    if options is None:
        return None
    if options.resume:
        options = resume.merge(options, arguments, PROGRAM, ABOUT)
    elif options.out is None:
        options = replace(options, out=f"runs/{datetime.now():%Y-%m-%d-%H%M%S}")
    check(options)
    return options


class Run:
    """One training from the command line: reads, trains, and on rank 0 prints and writes. Methods are collective."""

    def __init__(self, options: Options, source: Source, directory: RunDirectory, ranks: OneRank):
        self.options, self.source, self.directory, self.ranks = options, source, directory, ranks
        self.root = ranks.rank == 0
        if self.root:
            from distnn.reporting import Report

            self.report = Report(options.max_iterations, options.log_every, options.quiet)
        self.assembly = assemble(options, source, ranks)
        self.environment = environment.record(self.assembly.examples.cut.rows)
        self.optimizer = optimizer(options)
        self.written = 0.0  # seconds of the record at the last checkpoint

    def train(self) -> int:
        """Train to the end. Returns the exit code."""
        objective, network = self.assembly.objective, self.assembly.model.network
        with caught(self.ranks):
            self._warn_of_environment()
            if self.options.resume:
                progress = self._resumed()
            else:
                self._announce()
                progress = begin(objective, self.optimizer, network.w, self.options.window)
                on_root(self.ranks, lambda: self.directory.begin(self._toml(), self.environment))
            waited = self.ranks.seconds
            first = progress.record.seconds if progress.record else 0.0
            last_logged = progress.record.t if progress.record else -1
            for record in train(
                objective, self.optimizer, criterion(self.options), progress, self.options.evaluate_every
            ):
                if self.root:
                    if record.t > last_logged:
                        self._log(progress)
                    self.report.iteration(record, progress.reason is not None)
                    if progress.reason is None and self._due(progress):
                        self._write_checkpoint(progress)
            return self._finish(progress, first, waited)

    def _warn_of_environment(self) -> None:
        environment.require_threads(self.options.threads, self.environment)
        different = environment.compare_ranks(self.environment, self.ranks)
        if self.root:
            for warning in (different, environment.slower_kernel(self.environment)):
                if warning:
                    self.report.warn(warning)

    def _announce(self) -> None:
        if not self.root:
            return
        model, examples = self.assembly.model, self.assembly.examples
        held = f", {examples.validation_rows:,} held out" if examples.validation_rows else ""
        classes = model.preparation.classes
        self.report.say(
            f"{self.source.path}: {examples.rows:,} examples{held}"
            + (f", {len(classes.names)} classes" if classes else "")
            + f"; {examples.cut.count:,} blocks of {examples.cut.rows:,} rows on {self.ranks.size} "
            + ("rank" if self.ranks.size == 1 else "ranks")
        )
        self.report.say(
            f"d = {list(model.network.d)}, {model.network.w.size:,} weights, θ {model.network.theta}, output "
            f"{model.network.output_theta}, {model.error} error, {self.options.optimizer}, {model.dtype}"
        )

    def _log(self, progress: Progress) -> None:
        try:
            assert progress.record is not None
            self.directory.log(progress.record, progress.reason is not None)
        except OSError as error:
            self.report.warn(f"{self.directory.metrics} cannot be written ({error.strerror}); training goes on.")

    def _due(self, progress: Progress) -> bool:
        record, options = progress.record, self.options
        assert record is not None
        if options.checkpoint_every and record.t and record.t % options.checkpoint_every == 0:
            return True
        return bool(options.checkpoint_seconds) and record.seconds - self.written >= options.checkpoint_seconds

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
        try:
            self.directory.checkpoints.write(progress.record.t, tensors, metadata)
        except OSError as error:
            wrong = f"the checkpoint of t = {progress.record.t} cannot be written: {error.strerror}."
            self.report.warn(f"{wrong} Older checkpoints are untouched.")
            return wrong
        return None

    def _toml(self) -> str:
        return to_toml(self.options, NOT_STORED)

    def _resumed(self) -> Progress:
        """Progress at the newest checkpoint that can be read, the same on all ranks."""
        found = on_root(self.ranks, self.directory.checkpoints.newest)
        progress = resume.restore(found, self.assembly.examples.fingerprint, self.assembly.model.network.w.size)
        assert progress.record is not None
        self.written = progress.record.seconds
        differing = environment.differences(self.environment, found.metadata["environment"])
        if self.root:
            for sentence in found.damaged:
                self.report.warn(f"{sentence} Going back to {found.path.name}.")
            if differing:
                before = found.metadata["environment"]
                self.report.warn(environment.describe(differing, self.environment, before, "when this run began"))
            self._announce()
            self.report.say(f"resumed at t = {progress.record.t} from {found.path}")

        def describe() -> None:
            assert progress.record is not None
            self.directory.cut_metrics(progress.record.t)
            self.directory.describe(self._toml(), self.environment)

        on_root(self.ranks, describe)
        return progress

    def _finish(self, progress: Progress, first: float, waited: float) -> int:
        """Write the last checkpoint and the model, print the table. Returns the exit code."""
        record, reason = progress.record, progress.reason
        assert record is not None and reason is not None
        network = self.assembly.model.network
        network.w[:] = progress.best_w
        seconds = self.ranks.gather(record.seconds - first)
        communication = self.ranks.gather(self.ranks.seconds - waited)
        wrong = None
        if self.root:
            from distnn.reporting import ending

            if reason.code != FAILED:
                wrong = self._write_checkpoint(progress)
            try:
                self.assembly.model.save(self.directory.model)
            except OSError as error:
                wrong = f"{self.directory.model} cannot be written: {error.strerror}."
            rows = ending(record, reason, seconds, communication)
            self.report.summary([*rows, ("model", str(self.directory.model))])
        wrong = self.ranks.broadcast(wrong)
        if wrong:
            raise RankError(wrong)
        return reason.code


if __name__ == "__main__":
    run(main)
