"""What a measurement was made on, and the memory that it took."""

from __future__ import annotations

import json
import os

import numpy as np

from distnn.bench.machine import describe, peak_bytes, reset_peak
from distnn.parallel.ranks import OneRank


def test_the_machine_in_words_that_json_can_hold() -> None:
    found = describe(OneRank())
    assert found["ranks"] == 1
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert found["cpu"] and found["numpy"] == np.__version__
    assert json.loads(json.dumps(found)) == found


def test_the_peak_is_of_the_memory_since_it_was_looked_for() -> None:
    np.ones(64 << 17)  # 64 MiB, before
    reset_peak()
    before = peak_bytes()
    held = np.ones(32 << 17)  # 32 MiB
    assert 31 << 20 < peak_bytes() - before < 60 << 20
    del held
