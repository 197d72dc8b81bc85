"""Which members of a farm are finished, by what their directories hold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from operator import add
from typing import Any

from distnn.data.fingerprints import hash_rows
from distnn.data.tables import Source
from distnn.errors import BAD_USE, FAILED, UserError
from distnn.inference.application import Application
from distnn.inference.stored import load_model
from distnn.parallel.ranks import Ranks, on_root
from distnn.runs.directory import RunDirectory
from distnn.runs.farm.members import Members
from distnn.runs.options import STOPPING, Options, group
from distnn.runs.resume import compare
from distnn.training.interruption import PRUNED_TRIAL


def confirmed_result(options: Options, members: Members, directory: RunDirectory, number: int) -> dict[str, Any] | None:
    """The result of a member that has come to its end, if its last checkpoint says the same; None if it is to go on.

    It is to where the options say of the end something else than they did.

    directory: of the farm. Local. UserError if it was trained with other options.
    """
    own = directory.member(members.folder(number))
    result = own.result_if_finished()
    if result is None or not own.model.exists() or result.get("quantity") == "interrupted":
        return None
    if not own.checkpoints.paths():
        return result
    found = own.checkpoints.newest()
    changed = compare(found, members.options(options, number, resume=True), directory.options, decided=False)
    pruned = result.get("quantity") == PRUNED_TRIAL  # and stays so
    if any(group(name) == STOPPING for name in changed) and not pruned:  # then it may go on, or ends again where it is
        return None
    try:
        progress = found.metadata["progress"]
        last = {"best_E_val": progress["best_E_val"], "t": progress["record"]["t"]}
        last["last_E_in"] = progress["record"]["E_in"]
    except (KeyError, TypeError):
        return None
    result = {"last_E_in": result["E_in"], **result}  # of the last iteration, as E_in was in older versions
    same = all(result[name] == (value if math.isfinite(value) else None) for name, value in last.items())
    return result if same or result["code"] == FAILED else None


def refused(error: UserError) -> dict[str, Any]:
    """The result of a trial whose options cannot be trained with; `--resume` tries it again."""
    unknown = dict.fromkeys(("E_in", "E_val", "best_E_val"))
    return {**unknown, "t": 0, "seconds": 0.0, "text": str(error), "code": BAD_USE}


def require_same_table(finished: Iterable[RunDirectory], source: Source, ranks: Ranks) -> None:
    """UserError where one of the members that are finished was trained on another table. Collective.

    The others would be compared with it, or become one model with it. It takes a pass over the table. Of members that
    an older version trained it is not known which that was.
    """
    seen = set()
    for own in finished:
        model = on_root(ranks, partial(load_model, own.path))
        known = model.held_out
        if "of" not in known or (table := (*known["of"].split("-")[:2], known.get("rows"))) in seen:
            continue
        seen.add(table)
        application = Application.of(model, source, ranks, with_targets=True)
        with ranks.sharing_errors():
            blocks = map(application.rows, range(len(application.blocks)))
            mine = sum(int(hash_rows(rows)) for rows in blocks if len(rows))
        if not application.is_of_training(ranks.merged(mine, add)):
            raise UserError(
                f"{source.path} is not the table that {own.path} was trained on, or has changed: give the same --data, "
                "or begin anew by --overwrite, or with another --out."
            )
