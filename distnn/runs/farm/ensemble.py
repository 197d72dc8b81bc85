"""The ensemble that members make together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from distnn.data.tables import Source
from distnn.errors import DONE, RankError
from distnn.inference.application import Application
from distnn.inference.ensemble import Ensemble
from distnn.inference.evaluation import evaluate
from distnn.inference.stored import load_model
from distnn.parallel.ranks import Ranks, on_root
from distnn.runs.directory import RunDirectory
from distnn.runs.farm.members import Members
from distnn.runs.farm.out_of_fold import numbers
from distnn.runs.options import Options


def make_ensemble(
    options: Options,
    members: Members,
    directory: RunDirectory,
    source: Source,
    results: Mapping[int, Mapping[str, Any]],
    say: Callable[[str], None],
    ranks: Ranks,
) -> dict[str, Any]:
    """Make the members' models the model of `directory`, and evaluate it on the rows that none has seen. Collective.

    Returns what it came to, by the rows it was tried on; nothing where no row was held out. RankError where fewer than
    two members have come to a good end, and if the model cannot be written.
    """
    good = [number for number in range(members.count) if results[number]["code"] == DONE]
    if len(good) < 2:
        raise RankError(f"{len(good)} of {members.count} members came to a good end: there is no ensemble.")
    if len(good) < members.count:
        say(f"the training of {members.count - len(good)} members failed: the ensemble is one of {len(good)}")

    def make() -> Ensemble:
        models = [load_model(directory.member(members.folder(number)).path) for number in good]
        ensemble = Ensemble.of(models)
        try:
            ensemble.write(directory.model)
        except OSError as error:
            raise RankError(f"{directory.model} cannot be written: {error.strerror}. Go on with --resume.") from None
        return ensemble

    ensemble = on_root(ranks, make)
    found = {}
    known = ensemble.held_out
    for rows, share in (("held-out", known["share"]), ("test", known["test"])):
        if share:
            result = evaluate(Application.of(ensemble, source, ranks, with_targets=True), rows)
            found[rows] = {"E": result["E"]} | numbers(result)
            told = ", ".join(f"{name} {value:.6g}" for name, value in found[rows].items())
            say(f"the ensemble of {len(good)} on the rows {rows}: {told}")
    return found
