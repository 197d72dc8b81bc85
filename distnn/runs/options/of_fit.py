"""The options of `distnn.fit`: those of a training by their names, but for files and what is printed."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any

from distnn.command_line.synonyms import Language
from distnn.data.classes import label_name
from distnn.declared import declared
from distnn.errors import UserError, shown
from distnn.network.network import Network
from distnn.runs.options import ACTIONS, RUN, Options, check, group

COMMANDS_OWN = (
    *("data", "targets", "header", "delimiter", "decimal", "encoding", "examples"),
    *("folds", "folds_by", "restarts", "only", "group_size", "total_seconds", "out_of_fold", "start"),
)
KNOWN = tuple(field.name for field in fields(Options))
OPTIONS = tuple(
    name
    for name in KNOWN
    if name in ("check_every", "memory", "scratch") or not (name in COMMANDS_OWN or group(name) in (RUN, ACTIONS))
)
PAIRS = ("types", "transform", "class_weights")  # NAME=VALUE each, which may be a dictionary
SEQUENCES = tuple(option.name for option in declared(Options) if option.takes_several)


def of_fit(given: Mapping[str, Any], network: Network | None = None, start: Any = None, of: str = "fit") -> Options:
    """The options that are given by name, checked. Local. of: the function that they are given to, for messages.

    network: one to go on with, whose architecture and θ are options, too; its weights are drawn if all of them are 0.
    start: what else there is to begin with, or None. UserError, with nothing changed, for what makes no sense.
    """
    if not (network is None or isinstance(network, Network)):
        raise UserError(f"fit: network={shown(network)}: give a distnn.Network; hidden=(16, 16) makes one.")
    options = {name: _value(name, value, of) for name, value in given.items()}
    if network is not None:
        own = {"hidden": network.d[1:-1], "theta": network.theta, "output_theta": network.output_theta}
        for name, value in own.items():
            if name in options and options[name] not in (value, [*value]):
                raise UserError(f"fit: the network has {name}={value!r}: leave out {name}={options[name]!r}.")
        options |= own
    chosen = Options(**options)
    check(chosen if network is None else replace(chosen, theta=Options.theta))  # it may be none that options name
    first = {"network": network, "--members": chosen.members, "--sigma": chosen.sigma}
    for name in [name for name, value in first.items() if value is not None and start is not None]:
        raise UserError(f"--start and {name} both say what weights to begin with: give one of them.")
    if network is not None and chosen.members:
        raise UserError("fit: members draw their initial weights: leave out network.")
    if network is not None and not network.w.any():
        network.initialise(chosen.seed, chosen.sigma)
    return chosen


def _value(name: str, value: Any, of: str) -> Any:
    """The value of an option as `Options` has it. UserError for what is none."""
    if name in KNOWN and name not in OPTIONS:
        raise UserError(f"{of}: {name} is an option of the command line, not of {of}.")
    if name not in KNOWN:
        Language(OPTIONS, "python").refuse([name], of)
        near = get_close_matches(name, OPTIONS, n=1)
        raise UserError(f"{of}: there is no option {name}{f'; did you mean {near[0]}?' if near else '.'}")
    if name in SEQUENCES and isinstance(value, str | numbers.Integral):
        return (value,)
    if name in PAIRS and isinstance(value, Mapping):
        return tuple(f"{label_name(key)}={of_key}" for key, of_key in value.items())
    return value
