"""The golden table, table.json: a hash for each training of cases.py."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from distnn.golden.cases import CASES, digest
from distnn.kernels.algebra import ARITHMETIC

FILE = Path(__file__).with_name("table.json")


class Result(NamedTuple):
    """A training here: its name, the hash, and what the table has."""

    name: str
    found: str
    golden: str | None


def golden() -> dict[str, str]:
    """The hashes of the table, by the names of the cases. Local."""
    hashes: dict[str, str] = json.loads(FILE.read_text())["hashes"]
    return hashes


def results(names: Iterable[str] = CASES) -> Iterator[Result]:
    """Train each of the cases, and look it up. Local."""
    known = golden()
    for name in names:
        yield Result(name, digest(CASES[name]), known.get(name))


def write() -> None:
    """Write the table anew."""
    hashes = {name: digest(case) for name, case in CASES.items()}
    FILE.write_text(json.dumps({"arithmetic": ARITHMETIC, "hashes": hashes}, indent=1) + "\n")
