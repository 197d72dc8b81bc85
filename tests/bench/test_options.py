"""Options of the benchmark, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from distnn.bench import options as bench_options
from distnn.bench.options import BenchOptions, check
from distnn.errors import UserError


@pytest.mark.parametrize(
    ("options", "size", "words"),
    [
        ({"workload": ("big",)}, 1, "no workload 'big'"),
        ({"turns": 0}, 1, "--turns"),
        ({"rows": 0}, 1, "--rows needs a number of at least 1"),
        ({"rows": 9, "quick": True}, 1, "--rows"),
        ({"figure": "a.txt"}, 1, ".png, .svg or .pdf"),
        ({"alpha": 1e-6, "predict": "1..2"}, 1, "go together"),
        ({"alpha": 1e-6, "beta": 1e-9}, 1, "--predict"),
        ({"series": True, "workload": ("tiny",)}, 1, "--series is measured alone"),
        ({"predict": "1..2"}, 1, "mpirun -n 2"),
        ({"predict": "4..2"}, 2, "--predict 4..2"),
        ({"predict": "few"}, 2, "--predict few"),
        ({"predict": "1..2", "alpha": -1.0, "beta": 0.0}, 1, "--alpha -1"),
    ],
)
def test_bad_options(options: dict[str, Any], size: int, words: str) -> None:
    with pytest.raises(UserError, match=words.replace(".", r"\.")):
        check(BenchOptions(**options), size)


def test_options_that_are_fine() -> None:
    check(BenchOptions(), 1)
    check(BenchOptions(predict="1..4096"), 2)
    check(BenchOptions(predict="7", alpha=1e-6, beta=1e-10), 1)
    assert BenchOptions(predict="7").range == (7, 7)
    assert BenchOptions().names == tuple(bench_options.WORKLOADS)
