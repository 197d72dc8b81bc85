"""What is to be written over: predictions of before are replaced, anything else is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from distnn.data.tables import open_source
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank


def keep_others(out: str, names: Sequence[str]) -> None:
    """UserError if there is a file `out` that does not hold columns of these names, as predictions of before do. Local.

    An array, whose columns have no names, has as many.
    """
    path = Path(out)
    if not path.is_file() or path.stat().st_size == 0:
        return
    try:
        found = open_source(out, OneRank())
        own = list(found.columns) == list(names) if found.named else len(found.columns) == len(names)
    except UserError:
        own = False
    if not own:
        raise UserError(f"{out} is there already, and holds no such predictions: give another --out, or --overwrite.")
