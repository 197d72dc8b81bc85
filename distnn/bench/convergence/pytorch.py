"""PyTorch's L-BFGS with its strong Wolfe line search, and Adam on mini-batches; float64, one thread."""

from __future__ import annotations

from typing import Any

from distnn.bench.convergence.problems import Instance
from distnn.bench.convergence.trace import Trace
from distnn.network.weights import layers

BATCH, ETA = 256, 0.01  # of Adam; its default of 0.001 was slower on all of these problems


def _prepare(instance: Instance) -> tuple[Any, Any, Any, Any]:
    """The network, its error as a function of outputs and targets, X and Y."""
    import torch

    torch.set_num_threads(1)
    modules: list[Any] = []
    for W in layers(instance.w, instance.d):
        linear = torch.nn.Linear(W.shape[0] - 1, W.shape[1], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W[1:].T.copy()))
            linear.bias.copy_(torch.from_numpy(W[0].copy()))
        modules += [linear, torch.nn.Tanh()]
    network = torch.nn.Sequential(*modules[:-1])
    errors = {
        "identity": lambda s, y: ((s - y) ** 2).sum(1).mean(),
        "softmax": torch.nn.functional.cross_entropy,
        "logistic": lambda s, y: torch.nn.functional.binary_cross_entropy_with_logits(s, y),
    }
    return network, errors[instance.output_theta], torch.from_numpy(instance.X), torch.from_numpy(instance.Y)


def lbfgs(instance: Instance, trace: Trace) -> None:
    """torch.optim.LBFGS with line_search_fn="strong_wolfe" and no tolerances; its 100 pairs are the default."""
    import torch

    network, error, X, Y = _prepare(instance)
    optimizer = torch.optim.LBFGS(
        network.parameters(),
        max_iter=10**9,
        max_eval=10**9,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    evaluations = 0

    def closure() -> Any:
        nonlocal evaluations
        optimizer.zero_grad()
        loss = error(network(X), Y)
        loss.backward()
        evaluations += 1
        trace.note(float(loss.detach()), evaluations)
        return loss

    trace.start()
    optimizer.step(closure)


def adam(instance: Instance, trace: Trace) -> None:
    """torch.optim.Adam on shuffled mini-batches of 256; an epoch is one evaluation.

    E_in after each epoch is found while the clock stands still.
    """
    import torch

    network, error, X, Y = _prepare(instance)
    optimizer = torch.optim.Adam(network.parameters(), lr=ETA)
    generator = torch.Generator().manual_seed(0)
    epoch = 0
    trace.start()
    while True:
        with trace.paused(), torch.no_grad():
            E = float(error(network(X), Y))
        trace.note(E, epoch)
        for batch in torch.randperm(len(X), generator=generator).split(BATCH):
            optimizer.zero_grad()
            error(network(X[batch]), Y[batch]).backward()
            optimizer.step()
        epoch += 1
