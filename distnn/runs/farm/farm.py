"""Several trainings as one job: ranks in groups, each of which trains one member after another."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from distnn.data.folds import deal
from distnn.data.tables import ExclusiveOr, Source
from distnn.data.tables.remembered import Remembered
from distnn.errors import DONE, STOPPED, TooLittleRoom, UserError
from distnn.inference.writers import writer_for
from distnn.inference.writers.earlier import holds_predictions, keep_table
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks, on_root
from distnn.resilience.signals import caught
from distnn.resilience.watchdog import watching
from distnn.runs.assembly import Assembly, initial_seed
from distnn.runs.defaults import assemble
from distnn.runs.directory import Description, RunDirectory
from distnn.runs.farm.finished import confirmed_result, refused, require_same_table
from distnn.runs.farm.members import Members
from distnn.runs.farm.out_of_fold import LEADING
from distnn.runs.farm.outcome import conclude
from distnn.runs.farm.report import FarmReport, MemberReport
from distnn.runs.farm.schedule import Root, Schedule, in_groups
from distnn.runs.farm.sizes import group_size
from distnn.runs.farm.study import due, reported
from distnn.runs.lookout import Lookout
from distnn.runs.options import Options, stored
from distnn.runs.plan import Plan
from distnn.runs.reports import Report, reports_on
from distnn.runs.reports.sentences import opening
from distnn.runs.run import Run
from distnn.runs.trials import Stopped
from distnn.runs.understanding import memory_for_rows, plan_alone
from distnn.storage.overwriting import make_way
from distnn.training.interruption import STOP_FILE
from distnn.training.record import Record
from distnn.training.termination import Reason

REMEMBERED = 3  # of the memory for rows, a part in so many for what was read


class Farm:
    """The members in their directories, within that of the farm. Its methods are collective over all ranks.

    Each group has the rows of the whole table, which a rank reads once, if there is memory for it.
    """

    def __init__(self, options: Options, members: Members, source: Source, directory: RunDirectory, ranks: Ranks):
        self.options, self.members, self.directory, self.ranks = options, members, directory, ranks
        self.ends = time.monotonic() + (math.inf if options.total_seconds is None else options.total_seconds)
        if (options.group_size or 1) > ranks.size and not options.resume:  # which may go on with fewer
            there = "is one rank" if ranks.size == 1 else f"are {ranks.size} ranks"
            raise UserError(f"--group-size {options.group_size}: there {there}. Give at most as many.")
        if members.kind == "fold":
            writer_for(options.out_of_fold or directory.out_of_fold.name)
            on_root(ranks, self._keep_files)
        self.memory = memory_for_rows(options, ranks)
        built_in = isinstance(source, ExclusiveOr)  # which is drawn, not read
        self.source = source if built_in else Remembered(source, self.memory // REMEMBERED)
        self.results: dict[int, dict[str, Any]] = {}
        self.report = FarmReport(members.kind, members.count, options.quiet) if ranks.rank == 0 else None
        self._assembly: Assembly | None = None

    def _keep_files(self) -> None:
        """UserError if --out-of-fold is the table, or a file of somebody else. Local."""
        if out := self.options.out_of_fold:
            keep_table(self.options.data, out)
            own = partial(holds_predictions, names=[field.name for field in LEADING], more=True)
            make_way([Path(out)], self.options.overwrite or self.options.resume, own, "such predictions")

    def carry_out(self) -> int:
        """Train what is not trained yet, and say what came of it. Returns the exit code."""
        with closing(self.report or Report()):
            with watching(self.ranks, self.options.watchdog, self.directory.path / "waiting"):
                planned = plan_alone(self.options, self.source, self.ranks)
                self._require_folds(planned)
                self._begin(planned)
                todo = [number for number in range(self.members.count) if number not in self.results]
                if todo:
                    own = [self.directory.member(self.members.folder(number)) for number in self.results]
                    require_same_table(own, self.source, self.ranks)
                size = group_size(self.options, planned, max(1, len(todo)), self.memory, self.ranks)
                groups = max(1, min(self.ranks.size // size, len(todo)))
                self._say(self._arrangement(todo, groups))
            stopped = self._train_all(todo, groups)
            if stopped:
                self._say(f"stopped with {len(self.results)} of {self.members.count} done: go on with --resume")
                return DONE if stopped == STOP_FILE else STOPPED
            with watching(self.ranks, self.options.watchdog, self.directory.path / "waiting"):
                return conclude(
                    self.options, self.members, self.directory, self.source, self.results, self._say, self.ranks
                )

    def _require_folds(self, planned: Plan) -> None:
        """UserError, before anything is written, where the table cannot be dealt to the folds."""
        cut, recipe = planned.cut, planned.recipe
        if recipe.lot is not None:
            self.source.prepare(*cut.rows_owned(self.ranks.rank, self.ranks.size))
            deal(recipe.lot, self.source, recipe.columns, cut, self.ranks)

    def _begin(self, planned: Plan) -> None:
        """Write what the farm is, or read what is finished."""
        record = environment.record(planned.cut.fewest)
        environment.require_threads(self.options.threads, record, self.ranks)
        if (different := environment.compare_ranks(record, self.ranks)) and self.report:
            self.report.warn(different)

        def begin() -> dict[int, dict[str, Any]]:
            description = Description(stored(self.options), record)
            if not self.options.resume:
                self.directory.begin(description)
                self.members.restore(self.directory.path, resume=False)
                return {}
            self.directory.describe(description)
            self.directory.farm.unlink(missing_ok=True)  # until all members are finished again
            self.members.restore(self.directory.path, resume=True)
            numbers = self.members.begun()
            found = {number: confirmed_result(self.options, self.members, self.directory, number) for number in numbers}
            results = {number: result for number, result in found.items() if result is not None}
            for number, result in results.items():
                self.members.tell(number, result)
            return results

        self.results = on_root(self.ranks, begin)

    def _arrangement(self, todo: list[int], groups: int) -> str:
        """Who trains what, in a sentence."""
        finished = f", {len(self.results)} of which are finished" if self.results else ""
        least, more = divmod(self.ranks.size, groups)
        of = f"{least} to {least + 1} ranks" if more else f"{least} rank{'s' * (least > 1)}"
        on = "one rank" if self.ranks.size == 1 else f"{groups} group{'s' * (groups > 1)} of {of}"
        return f"{self.members.count} {self.members.kind}s{finished}, on {on}" if todo else "all members are finished"

    def _say(self, text: str) -> None:
        if self.report is not None:
            self.report.say(text)

    def _train_all(self, todo: list[int], groups: int) -> int:
        """Train the members; the results are known to all ranks then. Returns what stopped it, 0 for nothing."""
        ranks = self.ranks
        tasks = self.members.tasks(todo, self.directory.path) if ranks.rank == 0 else ()
        patience, prunes, device = self.options.watchdog, self.members.report, self.options.device
        group, schedule = in_groups(ranks, groups, patience, tasks, self._finished, self.ends, prunes, device)
        if self.report is not None:
            self.report.over = len(self.results)
            self.report.start()
        with caught(group), closing(MemberReport(reports_on(group, replace(self.options, quiet=True)))) as report:
            self._train_some(group, schedule, report)
        if isinstance(schedule, Root):
            schedule.wait()
        ranks.rest()
        self.results, known = ranks.broadcast((self.results, self.members.known()))
        for number, choice in known.items():
            self.members.take(number, choice)
        return int(ranks.broadcast(schedule.stopped if schedule else 0))

    def _train_some(self, group: Ranks, schedule: Schedule | None, report: MemberReport) -> None:
        """What one group does. Collective over the group."""
        done: tuple[int, dict[str, Any]] | None = None
        while True:
            task = schedule.next(done) if schedule is not None else None
            if (task := group.broadcast(task)) is None:
                return
            number, choice = task
            self.members.take(number, choice)
            report.name = self.members.name(number)
            if self.members.prunes and schedule is not None:
                report.heard = partial(_report, schedule, number)
            result = self._train(number, group, schedule, report)
            done = (number, result) if result is not None else None
            if result is None and schedule is not None:
                schedule.stop(group.signal)

    def _train(
        self, number: int, group: Ranks, schedule: Schedule | None, report: MemberReport
    ) -> dict[str, Any] | None:
        """One member, begun or gone on with; its result, or None if it was stopped. Collective over the group."""
        own = self.directory.member(self.members.folder(number))
        begun = self.options.resume and on_root(group, lambda: bool(own.checkpoints.paths()))
        options = self.members.options(self.options, number, begun)
        with watching(group, options.watchdog, own.path / "waiting"):
            look = schedule.look if schedule is not None else int
            over = partial(_ask, schedule) if schedule is not None and not self.members.learn else str
            try:
                assembly = self._assembled(options, group, Lookout(options, group, own.stop, look))
                reason = Run(assembly, own, group, report, look, over).execute()
            except Stopped:
                return None
            except UserError as error:
                if self.members.kind != "trial" or number == 0 or isinstance(error, TooLittleRoom):
                    raise  # of the first trial, since most likely none can be trained
                return refused(error)
        if reason.code == STOPPED or reason.quantity == "interrupted":
            return None
        result: dict[str, Any] = on_root(group, own.result_if_finished)
        return result

    def _assembled(self, options: Options, group: Ranks, lookout: Lookout) -> Assembly:
        """What a member needs. Members that differ in their initial weights alone share their rows."""
        if self._assembly is not None and self.members.alike(options):
            decided = replace(self._assembly.options, only=options.only, resume=options.resume)
            self._assembly.model.network.initialise(initial_seed(decided), decided.sigma)
            return replace(self._assembly, options=decided, seconds=0.0)
        first, self._assembly = self._assembly is None, assemble(options, self.source, group, look=lookout)
        self._assembly.seconds = lookout.over()
        if first:
            for sentence in opening(self.source, self._assembly, group.size):
                self._say(sentence)
        return self._assembly

    def _finished(self, number: int, result: dict[str, Any]) -> None:
        """A member is over. Local to rank 0."""
        self.results[number] = result
        self.members.tell(number, result)
        if self.report is not None:
            self.report.finished(self.members.name(number), result)


def _ask(schedule: Schedule, reason: Reason) -> None:
    """Ask for the next member, if one is going to be trained. Local to the first rank of a group."""
    if reason.quantity != "interrupted":
        schedule.ask()


def _report(schedule: Schedule, number: int, record: Record) -> None:
    """Tell rank 0 how well a member does, where that is due. Local to the first rank of a group."""
    if due(record.t):
        schedule.report(number, record.t, reported(record))
