"""The columns that a model predicts for a table, block by block.

To add columns: a `Part`, and its place in `Predictions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np

from distnn.data.rows import Rows
from distnn.data.selection import select
from distnn.data.tables.source import Missing
from distnn.errors import UserError
from distnn.inference import probabilities
from distnn.inference.application import Application
from distnn.inference.ensemble import Ensemble
from distnn.inference.model import Model
from distnn.kernels.blocks import Block

AS_WRITTEN = Missing(frozenset())  # nothing but an empty field is missing
BOUNDS = ("lower", "upper", "new lower", "new upper")  # of the function, then of a new observation
OF_CLASSES = ("lower", "upper", "averaged")  # bounds of an output, and its mean over what the weights may be
TRUE = "true "  # before the name of a target that is kept: the prediction has its name


class Field(NamedTuple):
    """A column. kind: what its values are: float64, str, int64 or bool; all but numbers may be masked."""

    name: str
    kind: Literal["numbers", "words", "integers", "booleans"]


class Applied(NamedTuple):
    """Rows [start, stop) of a table, r of them, as block for the network, and its outputs, d^(L) × r. Local."""

    start: int
    stop: int
    rows: Rows
    block: Block
    outputs: np.ndarray


class Part(Protocol):
    """Some of the columns. fields: replicated."""

    fields: tuple[Field, ...]

    def columns(self, applied: Applied) -> list[np.ndarray]:
        """The values of each field, (r,). Local."""


class Table(Protocol):
    """Columns of predictions that can be written. n: rows."""

    application: Application
    fields: tuple[Field, ...]
    n: int

    def block(self, number: int) -> list[np.ndarray]:
        """The values of each field for the table's block `number`, (r,) each. Local."""


class Predictions:
    """A table of `fields`, n rows. Replicated but for what `block` gives.

    keep: columns of the model's table to write beside, before the predictions. intervals: the probability with which
    bounds shall hold; None: there are none. typed: shall all be what they are,
    instead of as they are written? words: may there be some? UserError for unknown columns, and for two of one name.
    """

    def __init__(
        self,
        application: Application,
        keep: Sequence[str] = (),
        derivatives: bool = False,
        intervals: float | None = None,
        typed: bool = False,
        words: bool = True,
    ):
        self.application, model = application, application.model
        self.n = application.source.n
        outputs = Outputs(model, typed, words)
        self._parts: list[Part] = [Kept(application, keep, typed), outputs]
        if isinstance(model, Ensemble):
            self._parts.append(Spread(model, outputs.names))
        if intervals is not None:
            part = Bounds if model.preparation.classes is None else Probabilities
            self._parts.append(part(application, outputs.names, intervals))
        if derivatives:
            self._parts.append(Derivatives(model, outputs.names, application.source.path))
        self.fields = tuple(field for part in self._parts for field in part.fields)
        names, kept = [field.name for field in self.fields], [field.name for field in self._parts[0].fields]
        for name in names:
            if names.count(name) > 1:
                instead = "choose others with --keep" if name in kept else "train with targets of other names"
                raise UserError(f"Two columns would be called {name!r}: {instead}.")

    def block(self, number: int) -> list[np.ndarray]:
        """The values of each field for the table's block `number`, (r,) each. Local. UserError for bad rows."""
        application = self.application
        rows = application.read(number)
        block = application.block(rows)
        outputs = application.backpropagation.outputs(block.x)
        applied = Applied(*application.cut.bounds(number), rows, block, outputs)
        return [column for part in self._parts for column in part.columns(applied)]


class Outputs:
    """What the network gives: numbers in the units of the table; for classes the class, and then the outputs.

    names: of the outputs; labels: of the classes. typed: these are what they are, instead of as they are written;
    words: False leaves the class out.
    """

    def __init__(self, model: Model, typed: bool, words: bool):
        self.model, self._classes = model, model.preparation.classes if words else None
        targets, classes = model.preparation.targets, model.preparation.classes
        self.names = targets
        if classes is not None:
            of = classes.names if len(classes.names) == model.network.d[-1] else ("",)
            self.names = tuple(f"output {name}".rstrip() for name in of)
        self.fields = tuple(Field(name, "numbers") for name in self.names)
        if self._classes is not None:
            self.labels = self._classes.labels if typed else np.array(self._classes.names)
            self.fields = (Field(targets[0], _kind(self.labels)), *self.fields)

    def columns(self, applied: Applied) -> list[np.ndarray]:
        numbers = list(self.model.unscale(applied.outputs))
        if self._classes is None:
            return numbers
        return [self.labels[self._classes.decode(applied.outputs)], *numbers]


class Spread:
    """How far the members of an ensemble differ: the deviation of each output, in the units of the table."""

    def __init__(self, ensemble: Ensemble, outputs: Sequence[str]):
        self._ensemble, self._engine = ensemble, ensemble.backpropagation()
        self.fields = tuple(Field(f"{output} spread", "numbers") for output in outputs)

    def columns(self, applied: Applied) -> list[np.ndarray]:
        return list(self._ensemble.spread_of(self._engine, applied.block))


