"""The best of several trainings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from distnn.errors import DONE, FAILED, RankError
from distnn.parallel.ranks import Ranks, on_root
from distnn.runs.directory import RunDirectory
from distnn.runs.farm.members import Members
from distnn.storage.files import copy
from distnn.training.interruption import PRUNED_TRIAL


def keep_best(
    members: Members,
    directory: RunDirectory,
    results: Mapping[int, Mapping[str, Any]],
    say: Callable[[str], None],
    ranks: Ranks,
) -> int:
    """Make the best model that of `directory`: of the highest evidence, or where there is none of the lowest E_val, or
    E_in without validation. Collective. Returns the exit code.
    """
    errors = [error(results[number]) for number in range(members.count)]
    best = min(range(members.count), key=errors.__getitem__)
    if members.kind == "trial" and math.isinf(errors[best]):
        say("no trial came to its end: all of them failed or were pruned, and none is kept as the best")
        return FAILED
    by_evidence = results[best].get("evidence") is not None
    judged = f"a log evidence of {-errors[best]:.6g}" if by_evidence else f"an error of {errors[best]:.6g}"
    say(f"the best is {members.name(best)}, with {judged}")
    found = directory.member(members.folder(best))
    on_root(ranks, lambda: _copy(found.model, directory.model))
    if members.kind == "trial":
        on_root(ranks, lambda: _copy(found.options, directory.best))
        say(f"its options: {directory.best}")
    return DONE if math.isfinite(errors[best]) else FAILED


def error(result: Mapping[str, Any]) -> float:
    """What is lowest for the best of several results, infinite for one that failed or was pruned."""
    error = result["E_in"] if result["best_E_val"] is None else result["best_E_val"]
    if result.get("evidence") is not None:
        error = -result["evidence"]
    ended = result["code"] == DONE and result.get("quantity") != PRUNED_TRIAL
    return error if ended and error is not None else math.inf


def _copy(found: Path, path: Path) -> None:
    """Local. RankError if the file cannot be written."""
    try:
        copy(found, path)
    except OSError as error:
        raise RankError(f"{path} cannot be written: {error.strerror}. Go on with --resume.") from None
