"""PyTorch: DistributedDataParallel over gloo, one thread a process; on one process the module alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import distributed, nn

from distnn.bench.peers import Task
from distnn.bench.peers.worker import Iterate, serve
from distnn.bench.workloads import ETA


def begin(task: Task, X: np.ndarray, Y: np.ndarray) -> Iterate:
    """Sequential layers, MSELoss and SGD, as a tutorial would write them."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    parts: list[nn.Module] = []
    for below, above in pairwise(task.workload.d):
        parts += [nn.Linear(below, above, dtype=x.dtype), nn.Tanh()]
    model: nn.Module = nn.Sequential(*parts)
    if task.size > 1:
        distributed.init_process_group(
            "gloo", init_method=f"tcp://127.0.0.1:{task.port}", rank=task.rank, world_size=task.size
        )
        model = nn.parallel.DistributedDataParallel(model)
    loss = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=ETA)

    def iterate(iterations: int) -> float:
        for _ in range(iterations):
            optimizer.zero_grad()
            error = loss(model(x), y)
            error.backward()
            optimizer.step()
            last = float(error.item())
        return last

    return iterate


if __name__ == "__main__":
    serve(begin)
