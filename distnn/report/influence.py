"""What each input does to the predictions: permutation importance, and partial dependence.

L. Breiman, "Random forests", Machine Learning 45 (2001); J. Friedman, "Greedy function approximation: a gradient
boosting machine", Annals of Statistics 29 (2001). Both as scikit-learn defines them: its permutation_importance, with
R² or accuracy as the score, and its partial_dependence by brute force.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distnn.data.encoding import PLAIN, TRANSFORMS, Encoding, encode
from distnn.data.rows import Rows
from distnn.inference.model import Model
from distnn.inference.scores import r_squared
from distnn.network.weights import weight_count
from distnn.report.predictions import Predictions, scores_of
from distnn.streams import stream

REPEATS = 5  # permutations of a column
CURVES = 12  # inputs whose partial dependence is shown, at most: the most important ones
GRID = 40  # values on such a curve
RANGE = (0.05, 0.95)  # it goes from this quantile to that one
WORK = 4e11  # multiplications for either, some ten seconds of a core
FEWEST, MOST = 50, 10_000  # rows


@dataclass
class Curve:
    """The mean prediction, (values, m or K), where an input has each of these values in every row. values: or words."""

    column: str
    values: np.ndarray
    mean: np.ndarray

    @property
    def is_of_words(self) -> bool:
        return self.values.dtype.kind == "U"


@dataclass
class Influence:
    """Local. columns: the inputs' names. importance: by column and permutation, (columns, REPEATS): by how much the
    score falls where that column's values are dealt out anew. score: that of the predictions, R² or accuracy.
    rows: that were permuted; curve_rows: that curves are means over. curves: of the most important columns, first."""

    columns: tuple[str, ...]
    score: float
    importance: np.ndarray
    rows: int
    curves: list[Curve]
    curve_rows: int


def influence(model: Model, predictions: Predictions) -> Influence:
    """Try the inputs on the sample of rows that `predictions` has. Local; the same for the same sample."""
    columns = model.preparation.inputs
    work = 2 * weight_count(model.network.d)
    rows = _affordable(len(predictions.inputs), work * REPEATS * len(columns))
    curve_rows = _affordable(len(predictions.inputs), work * GRID * min(CURVES, len(columns)))
    inputs, answers = predictions.inputs[:rows], predictions.answers[:rows]
    whole, importance = permutation_importance(model, inputs, answers)
    order = np.argsort(-importance.mean(axis=1), kind="stable")[:CURVES]
    curves = [partial_dependence(model, int(j), predictions.inputs[:curve_rows]) for j in order]
    return Influence(columns, whole, importance, rows, curves, curve_rows)


def _affordable(rows: int, work: float) -> int:
    """How many of the rows may be used where each costs so many multiplications."""
    return min(rows, MOST, max(FEWEST, int(WORK / work)))


def permutation_importance(model: Model, inputs: np.ndarray, answers: np.ndarray) -> tuple[float, np.ndarray]:
    """The score of the rows, and by how much it falls by column and permutation, (columns, REPEATS). Local.

    inputs: r × d^(0), as Rows has them; answers: r × m in the units of the table, or the numbers of classes, (r,).
    Every column is permuted alike, by draws that depend on r alone.
    """
    whole = score(answers, _answers(model, inputs))
    orders = [stream(0, "report", number).permutation(len(inputs)) for number in range(REPEATS)]
    groups = places(model)
    falls = np.empty((len(groups), REPEATS))
    for j, group in enumerate(groups):
        tried = inputs.copy()
        for number, order in enumerate(orders):
            tried[:, group] = inputs[order, group]
            falls[j, number] = whole - score(answers, _answers(model, tried))
    return whole, falls


def partial_dependence(model: Model, column: int, inputs: np.ndarray) -> Curve:
    """The mean prediction over the rows where a column has one value after another, in the units of the table. Local.

    inputs: r × d^(0). Numbers are GRID values from one quantile of theirs to another, or all that there are.
    """
    name, encoding, group = model.preparation.inputs[column], _encodings(model)[column], places(model)[column]
    values = _grid(encoding, inputs[:, group])
    encoded = encode([encoding], [values])
    tried, mean = inputs.copy(), []
    for row in encoded:
        tried[:, group] = row
        outputs = _outputs(model, tried)
        found = scores_of(model, outputs) if model.preparation.classes else model.unscale(outputs).T
        mean.append(found.mean(axis=0))
    return Curve(name, values, np.array(mean))


def _grid(encoding: Encoding, encoded: np.ndarray) -> np.ndarray:
    """Values of a column, numbers or words, that occur in the rows, or lie between. encoded: r × its width."""
    if encoding.kind == "words":
        return np.array(encoding.categories)
    numbers = encoded[:, 0]
    if encoding.indicator and (there := encoded[:, -1] == 0).any():
        numbers = numbers[there]
    if encoding.transform is not None:
        numbers = TRANSFORMS[encoding.transform].inverse(numbers)
    found = np.unique(numbers)
    return (
        found
        if len(found) < GRID
        else np.linspace(np.quantile(numbers, RANGE[0]), np.quantile(numbers, RANGE[1]), GRID)
    )


def places(model: Model) -> list[slice]:
    """Which inputs of the network each column of the table became."""
    ends = np.cumsum([encoding.width for encoding in _encodings(model)]).tolist()
    return [slice(start, stop) for start, stop in zip([0, *ends], ends, strict=False)]


def _encodings(model: Model) -> tuple[Encoding, ...]:
    return model.preparation.encodings or (PLAIN,) * len(model.preparation.inputs)


def _outputs(model: Model, inputs: np.ndarray) -> np.ndarray:
    block = model.preparation.block(Rows.of_inputs(inputs), model.dtype)
    return model.backpropagation().outputs(block.x)


def _answers(model: Model, inputs: np.ndarray) -> np.ndarray:
    outputs, classes = _outputs(model, inputs), model.preparation.classes
    return classes.decode(outputs) if classes else model.unscale(outputs).T


def score(true: np.ndarray, predicted: np.ndarray) -> float:
    """The share of classes, (r,), that is right; of numbers, r × m, R², the mean over targets."""
    return float((true == predicted).mean()) if true.ndim == 1 else r_squared(predicted, true)
