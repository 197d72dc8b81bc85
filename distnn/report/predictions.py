"""What a model says of a table: every row's prediction, how well it does, and a sample of rows to try its inputs on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from distnn.data.fingerprints import hash_rows
from distnn.data.rows import Rows
from distnn.errors import UserError
from distnn.inference.application import Application
from distnn.inference.evaluation import chosen, evaluate
from distnn.inference.model import Model
from distnn.streams import stream

SAMPLE = 10_000  # rows that inputs are tried on, at most
WORST = 20  # rows with the largest errors


@dataclass
class Predictions:
    """Local. r rows of a table, m targets or K classes.

    named: is the table a file? which: of its rows: "all", those "held-out", or those kept for the "test". numbers: of
    these in the table, (r,). true, predicted: r × m in the units of the table; or for classes their numbers, (r,).
    scores: r × K, how much each class is taken for the true one, from 0 to 1; None for numbers. weights: (r,) or None.
    rows: of the table. inputs, answers: of a sample of the rows shown, as Rows has inputs, s × d^(0), and as `true`.
    evaluations: what `evaluate` says, by kind of rows; of those shown with the worst ones. trained_on: were some of
    the rows shown? lacking: sentences.
    """

    path: str
    named: bool
    which: str
    numbers: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray | None
    weights: np.ndarray | None
    rows: int
    inputs: np.ndarray
    answers: np.ndarray
    evaluations: dict[str, dict[str, Any]]
    trained_on: bool
    lacking: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """For captions: which rows are shown."""
        return {"held-out": "rows that training held out", "test": "rows kept for the test"}.get(self.which, "rows")

    @property
    def thinned(self) -> str:
        """For captions: how many these are."""
        of = f" of the table's {self.rows:,}" if len(self.numbers) < self.rows else ""
        return f"{len(self.numbers):,} {self.kind}{of}"


def predict(
    application: Application, named: bool, most: int, only_same: bool, every: bool = False
) -> Predictions | None:
    """Go through the table of `application`, on its one rank. UserError for what reading it refuses.

    named: is it a file? most: rows whose predictions are kept; of larger tables a part is, evenly spread. only_same:
    None is returned where the table is not the one that the model was trained on. every: show all rows, also where some
    were held out. Memory: 16 bytes a row kept and a target or class.
    """
    model, n = application.model, application.cut.n
    application.deal_folds()
    kinds = _kinds(model)
    shown, share = kinds[-1], min(1.0, most / n)
    parts, sampled, digest = _gone_through(application, shown, share)
    if not parts:
        raise UserError(f"{application.source.path}: there are no rows to show.")
    same = application.is_of_training(digest)
    if only_same and not same:
        return None
    numbers, true, predicted, scores, own, weights = (np.concatenate(found) for found in zip(*parts, strict=True))
    inputs, answers, own_sample = (np.concatenate(found) for found in zip(*sampled, strict=True))
    if every or not (same and own.any()):
        shown, kinds, own, own_sample = "all", ["all"], np.ones_like(own), np.ones_like(own_sample)
    found = Predictions(
        application.source.path,
        named,
        shown,
        numbers[own],
        true[own],
        predicted[own],
        scores[own] if model.preparation.classes else None,
        None if application.columns.weight is None else weights[own],
        n,
        inputs[own_sample][:SAMPLE],
        answers[own_sample][:SAMPLE],
        {kind: evaluate(application, kind, WORST * (kind == shown)) for kind in kinds},
        same and shown == "all",
    )
    if not same:
        found.lacking.append(
            f"{found.path} is not the table that the model was trained on, or has changed since: all of its rows are "
            "shown."
        )
    if share < 1:
        found.lacking.append(
            f"{found.path} has {n:,} rows: figures are of {len(numbers):,} of them, evenly spread (--most-rows); "
            "the errors in the table are of all."
        )
    return found


def _gone_through(
    application: Application, kind: str, share: float
) -> tuple[list[tuple[np.ndarray, ...]], list[tuple[np.ndarray, ...]], int]:
    """By blocks, of a share of the rows: numbers, true, predicted, scores, are they of this kind, weights; of a sample:
    inputs, true, are they of this kind; and the digest of all rows.
    """
    n, held_out = application.cut.n, application.model.held_out
    expected = n * (held_out.get("test", 0.0) or held_out["share"] or 1.0)  # rows of this kind
    parts: list[tuple[np.ndarray, ...]] = []
    sampled: list[tuple[np.ndarray, ...]] = []
    digest, weighted = 0, application.columns.weight is not None
    for number, block in enumerate(application.blocks):
        rows = application.rows(number)
        if not len(rows):
            continue
        digest += int(hash_rows(rows))
        own = np.isin(rows.numbers, chosen(application, kind, rows).numbers)
        lots = stream(0, "report", block).random(len(rows))
        keep = lots < share
        rows, own, lots = rows.select(keep), own[keep], lots[keep]
        if not len(rows):
            continue
        prepared = application.block(rows)
        outputs = application.backpropagation.outputs(prepared.x)
        true, predicted, scores = _compared(application, rows, prepared.y, outputs)
        weights = rows.weights if weighted and rows.weights is not None else np.ones(len(rows))
        parts.append((rows.numbers, true, predicted, scores, own, weights))
        # as many of either kind as are needed, whichever of them will be shown
        few = lots < 1.2 * SAMPLE / np.where(own, max(1.0, expected), n)
        sampled.append((rows.inputs[few], true[few], own[few]))
    return parts, sampled, digest


def _kinds(model: Model) -> list[str]:
    """The kinds of rows in the table that the model was trained on; the last one says the most of its quality."""
    known = model.held_out
    parts = [name for name, share in (("held-out", known["share"]), ("test", known.get("test", 0.0))) if share > 0]
    return ["trained", *parts] if parts else ["all"]


def _compared(application: Application, rows: Rows, y: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, ...]:
    """What is true, what is predicted, and the scores of classes, of a block, d^(L) × r. Rows come first."""
    preparation = application.model.preparation
    classes = preparation.classes
    if classes is None:
        true, predicted = preparation.untransformed(rows.targets.T).T, preparation.in_units(outputs).T
        return true, predicted, np.empty((len(true), 0))
    return classes.decode(y), classes.decode(outputs), scores_of(application.model, outputs)


def scores_of(model: Model, outputs: np.ndarray) -> np.ndarray:
    """How much each of K classes is taken for the true one, r × K, from 0 to 1, by outputs d^(L) × r. Local.

    Probabilities where the network was trained by cross-entropy.
    """
    classes = model.preparation.classes
    assert classes is not None
    low, high = classes.levels
    found = np.clip((outputs.T.astype(np.float64) - low) / (high - low), 0, 1)
    return np.hstack([1 - found, found]) if classes.width == 1 else found
