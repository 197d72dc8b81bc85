"""What is asked of a model as of other packages' models: the probabilities of classes, and a score."""

from __future__ import annotations

import numpy as np

from distnn.data.classes import Classes, label_name
from distnn.data.tables.source import listed
from distnn.errors import UserError
from distnn.network.error_functions import takes_probabilities

GAP = "Y lacks a value in row {row}: leave such rows out of X and Y."


def require_probabilities(theta: str, error: str) -> None:
    """UserError if outputs of this θ, trained on this error function, are no probabilities."""
    if not takes_probabilities(error) or theta not in ("softmax", "logistic"):
        raise UserError(
            f"The outputs of this model ({theta}, {error} error) are no probabilities: train it with the error "
            "cross-entropy."
        )


def as_probabilities(outputs: np.ndarray, theta: str) -> np.ndarray:
    """The probability of each class, n × classes, where outputs n × d^(L) are what its output layer gives. Local.

    Logistic outputs of three classes or more are each divided by their sum.
    """
    if outputs.shape[1] == 1:
        return np.hstack([1 - outputs, outputs])
    return outputs / outputs.sum(axis=1, keepdims=True) if theta == "logistic" else outputs


def share_right(classes: Classes, found: np.ndarray, Y: np.ndarray) -> float:
    """The share of the rows whose class was found; Y: labels (n,), or n × classes of which the largest counts.

    UserError if no label is that of a class, or there are columns for others.
    """
    if Y.ndim > 2 or (Y.ndim == 2 and Y.shape[1] not in (1, len(classes.names))):
        raise UserError(
            f"Y has the shape {Y.shape}: give labels, or a column for each of {len(classes.names)} classes."
        )
    true = _codes(classes, Y)
    if (true < 0).all():
        label = Y.reshape(-1)[0]
        raise UserError(f"Y holds none of the model's classes, {listed(classes.names, 6)}: its first label is {label}.")
    return float(np.mean(_codes(classes, found) == true))


def r_squared(found: np.ndarray, Y: np.ndarray) -> float:
    """R², the mean of the targets', n × m each; of a constant target 1 if it is met everywhere, else 0."""
    try:
        Y = Y.reshape(len(Y), -1).astype(np.float64)
    except (ValueError, TypeError):
        raise UserError(f"Y holds {Y.reshape(-1)[0]}, and the model was trained on numbers.") from None
    if Y.shape != found.shape:
        raise UserError(f"Y has the shape {Y.shape}; the predictions for X have {found.shape}.")
    if (gaps := np.isnan(Y).any(axis=1)).any():
        raise UserError(GAP.format(row=gaps.argmax()))
    left, whole = ((Y - found) ** 2).sum(axis=0), ((Y - Y.mean(axis=0)) ** 2).sum(axis=0)
    return float(np.mean(np.where(whole == 0, left == 0, 1 - left / np.where(whole == 0, 1, whole))))


def _codes(classes: Classes, Y: np.ndarray) -> np.ndarray:
    """Class numbers, (n,); -1 for what is no class."""
    if Y.ndim == 2 and Y.shape[1] > 1:
        return Y.argmax(axis=1)
    names = [label_name(label) for label in Y.reshape(-1).tolist()]
    return classes.codes(np.array(names, dtype=str))[0]
