"""What figures show, read off matplotlib's own objects; the page's test sees that they are all there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluations import evaluated
from reporting import subject

from distnn.report.figures import FIGURES, SECTIONS, drawings
from distnn.report.style import styled
from distnn.report.subject import Drawing


@pytest.fixture(scope="module")
def figures(trained: Path) -> Any:
    """The figures of a run, by name."""

    @cache
    def of(name: str, *compare: Path, only: tuple[str, ...] = FIGURES) -> dict[str, Drawing]:
        with styled(), pytest.MonkeyPatch.context() as patch:
            patch.setattr("distnn.report.figures.FIGURES", only)
            found = drawings(subject(trained / name, compare=compare))
        assert tuple(found) == SECTIONS
        return {drawing.name: drawing for own in found.values() for drawing in own}

    return of


def axes(drawing: Drawing) -> Any:
    return drawing.figure.axes[0]


def lines(drawing: Drawing) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for line in axes(drawing).get_lines():
        yield line.get_label(), np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def test_every_file_is_in_the_list() -> None:
    folder = Path(__file__).parents[3] / "distnn/report/figures"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(FIGURES)


def test_learning_curves_are_the_log_and_the_kept_weights_are_marked(figures: Any, trained: Path) -> None:
    records = [json.loads(line) for line in (trained / "numbers/metrics.jsonl").read_text().splitlines()]
    best = json.loads((trained / "numbers/result.json").read_text())["best_t"]
    drawn = figures("numbers", only=("errors", "gradient"))
    for scale, key in (("iteration", "t"), ("time", "seconds")):
        found = {label: (x.tolist(), y.tolist()) for label, x, y in lines(drawn[f"errors-by-{scale}"])}
        for quantity in ("E_in", "E_val"):
            assert found[quantity] == ([r[key] for r in records], [r[quantity] for r in records])
        (marked,) = [(x, y) for label, x, y in lines(drawn[f"errors-by-{scale}"]) if len(x) == 1]
        record = next(r for r in records if r["t"] == best)
        assert (marked[0][0], marked[1][0]) == (record[key], record["E_val"])
        assert axes(drawn[f"errors-by-{scale}"]).get_yscale() == "log"
        ((_, x, y),) = lines(drawn[f"gradient-by-{scale}"])
        assert (x.tolist(), y.tolist()) == ([r[key] for r in records], [r["gradient_norm"] for r in records])


def test_runs_that_are_compared_have_a_curve_each(figures: Any, trained: Path) -> None:
    drawn = figures("numbers", trained / "words", trained / "hostile", only=("errors",))
    names = [label for label, x, _ in lines(drawn["errors-by-iteration"]) if len(x) > 1 and not label.startswith("_")]
    assert [Path(name).name for name in names if name] == ["numbers", "words", "hostile"]


def test_points_are_the_predictions(figures: Any, trained: Path) -> None:
    found = subject(trained / "hostile").predictions
    assert found is not None
    drawn = figures("hostile")
    points = np.asarray(axes(drawn["predicted-1"]).collections[0].get_offsets())
    np.testing.assert_array_equal(points, np.hstack([found.true, found.predicted]))
    points = np.asarray(axes(drawn["residuals-1"]).collections[0].get_offsets())
    np.testing.assert_array_equal(points, np.hstack([found.predicted, found.predicted - found.true]))
    counted = axes(drawn["distribution-1"]).patches[0].get_data()
    assert counted.values.sum() == len(found.true)


def test_the_confusion_matrix_is_that_of_evaluate(figures: Any, trained: Path) -> None:
    expected = evaluated(trained, "words", "test")["confusion"]
    texts = {text.get_position(): text.get_text() for text in axes(figures("words")["confusion"]).texts}
    for i, counts in enumerate(expected):
        for j, count in enumerate(counts):
            assert texts.get((j, i), "0") == str(count)


def test_classes_have_a_curve_each(figures: Any, trained: Path) -> None:
    drawn = figures("words")
    for name in ("roc", "calibration"):
        labels = [label.split(",")[0] for label, _, _ in lines(drawn[name]) if not label.startswith("_")]
        assert labels == ["apple", "pear", "plum"]
    expected = evaluated(trained, "words", "test")["by_class"]
    areas = [label for label, _, _ in lines(drawn["roc"]) if not label.startswith("_")]
    assert areas == [f"{name}, area {own['auc']:.4f}" for name, own in expected.items()]


def test_inputs(figures: Any, trained: Path) -> None:
    found = subject(trained / "hostile").influence
    assert found is not None
    drawn = figures("hostile")
    order = np.argsort(-found.importance.mean(axis=1))
    widths = [bar.get_width() for bar in axes(drawn["importance"]).patches]
    np.testing.assert_allclose(widths, found.importance.mean(axis=1)[order])
    for place, j in enumerate(order):
        curve = found.curves[place]
        assert curve.column == found.columns[j]
        ((_, x, y),) = lines(drawn[f"dependence-{place + 1}"])
        assert y.tolist() == curve.mean[:, 0].tolist()
        assert x.tolist() == (list(range(len(curve.values))) if curve.is_of_words else curve.values.tolist())


def test_time_and_communication(figures: Any, trained: Path, tmp_path: Path) -> None:
    seconds = [json.loads(line)["seconds"] for line in (trained / "words/metrics.jsonl").read_text().splitlines()]
    ((_, _, y),) = lines(figures("words")["seconds-an-iteration"])
    np.testing.assert_allclose(y, np.diff(seconds))
    shutil.copytree(trained / "words", tmp_path / "run")
    log = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    log[4] = json.dumps({**json.loads(log[4]), "communication": [0.1, 0.25]})
    (tmp_path / "run/metrics.jsonl").write_text("\n".join(log) + "\n")
    found = [
        (x.tolist(), y.tolist())
        for _, x, y in lines(figures(str(tmp_path / "run"), only=("communication",))["communication"])
    ]
    assert found == [([4.0], [25.0]), ([4.0], [10.0])]
