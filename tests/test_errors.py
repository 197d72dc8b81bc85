"""Errors in words, and the exit codes that scripts rely on."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from distnn.errors import (
    BAD_USE,
    DONE,
    FAILED,
    STOPPED,
    RankError,
    RanksLost,
    TooLittleRoom,
    UserError,
    memory_taken,
    missing_package,
    out_of_memory,
)


def test_exit_codes() -> None:
    """docs/faults.md and the scripts in launch/ name them."""
    assert (DONE, FAILED, BAD_USE, STOPPED) == (0, 1, 2, 75)


def test_a_missing_package_is_bad_use_and_how_to_install_it() -> None:
    error = missing_package("matplotlib", "peers", "A figure")
    assert isinstance(error, UserError)
    assert str(error) == "A figure needs the package matplotlib. Install it with: pip install 'distnn[peers]'"


def test_a_package_that_cannot_be_loaded_is_not_said_to_be_missing() -> None:
    """As where memory is short, or a library of the system too old."""
    try:
        raise ImportError("libarrow.so: failed to map segment from shared object")
    except ImportError:
        said = str(missing_package("pyarrow", "tables", "A table"))
    assert said.startswith("A table needs the package pyarrow, which cannot be loaded: libarrow.so: failed to map")
    try:
        raise ModuleNotFoundError
    except ImportError:
        assert "loaded" not in str(missing_package("pyarrow", "tables", "A table"))


def test_memory_is_a_sentence_that_says_how_much() -> None:
    error = out_of_memory(MemoryError("Unable to allocate 6.00 GiB for an array."), 3)
    assert isinstance(error, TooLittleRoom) and isinstance(error, UserError)
    begin = r"rank 3 has too little memory: Unable to allocate 6\.00 GiB for an array, and it had taken \d+\.\d"
    assert re.match(begin, str(error))
    assert str(error).endswith("a training needs less with a lower --memory, and half with --dtype float32.")
    assert "memory: an array does not fit into what is left, and" in str(out_of_memory(MemoryError(), 0))


def test_no_kind_of_error_is_taken_for_another() -> None:
    kinds = (UserError, RankError, RanksLost)
    assert [[issubclass(a, b) for b in kinds] for a in kinds] == [[a is b for b in kinds] for a in kinds]


def test_programs_find_the_errors_that_they_expect() -> None:
    """scikit-learn, for one: a wrong value is a ValueError."""
    assert issubclass(UserError, ValueError)
    assert issubclass(RankError, RuntimeError)


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_memory_is_counted_in_other_units_elsewhere(platform: str, unit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr("resource.getrusage", lambda who: SimpleNamespace(ru_maxrss=3 << 20))
    assert memory_taken() == unit * 3 << 20
