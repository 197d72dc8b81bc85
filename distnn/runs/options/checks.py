"""Do the options make sense, each and together?"""

from __future__ import annotations

from dataclasses import replace

from distnn.command_line.fields import check_fields
from distnn.declared import flag
from distnn.errors import UserError
from distnn.optimizers import OPTIMIZERS
from distnn.runs.options import data, network, run, stopping, training
from distnn.runs.options import several as several_options
from distnn.runs.options.chosen_optimizer import having_settings, optimizer
from distnn.runs.options.options import Options
from distnn.runs.options.settings import given
from distnn.training.termination import quantities


def check(options: Options) -> None:
    """Raise UserError, one sentence, for a value that makes no sense, or for two that contradict each other. Local."""
    check_fields(options)
    data.check(options)
    network.check(options)
    stopping.check(options)
    training.check(options)
    run.check(options)
    several_options.check(options)
    by_E_val = options.stop is not None and not quantities(options.stop).isdisjoint(("E_val", "stale"))
    if (options.patience or by_E_val) and not options.validation:
        what = "--patience" if options.patience else "E_val or stale in --stop"
        raise UserError(f"{what} needs examples to be held out: add --validation 0.1.")
    several = options.folds or options.members or options.restarts > 1
    if options.start is not None and (options.members or options.restarts > 1 or options.sigma is not None):
        raise UserError(
            "--start gives the weights to begin with: leave out --restarts, --members and --sigma, which draw them."
        )
    if options.elastic and several and options.only is None:
        raise UserError(
            "--elastic carries one training on: leave out --folds, --members and --restarts, or do one by --only."
        )
    if options.folds and options.test:
        raise UserError("--folds tests on each part of the rows in turn: leave out --test.")
    kind = OPTIMIZERS.get(options.optimizer or "")
    for name, why in getattr(kind, "excludes", {}).items():
        if getattr(options, name):
            raise UserError(f"{flag(name)} does not go with the optimizer {options.optimizer}, {why}: leave it out.")
    _refuse_unused(options)
    optimizer(options if options.optimizer else replace(options, optimizer=having_settings(options)))


def _refuse_unused(options: Options) -> None:
    """UserError for an option that the optimizer, named or going to be chosen, does nothing with."""
    name = options.optimizer or (having_settings(options) if given(options) or options.batch_size > 1 else None)
    if name is not None and OPTIMIZERS[name].stochastic:
        return
    for option, default in (("batch_size", 1), ("sampling", "replacement"), ("evaluate_every", 0)):
        if getattr(options, option) != default:
            drawing = ", ".join(other for other, its in OPTIMIZERS.items() if its.stochastic)
            do = f"{name} takes all of them in each step: leave {flag(option)} out"
            if name is None:
                do = f"name one of these by --optimizer, or leave {flag(option)} out"
            raise UserError(f"{flag(option)} is for optimizers that draw examples ({drawing}); {do}.")
