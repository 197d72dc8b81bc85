"""Errors in words, and the exit codes that scripts rely on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from threaded_ranks import on_ranks

from distnn.errors import BAD_USE, DONE, FAILED, STOPPED, RankError, RanksLost, UserError, missing_package


def test_exit_codes() -> None:
    """docs/faults.md and the scripts in launch/ name them."""
    assert (DONE, FAILED, BAD_USE, STOPPED) == (0, 1, 2, 75)


def test_a_missing_package_is_bad_use_and_how_to_install_it() -> None:
    error = missing_package("matplotlib", "peers", "A figure")
    assert isinstance(error, UserError)
    assert str(error) == "A figure needs the package matplotlib. Install it with: pip install 'distnn[peers]'"


def test_no_kind_of_error_is_taken_for_another() -> None:
    kinds = (UserError, RankError, RanksLost)
    assert [[issubclass(a, b) for b in kinds] for a in kinds] == [[a is b for b in kinds] for a in kinds]


def test_programs_find_the_errors_that_they_expect() -> None:
    """scikit-learn, for one: a wrong value is a ValueError."""
    assert issubclass(UserError, ValueError)
    assert issubclass(RankError, RuntimeError)


def test_memory_that_is_not_there_is_a_sentence_for_all_ranks() -> None:
    def work(ranks: Any) -> str:
        with pytest.raises(
            UserError, match=r"rank 1 has too little memory: Unable to allocate .*--dtype float32"
        ) as info:
            with ranks.sharing_errors():
                if ranks.rank == 1:
                    np.empty(1 << 58, np.uint8)
        return str(info.value)

    assert len(set(on_ranks(3, work))) == 1
