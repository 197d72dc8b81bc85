"""Training from several initial weights, one run after another, and keeping the best."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from distnn.errors import DONE, FAILED, STOPPED, RankError
from distnn.parallel.ranks import Ranks, on_root
from distnn.runs.assembly import Assembly
from distnn.runs.directory import Description, RunDirectory
from distnn.runs.options import Options, stored
from distnn.runs.reports import Report
from distnn.runs.resume import compare
from distnn.runs.run import Run
from distnn.storage.files import copy
from distnn.training.interruption import STOP_FILE
from distnn.training.termination import Reason


def keep_best(assembly: Assembly, directory: RunDirectory, ranks: Ranks, report: Report) -> int:
    """Train --restarts times with initial weights from seed, seed + 1, …; returns the exit code. Collective.

    Each is a run of its own in `directory`/restart-<number>, so that --resume goes on in the middle of them. The model
    with the highest evidence, or where there is none the lowest E_val, or E_in without validation, becomes the model of
    `directory`.
    """
    options = assembly.options
    if not options.resume:
        description = Description(stored(options), assembly.environment())
        on_root(ranks, lambda: directory.begin(description))
    errors: list[float] = []
    by_evidence = False
    for number in range(options.restarts):
        own = directory.restart(number)
        result = on_root(ranks, lambda: _confirmed_result(own, options)) if options.resume else None  # noqa: B023
        if result is None:
            report.say(f"restart {number + 1} of {options.restarts}, seed {options.seed + number}")
            reason = _execute(number, assembly, own, ranks, report)
            if reason.code == STOPPED or ranks.signal == STOP_FILE:
                return reason.code
            result = on_root(ranks, own.result_if_finished)
        errors.append(_error(result))
        by_evidence = by_evidence or result.get("evidence") is not None
    best = min(range(len(errors)), key=errors.__getitem__)
    judged = f"a log evidence of {-errors[best]:.6g}" if by_evidence else f"an error of {errors[best]:.6g}"
    report.say(f"the best is restart {best + 1} of {options.restarts}, with {judged}")
    found = directory.restart(best).model
    on_root(ranks, lambda: _copy(found, directory.model))
    return DONE if math.isfinite(errors[best]) else FAILED


def _error(result: dict[str, Any]) -> float:
    """What is lowest for the best of several results, infinite for one that failed."""
    error = result["E_in"] if result["best_E_val"] is None else result["best_E_val"]
    if result.get("evidence") is not None:
        error = -result["evidence"]
    return error if result["code"] == DONE and error is not None else math.inf


def _copy(found: Path, model: Path) -> None:
    """Local. RankError if the model cannot be written."""
    try:
        copy(found, model)
    except OSError as error:
        raise RankError(f"{model} cannot be written: {error.strerror}. Go on with --resume.") from None


def _confirmed_result(own: RunDirectory, options: Options) -> dict[str, Any] | None:
    """The result of a run that has come to its end, if its last checkpoint says the same; None if it is to go on.

    Local. UserError if it was trained with other options.
    """
    result = own.result_if_finished()
    if result is None or not own.model.exists():
        return None
    if not own.checkpoints.paths():
        return result
    found = own.checkpoints.newest()
    compare(found, options, own.path.parent / own.options.name)
    try:
        progress = found.metadata["progress"]
        last = {"best_E_val": progress["best_E_val"], "t": progress["record"]["t"]}
        last["last_E_in"] = progress["record"]["E_in"]
    except (KeyError, TypeError):
        return None
    result = {"last_E_in": result["E_in"], **result}  # of the last iteration, as E_in was in older versions
    same = all(result[name] == (value if math.isfinite(value) else None) for name, value in last.items())
    return result if same or result["code"] == FAILED else None


def _execute(number: int, assembly: Assembly, own: RunDirectory, ranks: Ranks, report: Report) -> Reason:
    """One of the runs, begun or gone on with. Collective."""
    options = assembly.options
    begun = options.resume and on_root(ranks, lambda: bool(own.checkpoints.paths()))
    assembly.model.network.initialise(options.seed + number, options.sigma)
    return Run(replace(assembly, options=replace(options, resume=begun)), own, ranks, report).execute()
