"""Error bars of the rows that are shown, against those of the model, and figures of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluations import evaluated
from reporting import subject, train
from tables import write_csv

from distnn import load_model
from distnn.inference.certainty import quantile
from distnn.report import intervals
from distnn.report.figures import bars, coverage, evidence
from distnn.report.intervals import PROBABILITY


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that knows how sure it is, of two targets, the second by its logarithm."""
    folder = tmp_path_factory.mktemp("sure")
    generator = np.random.default_rng(0)
    x = generator.normal(size=(150, 2))
    y = np.sin(x[:, 0]) + 0.1 * generator.normal(size=150)
    z = np.exp(x[:, 1] + 0.1 * generator.normal(size=150))
    table = write_csv(folder / "run.csv", {"a": x[:, 0], "b": x[:, 1], "y": y, "z": z})
    train(table, folder / "run", "--targets", "y", "z", "--transform", "z=log", "--optimizer", "bayesian",
          "--intervals", "all", "--hidden", "2", "--max-iterations", "8")  # fmt: skip
    return folder / "run"


def test_they_are_those_of_the_model(run: Path, style: None) -> None:
    found = subject(run).intervals
    assert found is not None
    table = np.loadtxt(run.with_suffix(".csv"), delimiter=",", skiprows=1)
    expected = load_model(run).bounds(table[:, :2], PROBABILITY)
    np.testing.assert_allclose(found.bounds, expected[:, :, 2:], rtol=1e-9)
    np.testing.assert_allclose(found.true, table[:, 2:], rtol=1e-14)
    within = (expected[:, :, 2] <= found.true) & (found.true <= expected[:, :, 3])
    np.testing.assert_array_equal(
        np.abs(found.deviations) <= [quantile(PROBABILITY, freedom) for freedom in found.freedom], within
    )
    measured = evaluated(run.parent, "run")["targets"]
    np.testing.assert_allclose(within.mean(axis=0), [measured[name]["coverage"] for name in "yz"])
    assert 0.8 < within.mean() < 1


def test_figures_of_them(run: Path, style: None) -> None:
    told = subject(run)
    assert told.intervals is not None
    (covered,) = coverage.draw(told)
    first = covered.figure.axes[0].get_lines()[1]
    assert first.get_ydata().tolist() == (
        coverage.coverage(told.intervals.deviations[:, 0], told.intervals.freedom[0]).tolist()
    )
    few = coverage.coverage(np.random.default_rng(0).standard_t(3, 20_000), 3.0)
    np.testing.assert_allclose(few, coverage.PROBABILITIES, atol=0.01)
    drawn = bars.draw(told)
    assert [drawing.name for drawing in drawn] == ["bars-1", "bars-2"]
    segments = np.array(drawn[0].figure.axes[0].collections[0].get_segments())
    order = np.argsort(told.intervals.predicted[:, 0])
    np.testing.assert_array_equal(segments[[0, -1], :, 1], told.intervals.bounds[order[[0, -1]], 0])
    assert [drawing.name for drawing in evidence.draw(told)] == ["evidence", "gamma"]


def test_as_many_rows_as_can_be_afforded(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "WORK", 1)
    found = subject(run).intervals
    assert found is not None and len(found.true) == intervals.FEWEST


def test_a_model_without_them(trained: Path, style: None) -> None:
    told = subject(trained / "numbers")
    assert told.intervals is None
    assert coverage.draw(told) == bars.draw(told) == evidence.draw(told) == []
