"""The race: all contenders minimise the same E_in, each on one thread."""

from __future__ import annotations

from dataclasses import replace

import pytest
from convergence import error
from mpi_runner import python

from distnn.bench.convergence.problems import PROBLEMS
from distnn.bench.convergence.race import RACERS, Racer, race


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_contender_minimises_the_same_function(name: str) -> None:
    """`race` itself compares E_in at the initial weights; the gradients are right if E_in falls."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    problem = replace(PROBLEMS[name], rows=300, seconds=60.0, to_the_end=False)
    problem = replace(problem, goals=(0.999 * error(problem.instance(0)),))
    racers = [c for c in RACERS if c.suits(problem) and c.installed]
    traces = dict(race(problem, [0], racers))
    assert {"distnn lbfgs", "scikit-learn L-BFGS"} <= traces.keys()
    assert ("scipy least_squares trf" in traces) == (problem.error == "squared" and problem.weights <= 300)
    for trace in traces.values():
        assert trace.points[-1].E < trace.first == pytest.approx(error(problem.instance(0)), rel=1e-9)


def test_another_function_is_found_out() -> None:
    half = Racer("half", run=lambda instance, trace: trace.note(error(instance) / 2, 1))
    problem = replace(PROBLEMS["xor"], rows=100, seconds=0.01)
    with pytest.raises(RuntimeError, match="half begins at"):
        list(race(problem, [0], [RACERS[0], half]))


@pytest.mark.job
def test_every_contender_has_one_thread() -> None:
    """Also the first one that loads a BLAS of its own."""
    program = """
from threadpoolctl import threadpool_info
from distnn.bench.convergence.problems import PROBLEMS
from distnn.bench.convergence.race import RACERS, run
from distnn.bench.convergence.trace import Trace
(contender,) = (c for c in RACERS if c.name == "scikit-learn L-BFGS")
run(contender, PROBLEMS["xor"].instance(0), Trace(0.0, 0.01))
print(*(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"))
"""
    done = python("-c", program, env={"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": None, "MKL_NUM_THREADS": None})
    assert done.returncode == 0, done.stderr
    threads = done.stdout.split()
    assert len(threads) > 1, "scikit-learn brings no BLAS of its own: this test shows nothing"
    assert set(threads) == {"1"}
