"""One process of a peer: reads a number of iterations from stdin, computes them, answers with the seconds it took."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np

from distnn.bench.peers import Task
from distnn.bench.workloads import Workload
from distnn.errors import memory_taken

Iterate = Callable[[int], object]


def serve(begin: Callable[[Task, np.ndarray, np.ndarray], Iterate]) -> None:
    """Do what the task in the arguments says. begin(task, X, Y) returns what computes so many iterations."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what packages print, also from C, must not get between the answers
    values = json.loads(sys.argv[1])
    workload = Workload(**values.pop("workload"))
    task = Task(workload, **values)
    os.sched_setaffinity(0, task.cores)  # a launcher may have bound rank 0, which started this, to one core
    n = workload.n
    X, Y = workload.rows(task.rank * n // task.size, (task.rank + 1) * n // task.size)
    iterate = begin(task, X, Y)
    iterate(1)
    seconds = 0.0
    while True:
        print(json.dumps({"seconds": seconds, "peak_bytes": memory_taken()}), file=answers, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        start = time.perf_counter()
        iterate(int(line))
        seconds = time.perf_counter() - start
