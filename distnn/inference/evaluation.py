"""How well a model does on a table with targets: the error that it was trained for, and what users know errors by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from operator import add
from typing import Any

import numpy as np

from distnn.data.class_weights import block_weights
from distnn.data.fingerprints import hash_rows
from distnn.data.rows import Rows
from distnn.data.sampling import for_test, held_out, trained
from distnn.data.weights import scaled
from distnn.errors import UserError
from distnn.inference.application import Application
from distnn.inference.ensemble import Ensemble
from distnn.inference.measures import Seen
from distnn.inference.measures.auc import Areas, sides_of_classes
from distnn.inference.measures.averaged import AveragedLoss
from distnn.inference.measures.classes import Confusion
from distnn.inference.measures.labels import Labels, sides
from distnn.inference.measures.numbers import Residuals
from distnn.inference.measures.sureness import Sureness
from distnn.inference.measures.worst import Worst
from distnn.inference.model import Model
from distnn.kernels.algebra import total
from distnn.kernels.blocks import Block
from distnn.network.error_functions import takes_probabilities
from distnn.parallel.ranks import on_root
from distnn.parallel.reduction import ExactSum


def evaluate(application: Application, which: str, worst: int = 0, leverage: int = 0) -> dict[str, Any]:
    """E and what else is known of the model on the table, for JSON. Collective, replicated; exact like E_in.

    which: "all" rows, those "trained" on, "held-out", or kept for the "test". n is Σ weights, E = (1/n) Σ e. For
    numbers, by target: rmse, mae, and R2 or None if the target is constant; of a model that knows how sure it is,
    coverage and log_density. For classes: right, the share that is; confusion, K × K, true class by predicted class;
    log_loss and auc, None where there is none, and averaged_log_loss of a model that knows how sure it is; precision,
    recall and f1 by class and their means. For labels, of which a row may have several, besides: the share of the rows
    with all of them right; precision, recall, f1 and auc by label. Where the table has weights, an example counts as
    its weight, everywhere; where the training weighed classes, these weights count in E, and only there. worst: so many
    rows with the largest errors, by target or of all. leverage: of the rows trained on, left_out_rmse and gamma by
    target, and so many rows with the largest leverages. UserError, on all ranks, if there are no such rows, or for what
    reading them refuses.
    """
    if which != "all":
        application.deal_folds()
    if leverage:
        _require_trained(application, which)
    _require_such_rows(application.model, which)
    classes = application.model.preparation.classes
    exponent = 0 if application.columns.weight is None else application.weight_exponent()
    measures = _Measures(application, exponent, worst, leverage)
    sums = ExactSum(application.ranks, [1, 1, 1, *measures.sizes], len(application.blocks), application.cut.count)
    hashes = np.zeros(len(application.blocks), np.int64)

    def term(j: int, out: np.ndarray) -> None:
        every = application.rows(j)
        hashes[j] = hash_rows(every) if len(every) else 0
        rows = chosen(application, which, every)
        rows = replace(rows, weights=scaled(rows.weights, exponent))
        block = application.block(rows)
        weights = np.ones(len(rows)) if rows.weights is None else rows.weights
        out[0] = total(weights)
        if classes is not None and classes.weights:
            block = block._replace(weights=block_weights(block, classes, weights).astype(block.x.dtype))
        out[1] = len(rows) if block.weights is None else total(block.weights.astype(np.float64))
        out[2] = application.backpropagation.error(block)
        seen = Seen(rows, block.y, application.backpropagation.outputs(block.x), weights)
        measures.write(j, seen, block, out[3:])

    found = sums(term)
    if which != "all" or leverage:
        _require_same_table(application, which, hashes)
    n = float(found[0])
    if n == 0:
        raise UserError(f"{application.source.path}: there are no rows to evaluate on (--rows {which}).")
    E = float(found[2]) / float(found[1])
    return {"n": float(np.ldexp(n, -exponent)), "E": E, **measures.result(found[3:], n)}


class _Measures:
    """All that `evaluate` finds beside E. sizes: of what is added up over the examples; exponent: of their weights."""

    def __init__(self, application: Application, exponent: int, worst: int, leverage: int):
        model, weighted = application.model, application.columns.weight is not None
        preparation, classes, certainty = model.preparation, model.preparation.classes, model.certainty
        self.application, self.exponent = application, exponent
        self.errors = Residuals(preparation) if classes is None else Confusion(classes, weighted)
        self.sure: Sureness | None = None
        self.loss: AveragedLoss | None = None
        self.areas: Areas | None = None
        if certainty and classes is None:
            self.sure = Sureness(certainty, preparation, application.backpropagation, exponent, leverage)
        elif certainty and isinstance(self.errors, Confusion) and self.errors.probable:
            self.loss = AveragedLoss(certainty, self.errors.classes, application.backpropagation)
        self.labels = Labels(preparation.targets, weighted) if _gives_labels(model) else None
        if classes is not None or self.labels:
            self.areas = Areas(sides if classes is None else sides_of_classes(classes), weighted, application.source.n)
        self.worst = [Worst(worst) for _ in (preparation.targets if classes is None else "1")] if worst else []
        each = [part.sizes if part else () for part in (self.errors, self.sure or self.loss, self.labels)]
        self.sizes = [size for sizes in each for size in sizes]
        self._ends = np.cumsum([sum(sizes) for sizes in each])[:-1]

    def write(self, j: int, seen: Seen, block: Block, out: np.ndarray) -> None:
        """What the chosen rows of this rank's block j add to the sums. Local."""
        of_errors, of_certainty, of_labels = np.split(out, self._ends)
        self.errors.write(seen, of_errors)
        if self.sure:
            self.sure.write(seen, block, self.errors.errors(seen), of_certainty)
        if self.loss:
            self.loss.write(seen, block, of_certainty)
        if self.labels:
            self.labels.write(seen, of_labels)
        if self.areas:
            self.areas.look(j, seen)
        for worst_of, errors in zip(self.worst, self.errors.errors(seen) if self.worst else (), strict=True):
            worst_of.offer(seen.rows.numbers, *errors)

    def result(self, found: np.ndarray, n: float) -> dict[str, Any]:
        """What the sums say, n being that of the weights. Collective, replicated."""
        of_errors, of_certainty, of_labels = np.split(found, self._ends)
        result, ranks = self.errors.result(of_errors, n, self.exponent), self.application.ranks
        targets = list(result["targets"].values()) if "targets" in result else []
        if self.sure:
            for name, known in self.sure.result(of_certainty, n).items():
                result["targets"][name] |= known
            for place, highest in zip(targets, self.sure.highest, strict=False):
                place["leverages"] = _shown(self.application, highest.result(ranks), "leverage")
        if self.loss:
            result |= self.loss.result(of_certainty, n)
        if self.labels and (by_label := self.labels.result(of_labels, n, self.exponent)):
            result["labels"] = by_label
            areas = self.areas.result(ranks) if self.areas else ()
            for own, area in zip(by_label["by_label"].values(), areas, strict=True):
                own["auc"] = area
        elif self.areas and not self.labels:
            _add_areas(result, self.areas.result(ranks))
        for place, worst_of in zip(targets or [result], self.worst, strict=False):
            place["worst"] = _shown(self.application, worst_of.result(ranks))
        return result


