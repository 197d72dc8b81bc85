"""What tests of the benchmark share: a small workload, and few turns."""

from __future__ import annotations

from distnn.bench.options import BenchOptions
from distnn.bench.workloads import Workload

QUICK = BenchOptions(quick=True)

SMALL = Workload("small", (3, 4, 2, 1), 1_700, "float64")
