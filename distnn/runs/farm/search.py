"""From the options of a search to its trials."""

from __future__ import annotations

from distnn.errors import UserError
from distnn.runs.farm.sampled import sampled
from distnn.runs.farm.space import dimensions, draw, grid
from distnn.runs.farm.study import Study
from distnn.runs.farm.trials import TRIALS, SearchOptions, Trials
from distnn.runs.options import check


def trials(options: SearchOptions) -> Trials:
    """The trials of a search. Local. UserError for what makes no sense."""
    if bool(options.grid) == bool(options.space):
        raise UserError("A search needs one of --grid and --space, such as --grid hidden=8,16 weight-decay=0,1e-3.")
    if options.grid and (options.trials or options.sampler != "random"):
        raise UserError("--grid tries all combinations: leave out --trials and --sampler, which go with --space.")
    if options.folds or options.members or options.restarts > 1 or options.only is not None:
        raise UserError("A search compares single trainings: leave out --folds, --members, --restarts and --only.")
    of = dimensions(options.grid or options.space, "--grid" if options.grid else "--space")
    names = {dimension.option.name for dimension in of}
    if not options.validation and options.optimizer != "bayesian":
        raise UserError("A search compares by E_val, or by evidence: add --validation 0.2, or --optimizer bayesian.")
    if "optimizer" in names and options.optimizer == "bayesian":
        raise UserError("The evidence of bayesian compares with no other optimizer's error: search without optimizer.")
    if "optimizer" in names and options.pruner is not None:
        raise UserError(
            "--pruner compares trials at the same iteration, but those of optimizers differ: search in one."
        )
    study = _study(options)
    if study is not None and options.sampler != "random":
        return sampled(options, of, study)
    if options.grid:
        choices = grid(of)
    else:
        choices = [draw(of, options.seed, number) for number in range(options.trials or TRIALS)]
    found = Trials("trial", len(choices), dict(enumerate(choices)), study)
    for number in range(found.count):
        check(found.options(options, number, resume=False))
    return found


def _study(options: SearchOptions) -> Study | None:
    """The one that a sampler or a pruner needs. Local. UserError where it cannot be had."""
    if options.sampler == "random" and options.pruner is None:
        return None
    study = Study(options.sampler, options.pruner, options.seed)
    study.require()
    return study
