"""Every peer that is installed computes, and ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benching import SMALL

from distnn.bench.peers import PEERS, Peer, Processes
from distnn.kernels import cpu


def test_who_is_left_out_where() -> None:
    def measured(ranks: int, device: str | None) -> set[str]:
        chosen = [replace(peer, package=None) for peer in PEERS]  # as if all were installed
        return {peer.name for peer in chosen if peer.left_out(ranks, device) is None}

    everywhere = {peer.name for peer in PEERS}
    assert everywhere - measured(2, "xla-cpu") == set()
    assert everywhere - measured(2, None) == {"JAX, jitted, in the same blocks"}
    assert measured(1, "gpu") == {"PyTorch DDP (gloo)", "JAX, jitted", "JAX, jitted, in the same blocks"}
    assert "JAX over gloo, hand-blocked" not in measured(1, None)
    (sklearn,) = (peer for peer in PEERS if peer.package == "sklearn")
    assert sklearn.left_out(1, "gpu") == "it is for CPUs: leave out --device gpu"


@pytest.mark.job
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_peers_compute(peer: Peer) -> None:
    if not peer.installed:
        pytest.skip(f"NOT TESTED HERE: {peer.package} is not installed: pip install 'distnn[peers]'")
    processes = Processes(peer, replace(SMALL, n=2_500), 2, list(cpu.cores()))
    try:
        assert len(processes.processes) == (2 if peer.parallel else 1)
        assert processes.seconds(2) > 0
        assert processes.peak_bytes > 10_000_000
    finally:
        processes.close()
    assert all(process.returncode is not None for process in processes.processes)
