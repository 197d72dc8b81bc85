"""What is predicted for the ranks that there are, and what they take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mpi_runner import mpirun
from simgrid_library import need_simgrid

from distnn.bench.prediction import Iteration, Network, message_bytes
from distnn.bench.scaling import __main__ as command
from distnn.bench.scaling.here import Here
from distnn.bench.scaling.trial import Pace
from distnn.kernels.blocks import cut

D, ROWS = (2, 4, 1), 6000


@pytest.mark.job
def test_the_prediction_is_that_of_the_model() -> None:
    """Of two ranks, which have two messages an iteration: see prediction.py."""
    need_simgrid()
    network = Network(alpha=1e-4, beta=1e-7)
    measured = Here(Pace(row=1e-6, outside=5e-5), network, iteration=0.0)
    outcome = command.simulated(measured.trial(D, ROWS, ranks=2))
    start, stop = cut(2 * ROWS, D[:-1], "float64").rows_owned(1, 2)  # a panel more than rank 0 has
    expected = Iteration(2, (stop - start) * 1e-6, 5e-5, message_bytes(D)).strong(2, network)
    assert outcome.iteration == pytest.approx(expected, abs=2 * 32 * network.beta), "SimGrid adds some to each message"


@pytest.mark.job
def test_ranks_are_measured_and_predicted(tmp_path: Path) -> None:
    need_simgrid()
    numbers = tmp_path / "numbers.json"
    options = ["--rows", "500", "--hidden", "4", "--json", str(numbers)]
    said = mpirun(2, "-m", "distnn.bench.scaling", *options).stdout
    assert said.count("an iteration over 1,000 rows on 2 ranks: ") == said.count(" predicted, ") == 1, "on rank 0 alone"
    (found,) = json.loads(numbers.read_text())
    assert (found["ranks"], found["n"], found["d"]) == (2, 1000, [2, 4, 1])
    assert found["measured"] > 0 and found["iteration"] > found["computing"] > 500 * found["row"]
