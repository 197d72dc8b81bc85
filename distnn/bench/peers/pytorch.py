"""PyTorch: DistributedDataParallel over gloo, one thread a process; on one process the module alone.

As a tutorial has it, all rows at once; or as an expert has it, in blocks of rows whose gradients are accumulated before
they are sent, the best of a few lengths, with or without torch.compile. All rows at once on a GPU, too.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import distributed, nn

from distnn.bench.peers import Task
from distnn.bench.peers.worker import Iterate, serve
from distnn.bench.workloads import ETA

BLOCKS = (512, 1024, 2048, 4096, 8192)


def begin(task: Task, X: np.ndarray, Y: np.ndarray) -> Iterate:
    """Sequential layers, mean squared error and SGD, in the variant that the task asks for."""
    torch.set_num_threads(1)
    device = "cuda" if task.device == "gpu" else "cpu"
    x, y = torch.from_numpy(X).to(device), torch.from_numpy(Y).to(device)
    if task.size > 1:
        distributed.init_process_group(
            "gloo", init_method=f"tcp://127.0.0.1:{task.port}", rank=task.rank, world_size=task.size
        )
    if task.variant == "whole":
        return _iterate(_model(task, x), x, y, len(x))
    candidates = [rows for rows in BLOCKS if rows < len(x)] or [len(x)]
    rows = min(candidates, key=lambda rows: _seconds(_iterate(_model(task, x), x, y, rows)))
    return _iterate(_model(task, x, task.variant == "compiled"), x, y, rows)


def _model(task: Task, x: torch.Tensor, compiled: bool = False) -> nn.Module:
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for below, above in pairwise(task.workload.d):
        parts += [nn.Linear(below, above, dtype=x.dtype, device=x.device), nn.Tanh()]
    model: nn.Module = nn.Sequential(*parts)
    if compiled:
        made: Any = torch.compile(model)
        model = made
    return nn.parallel.DistributedDataParallel(model) if task.size > 1 else model


def _iterate(model: nn.Module, x: torch.Tensor, y: torch.Tensor, rows: int) -> Iterate:
    loss = nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=ETA)
    blocks = list(zip(x.split(rows), y.split(rows), strict=True))

    def add(block: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        error: torch.Tensor = loss(model(block[0]), block[1]) / y.numel()
        error.backward()
        return error.detach()

    def iterate(iterations: int) -> float:
        for _ in range(iterations):
            optimizer.zero_grad()
            with model.no_sync() if isinstance(model, nn.parallel.DistributedDataParallel) else nullcontext():
                errors = [add(block) for block in blocks[:-1]]
            last = float(sum([*errors, add(blocks[-1])]))
            optimizer.step()
        if x.is_cuda:
            torch.cuda.synchronize()
        return last

    return iterate


def _seconds(iterate: Iterate) -> float:
    """Of two iterations, on the slowest process. Collective."""
    iterate(2)
    start = time.perf_counter()
    iterate(2)
    seconds = torch.tensor(time.perf_counter() - start)
    if distributed.is_initialized():
        distributed.all_reduce(seconds, distributed.ReduceOp.MAX)
    return float(seconds)


if __name__ == "__main__":
    serve(begin)
