"""The options of a training: one typed definition, from which flags, TOML file, help and keywords of `fit` are made.

Each field is annotated with its type, its group, the words that --help shows, and where it is a number with its least
value. To add an option: a field in the file of its group. Settings of optimizers are not listed here: they are the
fields of the optimizers themselves.
"""

from distnn.declared import flag
from distnn.runs.options.actions import ACTIONS
from distnn.runs.options.checks import check
from distnn.runs.options.chosen_optimizer import having_settings, is_chosen, optimizer, with_optimizer
from distnn.runs.options.data import DATA
from distnn.runs.options.network import NETWORK
from distnn.runs.options.options import NOT_STORED, Options, group, stored
from distnn.runs.options.run import RUN
from distnn.runs.options.settings import SETTINGS
from distnn.runs.options.several import SEVERAL
from distnn.runs.options.stopping import STOPPING, criterion
from distnn.runs.options.training import TRAINING

__all__ = [
    "ACTIONS",
    "DATA",
    "NETWORK",
    "NOT_STORED",
    "RUN",
    "SETTINGS",
    "SEVERAL",
    "STOPPING",
    "TRAINING",
    "Options",
    "check",
    "criterion",
    "flag",
    "group",
    "having_settings",
    "is_chosen",
    "optimizer",
    "stored",
    "with_optimizer",
]
