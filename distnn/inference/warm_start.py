"""Beginning a training with what a model computes, although it saw another table: --start."""

from __future__ import annotations

from typing import Any

from distnn.data.encoding import PLAIN
from distnn.data.preparation import Preparation
from distnn.errors import UserError
from distnn.inference.ensemble import Ensemble
from distnn.inference.foreign import from_scikit_learn, from_state_dict, is_state_dict
from distnn.inference.model import Model
from distnn.inference.stored import load_model
from distnn.kernels.algebra import combination
from distnn.network.network import Network
from distnn.parallel.ranks import Ranks, on_root


def started(path: str, network: Network, preparation: Preparation, ranks: Ranks) -> Network:
    """`continued` with the model at `path`, for --start, which may be a state_dict of PyTorch. Collective."""

    def load() -> Model:
        return from_state_dict(path, network, preparation) if is_state_dict(path) else load_model(path)

    model: Model = on_root(ranks, load)
    return continued(model, network, preparation, f"--start {path}")


def continued(model: Any, network: Network, preparation: Preparation, where: str) -> Network:
    """The network, which gets the weights with which it computes what the model does. Local.

    model: a `Model`, or a fitted MLPRegressor or MLPClassifier of scikit-learn.

    UserError, which begins with `where`, if the model is of another kind.

    The model has seen inputs and targets standardised by another table's mean and deviation: its weights are changed
    to suit this one's. Only targets standardised for an output that is not the identity cannot be made up for.
    """
    if not isinstance(model, Model):
        model = from_scikit_learn(model, network, preparation, where)
    if isinstance(model, Ensemble):
        raise UserError(f"{where}: that is an ensemble of {len(model.members)} models: give one of its members.")
    was = model.preparation
    plain = [PLAIN] * len(was.inputs)
    for what, its, needed in (
        ("architecture", list(model.network.d), list(network.d)),
        ("activation", model.network.theta, network.theta),
        ("output", model.network.output_theta, network.output_theta),
        ("inputs", list(was.inputs), list(preparation.inputs)),
        ("encodings", list(was.encodings or plain), list(preparation.encodings or plain)),
        ("targets", list(was.targets), list(preparation.targets)),
        ("transforms", [*filter(None, was.transforms)], [*filter(None, preparation.transforms)]),
        ("classes", _names(was), _names(preparation)),
    ):
        if its != needed:
            raise UserError(f"{where}: that model has the {what} {its}, and this training {needed}.")
    network.w[:] = model.network.w
    W = network.W
    factor, offset = was.input_scaling.relative_to(preparation.input_scaling)
    W[0][0] += combination(offset, W[0][1:])
    W[0][1:] *= factor[:, None]
    if was.target_scaling and preparation.target_scaling and network.output_theta == "identity":
        factor, offset = preparation.target_scaling.relative_to(was.target_scaling)
        W[-1] *= factor
        W[-1][0] += offset
    return network


def _names(preparation: Preparation) -> list[str]:
    return list(preparation.classes.names) if preparation.classes else []
