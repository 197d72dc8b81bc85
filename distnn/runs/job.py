"""A training as a job: from its options to an exit code, through ranks that hang or die."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, closing
from dataclasses import replace

from distnn.data.tables import Source, Written, open_source
from distnn.errors import DONE, UserError
from distnn.kernels import library
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks, on_root
from distnn.resilience.elastic import CANNOT, Recovery, carry_on
from distnn.resilience.signals import caught
from distnn.resilience.watchdog import watching
from distnn.runs.assembly import Assembly
from distnn.runs.defaults import assemble
from distnn.runs.directory import RunDirectory
from distnn.runs.farm.members import Members, members
from distnn.runs.lookout import Lookout
from distnn.runs.options import Options
from distnn.runs.reports import Report, reports_on
from distnn.runs.reports.sentences import opening
from distnn.runs.run import Run
from distnn.runs.trials import Stopped
from distnn.runs.understanding import memory_for_rows, plan_alone
from distnn.training.termination import Reason

RUNS = "runs"  # the folder of runs that are given no --out


class Job:
    """One training in its directory; with --dry-run it is only described. Its methods are collective.

    `carry_out` opens the table; `attempt`, repeated where ranks are lost, assembles what is trained, and executes a
    run. Several trainings are a `Farm`.
    """

    def __init__(self, options: Options, ranks: Ranks, several: Members | None = None):
        """several: the trainings of a farm; None: those that the options ask for, or one."""
        self.options, self.ranks, self.several = options, ranks, several or members(options)
        self.directory = RunDirectory(options.out or RUNS, options.keep)
        self.again = False  # at --resume: from the beginning, since there is no checkpoint yet

    def carry_out(self) -> int:
        """The exit code. A directory that was made for a run that never began is removed again."""
        if self.options.dry_run:
            with self._watched():
                source = open_table(self.options, self.ranks)
            return self._show(source)
        try:
            with watching(self.ranks, self.options.watchdog):
                self._take_directory()
            with self._watched():
                source = open_table(self.options, self.ranks)
            if self.several is not None:
                return self._farm(self.several, source)
            if self.options.elastic and self.ranks.be_elastic():
                return carry_on(self.ranks, lambda recovery: self.attempt(source, recovery))
            return self.attempt(source, Recovery())
        except UserError:
            if self.ranks.rank == 0:
                self.directory.discard()
            raise
        finally:
            self.directory.claim.release()

    def _take_directory(self) -> None:
        """Claim the directory, on rank 0, for this job; all ranks know it then. UserError if that cannot be."""
        options = self.options

        def take() -> tuple[str, str | None, bool]:
            if options.out is None:
                self.directory = RunDirectory.of_now(RUNS, options.keep)
            self.directory.require_possible()
            begun = self.directory.options.exists()
            if not (options.resume and begun):
                self.directory.create(options.overwrite, options.elastic)
                return str(self.directory.path), self.directory.claim.token, options.resume
            self.directory.take(options.elastic)
            return str(options.out), self.directory.claim.token, self.directory.has_not_begun()

        out, token, self.again = on_root(self.ranks, take)
        if self.ranks.rank:
            self.directory = RunDirectory(out, options.keep)
        self.directory.claim.token = token
        self.options = replace(options, out=out, resume=options.resume and not self.again)

    def _farm(self, several: Members, source: Source) -> int:
        """Train several members into directories of their own. Returns the exit code."""
        from distnn.runs.farm.farm import Farm  # which draws

        if self.again and self.ranks.rank == 0:
            print(f"distnn: {self._nothing_yet()}", file=sys.stderr)
        return Farm(self.options, several, source, self.directory, self.ranks).carry_out()

    def attempt(self, source: Source, recovery: Recovery) -> int:
        """Read the data, and train into the directory from where the recovery says. Returns the exit code."""
        with self._watched():
            on_root(self.ranks, self.directory.claim.inherit)
            lookout = Lookout(self.options, self.ranks, self.directory.stop)
            try:
                assembly = assemble(self.options, source, self.ranks, look=lookout)
            except Stopped as stopped:
                return self._stopped(stopped.reason)
            assembly.seconds = lookout.over()
            self.options = assembly.options  # where ranks are lost nothing is chosen again
            with closing(reports_on(self.ranks, assembly.options)) as report:
                self._announce(source, assembly, recovery, report)
                with caught(self.ranks):
                    return Run(assembly, self.directory, self.ranks, report).execute(recovery).code

    def _watched(self) -> AbstractContextManager[None]:
        """Within the block, no rank is waited for too long."""
        return watching(self.ranks, self.options.watchdog, self.directory.path / "waiting")

    def _announce(self, source: Source, assembly: Assembly, recovery: Recovery, report: Report) -> None:
        """Say what is going to be trained, and where the job or the machine is not what was asked for."""
        if self.options.elastic and not self.ranks.elastic:
            report.warn(CANNOT)
        if self.again and recovery.progress is None:
            report.warn(self._nothing_yet())
        if recovery.ranks_lost:
            report.warn(f"ranks died, {recovery.ranks_lost} so far; the other {self.ranks.size} go on.")
        warn_of_environment(assembly, self.ranks, report)
        for sentence in opening(source, assembly, self.ranks.size):
            report.say(sentence)

    def _stopped(self, reason: Reason) -> int:
        """Say that the job was stopped while something was chosen. Returns the exit code."""
        if self.ranks.rank == 0:
            self.directory.stop.unlink(missing_ok=True)
            print(f"distnn: {reason.text} before the training began: there is nothing to save.", file=sys.stderr)
        return reason.code

    def _nothing_yet(self) -> str:
        return f"{self.directory.path} has no checkpoint yet: its run starts again from the beginning."

    def _show(self, source: Source) -> int:
        """Print what would be trained."""
        planned = plan_alone(self.options, source, self.ranks)
        memory = memory_for_rows(self.options, self.ranks)
        if self.ranks.rank == 0:
            from distnn.runs.dry_run import show

            show(self.options, source, planned, self.ranks.size, memory)
        return DONE


def open_table(options: Options, ranks: Ranks) -> Source:
    """The table that the options name. Collective. UserError if it cannot be read."""
    header, written = options.header, options.written
    source = open_source(options.data, ranks, seed=options.seed, n=options.examples, header=header, written=written)
    if written != Written() and source.kind(0) is not None:
        raise UserError(
            f"{source.path} is no text: leave out --delimiter, --decimal and --encoding, which are for text."
        )
    return source


def warn_of_environment(assembly: Assembly, ranks: Ranks, report: Report) -> None:
    """Say, once, where the promise of the same bits does not hold, or the machine is not made use of. Collective."""
    options = assembly.options
    record = assembly.environment()
    environment.require_threads(options.threads, record, ranks)
    slower = (environment.slower_kernel(record), library.slow())
    for warning in (environment.compare_ranks(record, ranks), *(() if options.quiet else slower)):
        if warning:
            report.warn(warning)
