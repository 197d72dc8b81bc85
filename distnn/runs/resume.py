"""Going on with a run: what a checkpoint holds of its progress, and which options may change."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, get_type_hints

import numpy as np

from distnn.command_line.arguments import parse
from distnn.errors import UserError
from distnn.optimizers import State
from distnn.runs.directory import RunDirectory
from distnn.runs.options import DATA, NETWORK, TRAINING, Options, flag, group
from distnn.storage.checkpoint import Found
from distnn.training.loop import Progress
from distnn.training.termination import Record

FIXED = (DATA, NETWORK, TRAINING)  # groups of options that a resumed run keeps
FREE = ("data", "threads", "evaluate_every")  # but for these: a moved file, for example, is known by its fingerprint


def merge(options: Options, arguments: Sequence[str], program: str, about: str) -> Options:
    """The options of the run in options.out, with those that are given now in their place.

    Local: for rank 0. UserError if there is no run, or if an option was given that a run cannot change.
    """
    if options.out is None:
        raise UserError("--resume needs --out, the directory of the run to go on with.")
    path = RunDirectory(options.out).options
    if not path.exists():
        raise UserError(f"--out {options.out} holds no run to resume: {path} is missing.")
    stored = parse(Options, program, about, ["--config", str(path)])
    merged = parse(Options, program, about, arguments, vars(stored))
    for field in fields(merged):
        was, now = getattr(stored, field.name), getattr(merged, field.name)
        if was != now and group(field.name) in FIXED and field.name not in FREE:
            raise UserError(
                f"{flag(field.name)} {_shown(now)} cannot be given at --resume: this run began with "
                f"{_shown(was)}. Begin a new run for it, with another --out."
            )
    return merged


def _shown(value: Any) -> str:
    if value is None:
        return "its default"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def tensors(progress: Progress) -> dict[str, np.ndarray]:
    """The arrays of a progress, to be stored: the optimizer's state, the best weights, the window."""
    state = {f"state.{name}": value for name, value in progress.state.tensors().items()}
    return {**state, "w": progress.best_w, "window": np.array(progress.window)}


def metadata(progress: Progress) -> dict[str, Any]:
    """The rest of a progress, for JSON, which keeps every float64 to the bit."""
    assert progress.record is not None
    return {
        "state": type(progress.state).__name__,
        "best_E_val": progress.best_E_val,
        "best_t": progress.best_t,
        "record": asdict(progress.record),
    }


def restore(found: Found, fingerprint: str, weights: int, window: int) -> Progress:
    """The progress that a checkpoint holds. Local. UserError if it is of other data or of another network.

    window: iterations over which the improvement is taken from now on.
    """
    try:
        stored, arrays = found.metadata["progress"], found.tensors
        kinds = {kind.__name__: kind for kind in _kinds(State)}
        own = {name.removeprefix("state."): value for name, value in arrays.items() if name.startswith("state.")}
        state = kinds[stored["state"]].restore(own)
        if state.w.size != weights or arrays["w"].size != weights:
            raise UserError(f"{found.path} is of a network with {state.w.size} weights; this one has {weights}.")
        if found.metadata["fingerprint"] != fingerprint:
            raise UserError(
                f"The data is not what {found.path} was trained on: rows, values or columns differ. "
                "Give the same --data, or begin a new run with another --out."
            )
        record = Record(**stored["record"])
        for value in (state.w, state.G, arrays["w"]):
            if (value.dtype, value.shape) != (np.float64, (weights,)):
                raise ValueError("weights that are none")
        for name, kind in get_type_hints(Record).items():
            if type(getattr(record, name)) not in (int, kind):
                raise TypeError(f"{name} is no {kind}")
        window_values = [float(value) for value in arrays["window"]]
        best = float(stored["best_E_val"]), int(stored["best_t"])
        return Progress(state, deque(window_values, maxlen=window + 1), arrays["w"], *best, record)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise UserError(f"{found.path} does not hold the state of a training.") from None


def _kinds(kind: type[State]) -> list[type[State]]:
    """The class and all that derive from it."""
    return [kind] + [deeper for child in kind.__subclasses__() for deeper in _kinds(child)]
