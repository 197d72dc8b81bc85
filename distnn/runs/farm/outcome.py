"""What a farm came to: its table, in the terminal and in files, and what is made of all members' models."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from distnn.command_line.console import table
from distnn.data.tables import Source
from distnn.errors import DONE, FAILED, RankError
from distnn.inference.evaluation import for_json
from distnn.parallel.ranks import Ranks, on_root
from distnn.runs.directory import RunDirectory
from distnn.runs.farm.best import keep_best
from distnn.runs.farm.ensemble import make_ensemble
from distnn.runs.farm.members import Members
from distnn.runs.farm.out_of_fold import test_folds
from distnn.runs.farm.trials import choices_of
from distnn.runs.options import Options
from distnn.storage.files import replacing
from distnn.training.interruption import PRUNED_TRIAL

KNOWN = ("E_in", "E_val", "E_test", "evidence", "t", "seconds")  # of a result, those that are shown where there are any


def conclude(
    options: Options,
    members: Members,
    directory: RunDirectory,
    source: Source,
    results: Mapping[int, Mapping[str, Any]],
    say: Callable[[str], None],
    ranks: Ranks,
) -> int:
    """Judge the members, and write and show what they came to. Collective. Returns the exit code.

    results: of all members. RankError if something cannot be written.
    """
    code, measures = DONE, [dict[str, float]() for _ in range(members.count)]
    together: dict[str, Any] = {}
    if members.kind == "member":
        together = make_ensemble(options, members, directory, source, results, say, ranks)
    if members.kind in ("restart", "trial"):
        code = keep_best(members, directory, results, say, ranks)
    if members.kind == "fold":
        failed = [number for number in range(members.count) if results[number]["code"] == FAILED]
        if failed:
            say(f"the training of fold {', '.join(map(str, failed))} failed: there is no table of all folds")
            code = FAILED
        else:
            measures = test_folds(options, members, directory, source, ranks)
    choices = choices_of(members)
    rows = [
        {
            **choices.get(number, {}),
            **{name: results[number].get(name) for name in KNOWN},
            **measures[number],
            "pruned": results[number]["t"] if results[number].get("quantity") == PRUNED_TRIAL else None,
        }
        for number in range(members.count)
    ]
    names = [name for name in rows[0] if any(row.get(name) is not None for row in rows)]

    def write() -> None:
        _write_table(members, directory, names, rows)
        _write_farm(members, directory, names, rows, results, together, code)

    on_root(ranks, lambda: _written(write))
    if ranks.rank == 0 and not options.quiet:
        _show(members, names, rows)
    return code


def _written(write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        raise RankError(f"{error.filename} cannot be written: {error.strerror}. Go on with --resume.") from None


def _write_table(
    members: Members, directory: RunDirectory, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    with replacing(directory.members, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["number", "folder", *names])
        for number, row in enumerate(rows):
            values = (
                "" if (value := row.get(name)) is None else value if isinstance(value, str) else repr(value)
                for name in names
            )
            writer.writerow([number, members.folder(number), *values])


def _write_farm(
    members: Members,
    directory: RunDirectory,
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    results: Mapping[int, Mapping[str, Any]],
    together: Mapping[str, Any],
    code: int,
) -> None:
    over = over_members(names, rows)
    of = [{"folder": members.folder(number), **results[number], **rows[number]} for number in range(members.count)]
    with replacing(directory.farm, "w") as file:
        told = {"kind": members.kind, "code": code, **over, "ensemble": together, "members": of}
        json.dump(for_json(told), file, indent=2, allow_nan=False)


def over_members(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """The mean and the deviation (with n - 1) of each column over all members; None where one has no value."""
    columns = {name: [row.get(name) for row in rows] for name in names if not isinstance(rows[0].get(name), str)}
    known = {name: [v for v in values if v is not None and math.isfinite(v)] for name, values in columns.items()}
    whole = {name: values if len(values) == len(rows) else [] for name, values in known.items()}
    return {
        "mean": {name: mean(values) if values else None for name, values in whole.items()},
        "deviation": {name: stdev(values) if len(values) > 1 else None for name, values in whole.items()},
    }


def _show(members: Members, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the table. Local to rank 0."""
    body = [(f"{members.kind} {number}", *(_shown(row.get(name)) for name in names)) for number, row in enumerate(rows)]
    over = {} if members.kind == "trial" else over_members(names, rows)  # nothing of options that differ
    body += [(word, *(_shown(values.get(name)) for name in names)) for word, values in over.items()]
    table(f"All {members.kind}s.", ("", *names), body)


def _shown(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.6g}"