class Bounds:
    """Those of each output that hold with a probability, of the function and of a new observation.

    outputs: their names. UserError for a model that does not know how sure it is.
    """

    def __init__(self, application: Application, outputs: Sequence[str], probability: float):
        self._application, self._probability = application, probability
        application.model.known_certainty()
        self.fields = tuple(Field(f"{output} {bound}", "numbers") for output in outputs for bound in BOUNDS)

    def columns(self, applied: Applied) -> list[np.ndarray]:
        application = self._application
        engine, model = application.backpropagation, application.model
        return list(model.bounds_of(engine, applied.block, applied.outputs, self._probability))


class Probabilities:
    """Of each output of a model of classes its bounds, which hold with a probability, and its average.

    outputs: their names. UserError for a model that does not know how sure it is.
    """

    def __init__(self, application: Application, outputs: Sequence[str], probability: float):
        self._engine, self._probability = application.backpropagation, probability
        self._certainty = application.model.known_certainty()
        self.fields = tuple(Field(f"{output} {what}", "numbers") for output in outputs for what in OF_CLASSES)

    def columns(self, applied: Applied) -> list[np.ndarray]:
        bounds = probabilities.bounds(self._certainty, self._engine, applied.block, self._probability)
        averaged = probabilities.averaged(self._certainty, self._engine, applied.block)
        return list(np.concatenate([bounds, averaged[:, None]], axis=1).reshape(-1, averaged.shape[1]))


class Derivatives:
    """Those of each output by each input, in the units of the table. outputs: their names; where: for messages."""

    def __init__(self, model: Model, outputs: Sequence[str], where: str):
        self.model, self.where = model, where
        names = (f"d {output} / d {name}" for output in outputs for name in model.preparation.inputs)
        self.fields = tuple(Field(name, "numbers") for name in names)

    def columns(self, applied: Applied) -> list[np.ndarray]:
        found = self.model.derivative_of(applied.rows, self.where)
        return list(found.reshape(len(found), -1).T)


class Kept:
    """Columns of the table that are written beside, as they stand there.

    wanted: as for `select`. typed: what is known to be numbers, whole numbers, or true and false, is that, and else
    words; not typed: all are words, as they are written.
    """

    def __init__(self, application: Application, wanted: Sequence[str], typed: bool):
        source, preparation = application.source, application.model.preparation
        self._source, self._numbers = source, select(source, wanted)
        by_name = [source.columns[j] for j in application.columns.inputs] == [*preparation.inputs]
        targets = preparation.targets if by_name else ()  # in a table of other columns a number says nothing
        known = _known_numbers(application.model)
        fields = []
        for j in self._numbers:
            name = source.columns[j]
            kind = source.kind(j) or ("numbers" if name in known else "words")
            kind = "words" if not typed or kind == "dates" else kind
            fields.append(Field(TRUE + name if name in targets else name, kind))
        self.fields = tuple(fields)

    def columns(self, applied: Applied) -> list[np.ndarray]:
        found = []
        for j, field in zip(self._numbers, self.fields, strict=True):
            if field.kind == "numbers":
                found.append(self._values(applied, j))
                continue
            _, (words,) = self._source.read(applied.start, applied.stop, [], [j], missing=AS_WRITTEN)
            found.append(self._converted(words, field))
        return found

    def _values(self, applied: Applied, column: int) -> np.ndarray:
        """A column as float64; also an infinite one, which `read` refuses where a number is to be computed with."""
        try:
            return self._source.read(applied.start, applied.stop, [column], missing=AS_WRITTEN)[0][:, 0]
        except UserError:
            _, (words,) = self._source.read(applied.start, applied.stop, [], [column], missing=AS_WRITTEN)
            try:
                return np.array([float(word) if word else np.nan for word in words.tolist()])
            except ValueError:
                pass
            raise

    def _converted(self, words: np.ndarray, field: Field) -> np.ndarray:
        """Words as what they are; masked where they are empty, if they are no words."""
        if field.kind == "words":
            return words
        gaps = words == ""
        convert: Callable[[np.ndarray], np.ndarray] = _truth if field.kind == "booleans" else _whole
        try:
            return np.ma.masked_array(convert(np.where(gaps, "0", words)), gaps)
        except (ValueError, OverflowError):
            raise UserError(
                f"{self._source.path}: column {field.name} holds whole numbers beyond 2^63: write it to a .csv."
            ) from None


def _whole(words: np.ndarray) -> np.ndarray:
    return words.astype(np.int64)


def _truth(words: np.ndarray) -> np.ndarray:
    return words == "True"


def _known_numbers(model: Model) -> set[str]:
    """The names of columns that the model knows to be numbers."""
    preparation = model.preparation
    inputs = preparation.inputs
    if preparation.encodings:
        pairs = zip(inputs, preparation.encodings, strict=True)
        inputs = tuple(name for name, encoding in pairs if encoding.kind == "numbers")
    return {*inputs, *(preparation.targets if preparation.classes is None else ())}


def _kind(labels: np.ndarray) -> Literal["numbers", "words", "integers", "booleans"]:
    """The kind of a column of labels."""
    kinds: dict[str, Literal["numbers", "integers", "booleans"]] = {"f": "numbers", "i": "integers", "b": "booleans"}
    return kinds.get(labels.dtype.kind, "words")