def _gives_labels(model: Model) -> bool:
    """Is each output the probability of a label, of which a row may have several?"""
    return (
        model.preparation.classes is None
        and model.network.output_theta == "logistic"
        and takes_probabilities(model.error)
    )


def _add_areas(result: dict[str, Any], areas: Sequence[float | None]) -> None:
    """Enter the areas under the ROC curves: of two classes the one that there is; else each, and their mean."""
    if len(areas) == 1:
        result["auc"] = areas[0]
        return
    known = [area for area in areas if area is not None]
    result["auc"] = math.fsum(known) / len(known) if len(known) == len(areas) else None
    for own, area in zip(result["by_class"].values(), areas, strict=True):
        own["auc"] = area


def _require_trained(application: Application, which: str) -> None:
    """UserError where the model has no certainty, or other rows than the training's are asked for."""
    if application.model.preparation.classes is not None:
        raise UserError("--leverage is for models of numbers, and this one predicts classes: leave it out.")
    if isinstance(application.model, Ensemble):
        raise UserError("--leverage is of one training, and this is an ensemble: give one of its members.")
    known = application.model.held_out
    if not (which == "trained" or (which == "all" and not known["share"] and not known.get("test"))):
        raise UserError(f"--leverage is of the rows that were trained on, not of --rows {which}: give --rows trained.")
    application.model.known_certainty()


def _shown(application: Application, rows: np.ndarray, size_is: str = "error") -> list[dict[str, Any]]:
    """Rows as `Worst` gives them, for JSON; place: where the row is, as error messages have it. Collective."""
    classes, source = application.model.preparation.classes, application.source
    places = on_root(application.ranks, lambda: [source.place(row) for row in rows["row"].tolist()])
    found = []
    for place, (row, size, true, predicted) in zip(places, rows.tolist(), strict=True):
        if classes is not None:
            true, predicted = classes.names[int(true)], classes.names[int(predicted)]
        found.append({"row": row, "place": place, "true": true, "predicted": predicted, size_is: size})
    return found


def _require_such_rows(model: Model, which: str) -> None:
    """UserError where the training kept no rows apart for this. Local."""
    if which == "held-out" and not model.held_out["share"]:
        raise UserError("--rows held-out: the training held no rows out, which --validation 0.1 does: use --rows all.")
    if which == "test" and not model.held_out.get("test"):
        raise UserError("--rows test: the training kept no rows for a test, which --test 0.1 does: use --rows all.")


def _require_same_table(application: Application, which: str, hashes: np.ndarray) -> None:
    """UserError unless these rows are the table that was trained on: its rows were held out, of no other. Collective.

    hashes: of this rank's blocks, int64. Of older models it is not known which that was.
    """
    digest = application.ranks.merged(int(hashes.sum()), add)
    if "of" in application.model.held_out and not application.is_of_training(digest):
        option, instead = ("--leverage", "leave it out") if which == "all" else (f"--rows {which}", "use --rows all")
        raise UserError(
            f"{option} is for the table that the model was trained on, and {application.source.path} is another one, "
            f"or has changed: {instead}."
        )


def for_json(found: Any) -> Any:
    """What `evaluate` found, with None for numbers that JSON does not have: those beyond the range of float64."""
    if isinstance(found, dict):
        return {name: for_json(value) for name, value in found.items()}
    if isinstance(found, list):
        return list(map(for_json, found))
    return None if isinstance(found, float) and not math.isfinite(found) else found


def chosen(application: Application, which: str, rows: Rows) -> Rows:
    """Those of the rows that are asked for, by `which` of `evaluate`. Local."""
    if which == "all":
        return rows
    known, numbers = application.model.held_out, rows.numbers
    seed, share, test = known["seed"], known["share"], known.get("test", 0.0)  # which older models lack
    if application.folds is not None:
        tested = application.folds.of(numbers) == known["fold"]
        masks = {"test": tested, "held-out": held_out(seed, share, numbers) & ~tested}
        masks["trained"] = ~(tested | masks["held-out"])
        return rows.select(masks[which])
    if which == "held-out":
        return rows.select(held_out(seed, share, numbers))
    return rows.select(for_test(seed, test, numbers) if which == "test" else trained(seed, share, test, numbers))
