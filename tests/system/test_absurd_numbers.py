"""Numbers that make no sense, for every option that takes one: a sentence, or a training that comes to an end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_origin

import numpy as np
import pytest
from tables import write_csv

from distnn import search, train
from distnn.declared import Declared, declared
from distnn.errors import DONE, FAILED, STOPPED, UserError
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank
from distnn.runs.farm.trials import SearchOptions

NUMBERS = ("0", "-1", str(2**62), str(2**63 - 1), str(2**63), "-1e308", "5e-324", "1e308", "1e999", "nan", "inf")
WHOLE = ("-1", str(2**62), str(2**63 - 1), str(2**63), "1e308", "nan", "0.5", f"1{5000 * '0'}")
NEEDED = {  # without which an option is refused
    "batch_size": ("--optimizer", "sgd"),
    "evaluate_every": ("--optimizer", "sgd"),
    "fill": ("--impute", "constant"),
    "patience": ("--validation", "0.2"),
    "only": ("--members", "2"),
    "group_size": ("--members", "2"),
    "total_seconds": ("--members", "2"),
    "trials": ("--space", "eta=0.1..1"),
}


def kinds(kind: object) -> Iterator[object]:
    yield kind
    for part in get_args(kind):
        yield from kinds(part)


def takes_numbers(option: Declared) -> bool:
    return get_origin(option.kind) is not dict and bool({int, float} & set(kinds(option.kind)))


OPTIONS = [option for option in declared(SearchOptions) if takes_numbers(option)]


def context(name: str) -> tuple[str, ...]:
    """What else is given with this option."""
    of = [kind for kind, settings in OPTIMIZERS.items() if name in {setting.name for setting in fields(settings)}]
    return ("--optimizer", of[0]) if of else NEEDED.get(name, ())


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x = np.arange(30.0)
    return write_csv(tmp_path_factory.mktemp("data") / "table.csv", {"a": x % 7, "b": x % 5, "y": x * x % 11})


@pytest.mark.parametrize("option", OPTIONS, ids=[option.name for option in OPTIONS])
def test_no_number_gives_a_traceback(option: Declared, table: Path, tmp_path: Path) -> None:
    usual = {"hidden": "2", "max-iterations": "1", "data": str(table), "threads": "1"}
    usual = {name: value for name, value in usual.items() if name != option.flag[2:]}
    if option.name == "examples":
        del usual["data"]
    if option.name == "max_iterations":
        usual["max-seconds"] = "0"
    arguments = [f"--{name}={value}" for name, value in usual.items()] + list(context(option.name))
    program = search if option.name == "trials" else train
    for number in WHOLE if int in kinds(option.kind) else NUMBERS:
        out = tmp_path / number[:30]
        try:
            code = program.main(OneRank(), [*arguments, f"{option.flag}={number}", "--quiet", "--out", str(out)])
        except UserError as error:
            assert len(str(error)) < 500, number
            assert not out.exists(), number
        else:
            assert code in (DONE, FAILED, STOPPED), number
