"""The tables people have: what is read as plain.csv, what is refused and how, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from people import make_tables
from threaded_ranks import on_ranks

from distnn.data.tables import open_source
from distnn.errors import UserError
from distnn.inference.model import Model
from distnn.parallel.ranks import Ranks
from distnn.runs.assembly import assemble
from distnn.runs.options import Options, check
from distnn.training.termination import compare

SIZES = (1, 3)


class Trained(NamedTuple):
    """A short training. bits: of its weights; notes: what was said of the table, which is in the folder where."""

    bits: bytes
    d: tuple[int, ...]
    notes: str
    model: Model
    where: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    where = tmp_path_factory.mktemp("tables")
    yield where, make_tables(where)


@pytest.fixture
def trained(
    folder: tuple[Path, dict[str, str]], small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Trained]:
    """train(name, size, **options): the result on so many ranks, which is the same on all; or their UserError."""
    monkeypatch.setattr("distnn.data.survey.CHUNK", 7)

    def train(name: str, size: int = 1, **options: Any) -> Trained:
        chosen = Options(data=str(folder[0] / name), **{"hidden": (3,), "optimizer": "gradient-descent", **options})
        check(chosen)

        def work(ranks: Ranks) -> Trained | UserError:
            try:
                source = open_source(chosen.data, ranks, header=chosen.header)
                assembly = assemble(chosen, source, ranks)
            except UserError as error:
                return error
            progress = assembly.begin()
            for _ in assembly.iterations(progress, until=compare("t", ">=", 2)):
                pass
            model = assembly.model
            model.network.w[:] = progress.best_w
            return Trained(
                progress.state.w.tobytes(), model.network.d, " | ".join(assembly.notes), model, str(folder[0])
            )

        found = on_ranks(size, work)
        for other in found[1:]:
            assert type(other) is type(found[0])
            assert str(other) == str(found[0]) if isinstance(other, UserError) else other[:3] == found[0][:3]
        if isinstance(found[0], UserError):
            raise found[0]
        return found[0]

    return train


def test_every_table_is_tested(folder: tuple[Path, dict[str, str]]) -> None:
    same = {name for name, expected in folder[1].items() if expected.startswith("same")}
    assert same | {*REFUSED, *READ} == set(folder[1])


def test_read_as_plain_csv(folder: tuple[Path, dict[str, str]], trained: Callable[..., Trained]) -> None:
    plain = trained("plain.csv")
    assert plain.notes == ("inputs a, b: numbers | target y, the last column (--targets names another): 60 numbers")
    for name, expected in folder[1].items():
        if expected.startswith("same") and name not in ("part-1.csv", "part-2.csv"):  # part-0.csv stands for all three
            for size in SIZES:
                found = trained("part-*.csv" if name.startswith("part-") else name, size)
                assert (name, size, found.bits) == (name, size, plain.bits)
                assert not expected.endswith("said") or "names" in found.notes.split(" | ")[0]


# By table: the options with which it is refused, and the sentence.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "target-missing-first.csv": ({}, r"line 2 \(row 0\), column y: .*train with --impute drop"),
    "target-missing-later.csv": ({}, r"line 32 \(row 30\), column y: .*train with --impute drop"),
    "dates.csv": ({}, r"column when holds dates, such as '2026-01-01': .*--ignore when"),
    "long-labels.csv": ({}, r"target column k holds numbers beyond 2\^53, .* if they are labels, say --classes"),
    "gaps.csv": ({}, r"line 5 \(row 3\), column a: the field is empty.*--impute median, mean, constant or drop"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, size: int, trained: Callable[..., Trained]) -> None:
    options, sentence = REFUSED[name]
    with pytest.raises(UserError, match=sentence):
        trained(name, size, **options)


# By table: the options, d^(0) and d^(L), and what is said.
READ: dict[str, tuple[dict[str, Any], tuple[int, int], str]] = {
    "header-of-numbers.csv": ({"header": True}, (2, 1), "inputs 1100, 1102: numbers"),
    "swapped-names.csv": ({}, (2, 1), "inputs b, a: numbers"),
    "booleans.csv": ({}, (3, 1), "input flag: true or false, as 1 and 0"),
    "words.csv": ({}, (5, 1), r"input kind: 3 words (elm, fir, oak), an input each"),
    "sentinels.csv": ({}, (2, 1), "a: -999 stands there 9 times, .*--missing -999"),
    "mixed-labels.csv": ({}, (2, 3), r"target k, .*: 3 classes (3a, 4, 5b)"),
    "long-labels.csv": ({"classes": True}, (2, 2), r"2 classes (9007199254740992, 9007199254740993)"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", READ)
def test_read(name: str, size: int, trained: Callable[..., Trained]) -> None:
    options, ends, said = READ[name]
    found = trained(name, size, **options)
    assert (found.d[0], found.d[-1]) == ends
    assert all(part in found.notes for part in said.split(".*"))
    assert found.bits == trained(name, **options).bits


@pytest.mark.parametrize("size", SIZES)
def test_read_once_an_option_decides(size: int, trained: Callable[..., Trained]) -> None:
    plain = trained("plain.csv")
    assert trained("header-of-numbers.csv", size, header=True).bits == plain.bits
    assert trained("dates.csv", size, ignore=("when",)).bits == plain.bits
    for gaps in ("target-missing-first.csv", "target-missing-later.csv"):
        left_out = trained(gaps, size, missing=("NA",))
        assert "1 missing, their rows left out" in left_out.notes
        assert left_out.bits == trained(gaps, impute="drop").bits
    filled = trained("gaps.csv", size, impute="median")
    assert "input a: numbers, 9 missing, " in filled.notes and ", the median" in filled.notes
    assert filled.bits == trained("sentinels.csv", size, missing=("-999",), impute="median").bits
    assert filled.bits == trained("gaps.csv", impute="median").bits
    assert "-999" not in filled.notes


@pytest.mark.parametrize(("impute", "center"), [("mean", np.mean), ("median", np.median)])
def test_what_is_filled_in(folder: tuple[Path, dict[str, str]], trained: Any, impute: str, center: Any) -> None:
    model = trained("gaps.csv", 3, impute=impute, indicator=True).model
    table = np.genfromtxt(folder[0] / "gaps.csv", delimiter=",", names=True)
    known = table["a"][~np.isnan(table["a"])]
    a, b = model.preparation.encodings
    assert a.fill == pytest.approx(center(known), rel=1e-15)
    assert (a.indicator, b.indicator) == (True, False) and model.preparation.input_names == ("a", "a missing", "b")
    np.testing.assert_array_equal(model(np.array([[np.nan, 0.5]])) != model(np.array([[a.fill, 0.5]])), [[True]])
    assert model.network.d[0] == 3


def test_words_in_python(trained: Callable[..., Trained]) -> None:
    model = trained("words.csv", 3).model
    X = np.array([[0.1, 0.2, "oak"], [0.1, 0.2, "fir"]], object)
    assert model(X)[0] != model(X)[1]
    with pytest.raises(UserError, match=r"row 0, column kind: 'ash' is not one of the words .* elm, fir, oak"):
        model(np.array([[0.1, 0.2, "ash"]], object))
    labels = trained("long-labels.csv", 3, classes=True).model
    assert {*labels.classify(np.random.default_rng(0).normal(size=(99, 2))).tolist()} <= {2**53, 2**53 + 1}


@pytest.mark.parametrize("size", SIZES)
def test_a_wrong_guess_changes_nothing(size: int, trained: Callable[..., Trained], monkeypatch: Any) -> None:
    """What the first rows say is tried, and where any rank meets something else, all rows are looked at."""
    where = Path(trained("plain.csv").where)
    lines = [f"{i % 7},{i % 5 if i < 30 else ('oak', 'fir')[i % 2]},{i % 11}" for i in range(60)]
    (where / "late.csv").write_text("\n".join(["a,kind,y", *lines]))
    labels = [f"{i % 7},{i % 5},{i % 3 if i < 30 else '3a'}" for i in range(60)]
    (where / "late-labels.csv").write_text("\n".join(["a,b,k", *labels]))
    names = ("late.csv", "late-labels.csv")
    expected = [trained(name) for name in names]
    assert expected[0].model.preparation.encodings[1].categories == ("0", "1", "2", "3", "4", "fir", "oak")
    assert "4 classes (0, 1, 2, 3a)" in expected[1].notes
    monkeypatch.setattr("distnn.data.survey.HEAD", 5)
    for name, known in zip(names, expected, strict=True):
        found = trained(name, size)
        assert (found.bits, found.notes) == (known.bits, known.notes)
    with pytest.raises(UserError, match=REFUSED["target-missing-later.csv"][1]):
        trained("target-missing-later.csv", size)


@pytest.mark.parametrize("size", SIZES)
def test_several_targets_of_0_and_1(size: int, trained: Callable[..., Trained]) -> None:
    """A class where one of them is 1 in each row, but for mistakes; else labels each, of any number."""
    where = Path(trained("plain.csv").where)
    for name, odd in (("one-hot.csv", 0), ("mistakes.csv", 3), ("labels.csv", 20), ("others.csv", 20)):
        lines = [f"{i % 7},{int(i % 3 == 0)},{int(i % 3 == 1)},{int(i % 3 == 2 or i < odd)}" for i in range(60)]
        if name == "others.csv":
            lines[50] = "1,0,0,7"
        (where / name).write_text("\n".join(["a,p,q,r", *lines]))
    asked = {"targets": ("p", "q", "r"), "classes": True}
    classes, labels = trained("one-hot.csv", size, **asked), trained("labels.csv", size, **asked)
    assert classes.model.preparation.classes is not None and classes.model.network.output_theta == "softmax"
    assert labels.model.preparation.classes is None and labels.model.network.output_theta == "logistic"
    assert "targets p, q, r: labels, 0 or 1 each, of which a row may have several or none" in labels.notes
    assert labels.bits == trained("labels.csv", targets=("p", "q", "r"), error="cross-entropy").bits
    for name in ("mistakes.csv", "others.csv"):
        with pytest.raises(UserError, match="row 0: with --classes, one of the targets p, q, r is 1"):
            trained(name, size, **asked)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ending", [".parquet", ".h5"])
def test_text_is_judged_by_its_values_in_files_with_types_too(
    ending: str, size: int, folder: tuple[Path, dict[str, str]], trained: Callable[..., Trained]
) -> None:
    rows = (folder[0] / "plain.csv").read_text().split()[1:]
    a, b, y = zip(*(row.split(",") for row in rows), strict=True)
    columns = {"a": a, "b": list(map(float, b)), "k": ["1", "2", "2"] * 20, "y": y}
    path = folder[0] / f"text{ending}"
    if ending == ".parquet":
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        stored = {**columns, "c": pyarrow.array(columns["k"]).dictionary_encode()}
        parquet.write_table(pyarrow.table(stored), path)
    else:
        with pytest.importorskip("h5py").File(path, "w") as file:
            for name, values in columns.items():
                file[name] = list(values)
    found = trained(path.name, size, inputs=("a", "b"), targets=("y",))
    assert found.bits == trained("plain.csv").bits
    said = "input a: numbers, stored as text (--types takes them for words) | input b: numbers | target y: 60 numbers, "
    assert found.notes == said + "stored as text (--classes takes them for classes)"
    assert trained(path.name, size, inputs=("a", "k"), targets=("b",), types=("k=words",)).d[0] == 3
    labels = trained(path.name, size, inputs=("a", "b"), targets=("k",), classes=True).model.preparation.classes
    assert labels is not None and (labels.names, labels.kind) == (("1", "2"), "words"), "they are text"
    if ending == ".parquet":
        assert trained(path.name, size, inputs=("a", "c"), targets=("b",)).d[0] == 3, "of a list of words"
