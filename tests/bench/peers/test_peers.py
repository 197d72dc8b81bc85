"""Every peer that is installed computes, and ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benching import SMALL

from distnn.bench.peers import PEERS, Peer, Processes
from distnn.kernels import cpu


@pytest.mark.job
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_peers_compute(peer: Peer) -> None:
    if not peer.installed:
        pytest.skip(f"NOT TESTED HERE: {peer.package} is not installed: pip install 'distnn[peers]'")
    processes = Processes(peer, replace(SMALL, n=1_000), 2, list(cpu.cores()))
    try:
        assert len(processes.processes) == (2 if peer.parallel else 1)
        assert processes.seconds(2) > 0
        assert processes.peak_bytes > 10_000_000
    finally:
        processes.close()
    assert all(process.returncode is not None for process in processes.processes)
