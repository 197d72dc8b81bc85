"""All options of a training, of which one file has those of a group."""

from __future__ import annotations

from dataclasses import dataclass

from distnn.command_line.arguments import to_toml
from distnn.declared import declared
from distnn.runs.options.actions import ActionOptions
from distnn.runs.options.data import DataOptions
from distnn.runs.options.network import NetworkOptions
from distnn.runs.options.run import RunOptions
from distnn.runs.options.settings import OptimizerSettings
from distnn.runs.options.several import SeveralOptions
from distnn.runs.options.stopping import StoppingOptions
from distnn.runs.options.training import TrainingOptions

NOT_STORED = ("out", "overwrite", "resume", "print_config", "dry_run", "quiet")  # in the options.toml of a run


@dataclass(frozen=True, kw_only=True)
class Options(  # from below: dataclasses put the fields of the last one first, and --help shows them in this order
    OptimizerSettings,
    ActionOptions,
    RunOptions,
    SeveralOptions,
    StoppingOptions,
    TrainingOptions,
    NetworkOptions,
    DataOptions,
):
    """All options of a training. None: not given, or decided by the data, as the help says."""


def group(name: str) -> str:
    """The group of an option."""
    return next(option.group for option in declared(Options) if option.name == name)


def stored(options: Options) -> str:
    """The options of a run as the text of its options.toml."""
    return to_toml(options, NOT_STORED)
