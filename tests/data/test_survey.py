"""What columns hold over all rows, whichever rank has them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from threaded_ranks import on_ranks

from distnn.data.survey import Found, head, survey
from distnn.data.tables import open_source
from distnn.data.tables.source import Missing
from distnn.parallel.ranks import Ranks


@pytest.mark.parametrize("size", [1, 3])
def test_all_rows_are_looked_at(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnn.data.survey.CHUNK", 4)
    path = tmp_path / "a.csv"
    rows = [
        [i, "" if i % 3 else i / 2, "3a" if i == 17 else i % 2, "oak" if i % 2 else "NA", i != 5] for i in range(20)
    ]
    path.write_text("a,b,c,d,w\n" + "".join(",".join(map(str, map(str, row))) + "\n" for row in rows))
    path.write_text(path.read_text().replace("True", "1").replace("False", "0"))

    def work(ranks: Ranks) -> tuple[dict[int, Found], list[np.ndarray], dict[int, Found]]:
        shown: list[np.ndarray] = []
        source = open_source(str(path), ranks)
        first = head(source, (0, 2), Missing(), ranks).found
        found = survey(
            source,
            (0, 1, 2, 3),
            Missing(numbers=(-1.0, 19.0)),
            ranks,
            weight=4,
            show=lambda rows, values: shown.append(values[0][rows > 3]),
        )
        assert found.complete
        return found.found, shown, first

    found = on_ranks(size, work)
    for columns, _, first in found:
        a, b, c, d = (columns[j] for j in range(4))
        assert (a.numbers, a.missing, a.words) == (18, 1, 0), "19 stands for a missing value, row 5 has no weight"
        assert (b.numbers, b.missing, b.words) == (7, 12, 0)
        assert (c.numbers, c.words, c.first) == (18, 1, (17, "3a")) and c.all_are_listed
        assert c.different == Counter({"0": 10, "1": 8, "3a": 1}), "numbers are listed too, where there is a word"
        assert (d.words, d.missing, d.numbers) == (9, 10, 0) and not d.is_true_or_false
        assert (first[0].numbers, first[2].words) == (20, 1)
    numbers = np.concatenate([part for _, parts, _ in found for part in parts])
    np.testing.assert_array_equal(numbers, [*(i for i in range(4, 19) if i != 5), np.nan])


def test_first_rows_of_weight_0_tell_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnn.data.survey.HEAD", 4)
    (tmp_path / "a.csv").write_text("a,b,w\ninf,oak,0\n1,2,1\n1e999,2024-01-01,0\n3,4,2\n")
    (tmp_path / "b.csv").write_text("a,b,w\n" + "inf,oak,0\n" * 4 + "1,2,1\n")

    def work(ranks: Ranks) -> list[dict[int, Found]]:
        tables = [open_source(str(tmp_path / name), ranks) for name in ("a.csv", "b.csv")]
        return [head(source, (0, 1), Missing(), ranks, weight=2).found for source in tables]

    for some, none in on_ranks(3, work):
        assert [(some[j].numbers, some[j].words) for j in (0, 1)] == [(2, 0)] * 2
        assert none == {0: Found(None), 1: Found(None)}


def test_columns_that_are_said_to_be_words(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n01,1\n1,2\n01,3\n")

    def work(ranks: Ranks) -> Counter[str]:
        source = open_source(str(tmp_path / "a.csv"), ranks)
        return survey(source, (0,), Missing(), ranks, words=(0,)).found[0].different

    assert on_ranks(1, work) == [Counter({"01": 2, "1": 1})]


def test_words_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnn.data.survey.MOST_WORDS", 3)
    some, more = (Found(None, words=2, different=Counter(words)) for words in (["a", "b"], ["c", "d"]))
    some.add(more)
    assert some.overflow and len(some.different) == 3 and some.words == 4
