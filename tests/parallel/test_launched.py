"""What launchers say of a process by its environment."""

from __future__ import annotations

import pytest

from distnn.parallel.launched import RANK_VARIABLES, launched, launched_first


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RANK_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_a_process_started_by_hand_is_the_first() -> None:
    assert not launched() and launched_first()


@pytest.mark.parametrize("name", RANK_VARIABLES)
def test_one_of_a_launcher(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for rank in (0, 1, 12):
        monkeypatch.setenv(name, str(rank))
        assert launched() and launched_first() == (rank == 0)


def test_srun_around_an_mpirun_of_one() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PMI_RANK", "0")
        patch.setenv("SLURM_PROCID", "3")
        assert launched() and not launched_first()
