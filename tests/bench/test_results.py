"""What rank 0 prints of the results."""

from __future__ import annotations

from typing import Any

import pytest

from distnn.bench.prediction import Iteration, Network, predict
from distnn.bench.results import duration, fastest, show_check, show_machine, show_prediction

MACHINE = {"cpu": "a CPU", "cores": 2, "load": 0.1, "mpi": "an MPI", "python": "3", "numpy": "2", "blas": "a BLAS"}
MACHINE |= {"kernel": "fast", "compiler": "gcc 12"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2e-7, "0.2 µs"),
        (9.99e-4, "999.0 µs"),
        (1e-3, "1.00 ms"),
        (0.9, "900.00 ms"),
        (1.0, "1.000 s"),
        (90, "90.000 s"),
    ],
)
def test_seconds_in_a_unit_that_suits_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_one_is_one_and_two_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    show_machine({**MACHINE, "ranks": 1, "threads": 2, "fused": "none"})
    shown = capsys.readouterr().out
    assert "1 rank, an MPI" in shown and "2 BLAS threads" in shown and "in numpy" in shown
    show_machine({**MACHINE, "ranks": 2, "threads": 1, "fused": "avx2"})
    shown = capsys.readouterr().out
    assert "2 ranks, an MPI" in shown and "1 BLAS thread " in shown and "in compiled code (gcc 12, avx2)" in shown


def test_predictions(capsys: pytest.CaptureFixture[str]) -> None:
    iteration = Iteration(blocks=4, block=1.0, outside=0.0, messages=(0, 0))
    show_prediction("small", predict(iteration, Network(0.0, 0.0), [1, 2]), 4, 0.0, 0.0)
    shown = capsys.readouterr().out
    assert "4.000 s" in shown and "2.000 s" in shown and "100 %" in shown
    assert "More than 4 ranks do not pay" in shown
    show_check([{"ranks": 1, "predicted": 1.0, "measured": 2.0}, {"ranks": 2, "predicted": 1.0, "measured": 2.0}])
    shown = capsys.readouterr().out
    assert "here, 1 rank: 1.000 s predicted, 2.000 s measured" in shown and "here, 2 ranks: " in shown


def test_who_is_fastest() -> None:
    def entry(name: str, cores: int, times: float, device: str | None = None) -> dict[str, Any]:
        return {"name": name, "cores": cores, "times_distnn": times, "device": device}

    found = [
        entry("distnn, exact", 2, 1.0),
        entry("distnn, plain", 2, 0.9),
        entry("one", 2, 1.5),
        entry("other", 2, 1.25),
        entry("distnn, exact", 1, 1.0),
        entry("other", 1, 0.8),
        entry("distnn, gpu", 2, 1.0, "gpu"),
        entry("third", 1, 1.1, "gpu"),
    ]
    assert list(fastest(found)) == [
        "fastest on 2 cores: distnn, exact; other takes 1.25 times as long",
        "fastest on 1 core: other; it takes 0.80 times as long as distnn",
        "fastest on --device gpu: distnn, gpu; third takes 1.10 times as long",
    ]
    assert list(fastest(found[:2])) == []
