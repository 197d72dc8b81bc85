"""How many ranks train a member together."""

from __future__ import annotations

import pytest

from distnn.runs.farm.sizes import choose


@pytest.mark.parametrize(
    ("ranks", "members", "blocks", "message", "size"),
    [
        (8, 10, 1, 0.1, 1),  # a block cannot be shared out
        (8, 8, 64, 0.1, 1),  # a member a rank, all at once
        (8, 2, 64, 0.0, 4),  # the others would idle
        (8, 1, 64, 0.0, 8),
        (8, 1, 64, 1000.0, 1),  # the network is slow
        (8, 9, 64, 0.0, 8),  # 9 rounds of an eighth each, instead of 2 whole ones
        (1, 5, 64, 0.0, 1),
    ],
)
def test_the_size_that_is_over_first_is_chosen(
    ranks: int, members: int, blocks: int, message: float, size: int
) -> None:
    assert choose(ranks, members, blocks, 1.0, message) == size


def test_a_group_has_memory_for_all_rows() -> None:
    assert choose(8, 8, 64, 1.0, 0.1, least=3) == 4
    assert choose(8, 8, 64, 1.0, 0.1, least=100) == 8
