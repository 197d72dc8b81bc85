"""A trained model: network, preparation of the table, and how it was trained; stored in one file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np

from distnn.data.encoding import TRANSFORMS, slopes
from distnn.data.preparation import Preparation
from distnn.data.rows import Rows
from distnn.data.tables.source import listed
from distnn.data.tables.written import AS_IT_LOOKS, Written
from distnn.errors import UserError, require_flag
from distnn.inference import probabilities, scores
from distnn.inference.certainty import Certainty, quantile
from distnn.inference.inputs import WHERE, rows_of
from distnn.kernels.blocks import Block
from distnn.network.backpropagation import Backpropagation
from distnn.network.derivative import derivative, require_derivative
from distnn.network.error_functions import error_function
from distnn.network.network import Network
from distnn.network.weights import layers, weight_count
from distnn.storage import files
from distnn.words import many

DERIVATIVES = 1 << 20  # numbers of a layer at a time


@dataclass
class Model:
    """A network together with the preparation that its inputs and outputs need. Replicated.

    error: the error function that it was trained for; dtype: that of the arithmetic, "float64" or "float32".
    held_out: the share of the rows that training held out, that of the "test", and the seed that chose them; the
    fingerprint "of" the table and the "rows" of a block; older models lack all but share and seed. header: what
    --header said of a text table; written: its delimiter, decimal mark and encoding, as far as they were said.
    certainty: where the training was asked for it, how sure the model is; uncertain: why that is not known, in a
    sentence, where it was asked for.
    """

    network: Network
    preparation: Preparation
    error: str
    dtype: str = "float64"
    held_out: dict[str, Any] = field(default_factory=lambda: {"share": 0.0, "seed": 0})
    header: bool | None = None
    certainty: Certainty | None = None
    written: Written = AS_IT_LOOKS
    uncertain: str = ""

    def __repr__(self) -> str:
        """What it computes from what, and how."""
        preparation, network = self.preparation, self.network
        classes = f" ({listed(preparation.classes.names, 6)})" if preparation.classes else ""
        return (
            f"<Model of {listed(preparation.targets, 6)}{classes} from {listed(preparation.inputs, 6)}: {network!r}, "
            f"{many(network.w.size, 'weight')}, {self.error} error, {self.dtype}>"
        )

    def __call__(self, X: Any) -> np.ndarray:
        """Predictions for the rows of X, n × d^(0), in the units of the table: n × d^(L) float64. Local.

        For a classifier these are the outputs of the network; `classify` gives names of classes.
        """
        return self.unscale(self.outputs(X)).T

    def classify(self, X: Any) -> np.ndarray:
        """The classes (n,) that the rows of X most likely belong to: words, integers, numbers or booleans. Local."""
        if self.preparation.classes is None:
            raise UserError("This model was trained on numbers, not on classes: call it to get its predictions.")
        return self.preparation.classes.labels[self.preparation.classes.decode(self.outputs(X))]

    def outputs(self, X: Any) -> np.ndarray:
        """The outputs of the network, d^(L) × n of `dtype`, for the rows of X, n × the table's inputs. Local.

        A frame's columns are found by name, an array's by place. UserError for inputs of another shape, or that are not
        finite and not filled in.
        """
        block = self.preparation.block(rows_of(X, self.preparation), self.dtype, WHERE)
        return self.backpropagation().outputs(block.x)

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> np.ndarray: ...
    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[np.ndarray, np.ndarray]: ...
    def predict(self, X: Any, return_std: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """The classes (n,) that the rows of X most likely belong to; of a model of numbers their values, n × m. Local.

        return_std: these, and the deviations of new observations, n × m; UserError where training was not asked for it
        (--intervals), a target was transformed, or the model is of classes.
        """
        require_flag("return_std", return_std)
        found = self(X) if self.preparation.classes is None else self.classify(X)
        return (found, self.deviations(X)[1]) if return_std else found

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probabilities of the classes, in the order of their labels, for the rows of X: n × classes. Local.

        UserError for a model of numbers, and for one whose outputs are no probabilities.
        """
        if self.preparation.classes is None:
            raise UserError("This model was trained on numbers, which have no probabilities: take `bounds`.")
        scores.require_probabilities(self.network.output_theta, self.error)
        return scores.as_probabilities(self(X), self.network.output_theta)

    def score(self, X: Any, Y: Any) -> float:
        """R² on these rows, the mean over targets, or the share of classes that are right. Local.

        Y: as for `fit`. UserError if it has not a row for each of X, lacks a value, or is not of the kind that the
        model predicts.
        """
        if np.ma.is_masked(Y):
            raise UserError(scores.GAP.format(row=np.argwhere(np.ma.getmaskarray(Y))[0][0]))
        found = self.predict(X)
        try:
            Y = np.asarray(Y)
        except ValueError:
            raise UserError("Y is no array: its rows have different lengths.") from None
        if Y.ndim == 0 or len(Y) != len(found):
            rows = f"Y {len(Y)}" if Y.ndim else "Y none"
            raise UserError(f"X has {len(found)} rows and {rows}: give a row of Y for each of X.")
        if not len(found):
            raise UserError("X and Y have no rows: there is no score without any.")
        classes = self.preparation.classes
        return scores.r_squared(found, Y) if classes is None else scores.share_right(classes, found, Y)

    def deviations(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Standard deviations at the rows of X, in the units of the table: of the function, and of new observations.

        Each n × m, float64: at the noise that was estimated. `bounds` are as many of them away as Student's t says,
        with `certainty.freedom` degrees of freedom, since the noise is not known better. Local. UserError as for
        `predict`.
        """
        if self.preparation.classes is not None:
            raise UserError("Classes have no deviations: take `bounds` and `probabilities`.")
        if any(self.preparation.transforms):
            raise UserError("A target was transformed, so its deviations are not the same up and down: take `bounds`.")
        certainty, scaling = self.known_certainty(), self.preparation.target_scaling
        assert scaling is not None
        block = self.preparation.block(rows_of(X, self.preparation), self.dtype, WHERE)
        variances = certainty.variances(self.backpropagation(), block)
        own, observed = (
            np.sqrt(of) * scaling.deviation[:, None] for of in (variances, variances + certainty.noise[:, None])
        )
        return own.T, observed.T

    def bounds(self, X: Any, probability: float = 0.95) -> np.ndarray:
        """Lower and upper bound of the function, then of a new observation, in the table's units: n × m × 4. Local.

        Of classes lower and upper bound of each output, n × d^(L) × 2. Each pair holds it with this probability, as far
        as the model knows. UserError where training was not asked for it (--intervals).
        """
        quantile(probability)  # which refuses what is none
        block = self.preparation.block(rows_of(X, self.preparation), self.dtype, WHERE)
        engine, certainty = self.backpropagation(), self.known_certainty()
        if self.preparation.classes is not None:
            return probabilities.bounds(certainty, engine, block, probability).transpose(2, 0, 1)
        found = self.bounds_of(engine, block, engine.outputs(block.x), probability)
        return found.reshape(len(self.preparation.targets), 4, block.x.shape[1]).transpose(2, 0, 1)

    def probabilities(self, X: Any) -> np.ndarray:
        """The outputs of a model of classes, averaged over what its weights may be: n × d^(L), float64. Local.

        UserError where training was not asked for it (--intervals), and for a model of numbers.
        """
        if self.preparation.classes is None:
            raise UserError("This model was trained on numbers, which have no probabilities: take `bounds`.")
        block = self.preparation.block(rows_of(X, self.preparation), self.dtype, WHERE)
        return probabilities.averaged(self.known_certainty(), self.backpropagation(), block).T

    def bounds_of(self, engine: Backpropagation, block: Block, outputs: np.ndarray, probability: float) -> np.ndarray:
        """As `bounds`, of a block and its outputs: 4 m × rows, those of a target one below another. Local."""
        certainty = self.known_certainty()
        found = certainty.bounds(outputs, certainty.variances(engine, block), probability)
        in_units = [self.unscale(found[:, which]) for which in range(4)]
        return np.concatenate(np.stack(in_units, axis=1))

    def known_certainty(self) -> Certainty:
        """The certainty. UserError where there is none."""
        if self.certainty is None:
            advice = "train it with --intervals all (fit: intervals='all')."
            raise UserError(f"This model does not hold how sure it is: {self.uncertain or advice}")
        return self.certainty

    def derivative(self, X: Any) -> np.ndarray:
        """∂y_k/∂x_j at the rows of X, n × d^(0), exact, in the units of the table: n × d^(L) × d^(0) float64. Local.

        In float64, with the weights that the model computes with; for a classifier y are the network's outputs.
        NaN for columns of words; where a value is missing, at the value that is filled in. UserError for inputs that
        `outputs` refuses, and for a network of signs.
        """
        return self.derivative_of(rows_of(X, self.preparation))

    def derivative_of(self, rows: Rows, where: str = WHERE) -> np.ndarray:
        """As `derivative`, of rows as they were read: r × d^(L) × d^(0). Local. where: their table, for messages."""
        d = self.network.d
        parts = max(1, len(rows) * d[-1] * max(d) // DERIVATIVES)
        cuts = np.array_split(rows.inputs, parts)
        return np.concatenate([self._derivative(Rows.of_inputs(inputs), where) for inputs in cuts])

    def _derivative(self, rows: Rows, where: str) -> np.ndarray:
        """The same, of a few rows."""
        network, preparation = self.network, self.preparation
        require_derivative(network.theta, network.output_theta, network.L)
        W = layers(network.w.astype(self.dtype).astype(np.float64), network.d)
        block = preparation.block(rows, self.dtype, where)
        found = derivative(W, network.theta, network.output_theta, block.x[1:].T.astype(np.float64))
        found /= preparation.input_scaling.divisor
        if preparation.encodings:
            found = slopes(preparation.encodings, found, rows.inputs)
        if preparation.target_scaling is not None:
            found *= preparation.target_scaling.deviation[:, None]
        if any(preparation.transforms):
            u = preparation.target_scaling.undo(self.backpropagation().outputs(block.x))  # type: ignore[union-attr]
            for k, name in enumerate(preparation.transforms):
                if name is not None:
                    found[:, k] /= TRANSFORMS[name].slope(u[k])[:, None]
        return found

    def backpropagation(self) -> Backpropagation:
        """The network ready to compute on blocks."""
        engine = Backpropagation(self.network, self.error, np.dtype(self.dtype))
        engine.load(self.network.w)
        return engine

    def unscale(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs d^(L) × n in the units of the targets, float64."""
        return self.preparation.in_units(outputs)

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays to store, but for those of the certainty, which a checkpoint does without."""
        return {"w": self.network.w, **self.preparation.tensors()}

    def stored_certainty(self) -> dict[str, np.ndarray]:
        """The arrays of the certainty to store; none where there is none."""
        return {} if self.certainty is None else self.certainty.tensors()

    def metadata(self) -> dict[str, Any]:
        """The rest to store, for JSON."""
        network = self.network
        return {
            "d": network.d,
            "theta": network.theta,
            "output_theta": network.output_theta,
            "error": self.error,
            "dtype": self.dtype,
            "held_out": self.held_out,
            "header": self.header,
            "written": self.written,
            "preparation": self.preparation.metadata(),
            **({"uncertain": self.uncertain} if self.uncertain else {}),
        }

    @staticmethod
    def restore(tensors: dict[str, np.ndarray], metadata: dict[str, Any], where: str) -> Model:
        """The model that `tensors` and `metadata` stored. UserError if they do not hold one; where: for the message."""
        try:
            w, needed = tensors["w"], weight_count(metadata["d"])
            if w.shape != (needed,):  # looked at first: a number in a file makes no network that fills the memory
                raise UserError(f"{where} holds {w.size} weights; its architecture needs {needed}.")
            network = Network(metadata["d"], metadata["theta"], metadata["output_theta"])
            network.w[:] = w
            preparation = Preparation.restore(tensors, metadata["preparation"])
            model = Model(network, preparation, metadata["error"], metadata["dtype"], metadata["held_out"])
            model.header, model.written = metadata.get("header"), Written(*metadata.get("written", ()))
            model.written.check()
            model.certainty, model.uncertain = Certainty.restore(tensors, network.d), metadata.get("uncertain", "")
            model._check()
        except UserError as error:
            raise UserError(str(error) if where in str(error) else f"{where} does not hold a model: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError, AssertionError, OverflowError):
            raise UserError(f"{where} does not hold a model.") from None
        return model

    def _check(self) -> None:
        """ValueError or TypeError where what a file held does not fit together."""
        network, preparation = self.network, self.preparation
        classes, seed = preparation.classes, self.held_out["seed"]
        shares = (self.held_out["share"], self.held_out.get("test", 0.0))
        names = (*preparation.inputs, *preparation.targets, *(classes.names if classes else ()))
        weight = preparation.weight if preparation.weight is not None else ""
        if not all(isinstance(name, str) for name in (*names, weight, self.uncertain)):
            raise TypeError("a name of a column or class that is no text")
        output = classes.output_theta if classes else network.output_theta
        fits = (
            (preparation.d_in, preparation.d_out) == (network.d[0], network.d[-1])
            and (preparation.target_scaling is None) == (classes is not None)
            and (classes is None or len(classes.weights) in (0, len(classes.names)))
            and (classes is None or all(0 < weight < float("inf") for weight in classes.weights))
            and output == network.output_theta
            and len(preparation.encodings) in (0, len(preparation.inputs))
            and len(preparation.transforms) in (0, len(preparation.targets))
            and all(name is None or name in TRANSFORMS for name in preparation.transforms)
            and self.dtype in ("float64", "float32")
            and all(isinstance(share, float | int) and 0 <= share < 1 for share in shares)
            and self.header in (None, True, False)
            and (self.certainty is None or len(self.certainty.noise) == (0 if classes else network.d[-1]))
            and isinstance(seed, int) and 0 <= seed < 2**63
        )  # fmt: skip
        for scaling, width in ((preparation.input_scaling, network.d[0]), (preparation.target_scaling, network.d[-1])):
            for array in (scaling.shift, scaling.mean, scaling.deviation) if scaling else ():
                fits = fits and array.dtype == np.float64 and array.shape == (width,) and np.isfinite(array).all()
        if not fits or network.w.dtype != np.float64:
            raise ValueError("parts that do not fit together")
        error_function(self.error, network.output_theta)

    def save(self, path: str | Path) -> None:
        """Write the model to a file, whole or not at all. Local: call it on one rank. UserError if it fails."""
        try:
            self.write(files.named(path))
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror}.") from None

    def write(self, path: Path) -> None:
        """As `save`, but OSError if it fails."""
        files.write(path, {**self.tensors(), **self.stored_certainty()}, {"model": self.metadata()})
