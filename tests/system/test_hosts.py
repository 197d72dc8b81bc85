"""Training over three hosts by TCP: the bits of one process, and an end when a link is cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts import Hosts, three_hosts
from mpi_runner import is_open_mpi
from trainings import BASE, INJECT, TRAINING, metrics, model, stat, trained, wait_until

pytestmark = pytest.mark.job

MORE = (*BASE, "--max-iterations", "1000000", "--checkpoint-every", "20")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with three_hosts(tmp_path_factory.mktemp("hosts")) as found:
        yield found


def alive(pid: int) -> bool:
    try:
        return stat(pid) not in "ZX"
    except OSError:
        return False


def test_over_three_hosts_the_bits_of_one_process(hosts: Hosts, tmp_path: Path) -> None:
    # One rank prints: what several print can arrive mixed up.
    which = "from mpi4py import MPI; import socket; names = MPI.COMM_WORLD.gather(socket.gethostname())\n"
    which += "if names: print(' '.join(names))"
    with hosts.start("-c", which) as job:
        assert "h1 h2 h3" in job.finish().stdout
    with hosts.start("-m", "distnn.train", *TRAINING, "--out", tmp_path / "three") as job:
        done = job.finish()
    assert done.returncode == 0, done.stderr
    trained(tmp_path / "one", *TRAINING)
    assert model(tmp_path / "three") == model(tmp_path / "one")


def test_a_link_that_is_cut_ends_the_job_and_costs_no_bits(hosts: Hosts, tmp_path: Path) -> None:
    out = tmp_path / "cut"
    with hosts.start(INJECT, "cut", "all", *MORE, "--watchdog", "5", "--out", out) as job:
        wait_until(lambda: len(metrics(out)) >= 50, "training")
        pids = job.rank_pids()
        hosts.cut("h3")
        job.struck.touch()
        wait_until(lambda: not any(map(alive, pids)), "every rank ends")
        if not is_open_mpi():  # whose mpirun waits for the node behind the cut link
            assert job.finish().returncode not in (0, 75)
        said = job.stderr
    assert "all ranks waited for each other, as where a link is down, longer than 5 s (--watchdog)" in said
    assert re.search(r"^  ranks? [012].*: waiting at parallel/reduction.py", said, re.MULTILINE)
    assert "left no word" not in said
    t = max(record["t"] for record in metrics(out)) + 30
    trained(out, "--resume", "--max-iterations", str(t))
    trained(tmp_path / "one", *BASE, "--max-iterations", str(t))
    assert model(out) == model(tmp_path / "one")
