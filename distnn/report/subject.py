"""What a report is about, and what a figure of it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from distnn.inference.model import Model
from distnn.report.compared import Compared
from distnn.report.history import History
from distnn.report.influence import Influence
from distnn.report.intervals import Intervals
from distnn.report.predictions import Predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TARGETS = 6  # that are drawn, at most


@dataclass
class Subject:
    """Everything that figures and sections are made of. Local.

    histories: of the run, or of several that are compared, or of several in one directory. model, predictions,
    influence, intervals, compared: None where they are not known. model_path: where the model was read. lacking:
    what is not known, and why, in sentences. commands: how to repeat it.
    """

    title: str
    histories: list[History]
    model: Model | None = None
    model_path: str = ""
    predictions: Predictions | None = None
    influence: Influence | None = None
    intervals: Intervals | None = None
    compared: Compared | None = None
    lacking: list[str] = field(default_factory=list)
    commands: list[tuple[str, str]] = field(default_factory=list)

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the columns that are numbers to predict; none for a classifier."""
        if self.model is None or self.model.preparation.classes:
            return ()
        return self.model.preparation.targets

    @property
    def drawn(self) -> list[int]:
        """The places of the targets that are drawn: of more than TARGETS those that are predicted worst."""
        if self.predictions is None or len(self.targets) <= TARGETS:
            return list(range(len(self.targets)))
        true = self.predictions.true
        error = np.mean((true - self.predictions.predicted) ** 2, axis=0) / np.maximum(true.var(axis=0), 1e-300)
        return sorted(np.argsort(-error, kind="stable")[:TARGETS].tolist())

    @property
    def left_out(self) -> str:
        """For captions: which targets are drawn, where not all are. A space comes first."""
        return f" Of {len(self.targets)} targets the {TARGETS} that are predicted worst are drawn." * (
            self.predictions is not None and len(self.targets) > TARGETS
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; none for a regression."""
        if self.model is None or self.model.preparation.classes is None:
            return ()
        return self.model.preparation.classes.names


class Drawing(NamedTuple):
    """A figure. name: of its files, like no other. caption: what is to be seen, in sentences."""

    name: str
    caption: str
    figure: Figure
