"""`python -m distnn.predict`: the outputs of every row, in order, the same on any number of ranks."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi_runner import environment, find_mpirun, mpirun, python
from patience import PATIENCE
from tables import regression, words, write_csv
from threaded_ranks import on_ranks

from distnn import UserError, load_model
from distnn.parallel.ranks import OneRank
from distnn.predict import main
from distnn.train import main as train_main

PREDICT = ("-m", "distnn.predict")
N = 3000  # several blocks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two numbers (run "numbers") and one of three words ("words"), and the tables they learnt from."""
    folder = tmp_path_factory.mktemp("predict")
    X, Y = regression(N, m=2)
    write_csv(folder / "numbers.csv", {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "p": Y[:, 0], "q": Y[:, 1]})
    X, Z = words(N)
    write_csv(folder / "words.csv", {"u": X[:, 0], "v": X[:, 1], "fruit": Z})
    for name, targets in (("numbers", ("p", "q")), ("words", ("fruit",))):
        arguments = [
            "--data",
            str(folder / f"{name}.csv"),
            "--targets",
            *targets,
            "--hidden",
            "5",
            "--eta",
            "0.1",
            "--quiet",
        ]
        assert train_main(OneRank(), [*arguments, "--max-iterations", "30", "--out", str(folder / name)]) == 0
    return folder


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def predicted(folder: Path, *arguments: str, size: int = 1) -> None:
    if size == 1:
        assert main(OneRank(), arguments) == 0
    else:
        assert on_ranks(size, lambda ranks: main(ranks, arguments)) == [0] * size


def oracle(folder: Path, name: str, X: np.ndarray) -> np.ndarray:
    """The network applied by hand: standardise, propagate, undo."""
    model = load_model(folder / name)
    inputs, targets = model.preparation.input_scaling, model.preparation.target_scaling
    x = (X - inputs.shift - inputs.mean) / inputs.deviation
    y = model.network(x)
    return y if targets is None else y * targets.deviation + targets.mean + targets.shift


def test_numbers_come_back_in_the_units_of_the_table(folder: Path, tmp_path: Path) -> None:
    predicted(
        folder,
        "--model",
        str(folder / "numbers"),
        "--data",
        str(folder / "numbers.csv"),
        "--out",
        str(tmp_path / "a.csv"),
    )
    header, *found = rows(tmp_path / "a.csv")
    assert header == ["p", "q"]
    X, Y = regression(N, m=2)
    outputs = np.array(found, float)
    np.testing.assert_allclose(outputs, oracle(folder, "numbers", X), rtol=1e-12)
    np.testing.assert_allclose(outputs, load_model(folder / "numbers")(X), rtol=1e-12)
    assert np.mean((outputs - Y) ** 2) < np.mean((Y - Y.mean(axis=0)) ** 2)


def test_classes_come_back_as_words(folder: Path, tmp_path: Path) -> None:
    predicted(
        folder, "--model", str(folder / "words"), "--data", str(folder / "words.csv"), "--out", str(tmp_path / "a.csv")
    )
    header, *found = rows(tmp_path / "a.csv")
    assert header == ["fruit", "output apple", "output pear", "output plum"]
    X, _ = words(N)
    outputs = np.array([row[1:] for row in found], float)
    np.testing.assert_allclose(outputs, oracle(folder, "words", X), rtol=1e-11)
    np.testing.assert_allclose(outputs.sum(axis=1), 1)
    names = np.array(["apple", "pear", "plum"])[outputs.argmax(axis=1)]
    assert [row[0] for row in found] == names.tolist() == load_model(folder / "words").classify(X).tolist()


@pytest.mark.parametrize("ending", [".csv", ".npy"])
@pytest.mark.parametrize("name", ["numbers", "words"])
def test_the_same_bytes_on_any_number_of_ranks(name: str, ending: str, folder: Path, tmp_path: Path) -> None:
    files = []
    for size in (1, 2, 3, 8):
        out = tmp_path / f"{size}{ending}"
        predicted(
            folder, "--model", str(folder / name), "--data", str(folder / f"{name}.csv"), "--out", str(out), size=size
        )
        files.append(out.read_bytes())
    assert len(set(files)) == 1
    if ending == ".npy":
        table = np.load(tmp_path / "1.npy")
        assert (table.shape, table.dtype) == ((N, 2 if name == "numbers" else 3), np.float64)
        predicted(
            folder,
            "--model",
            str(folder / name),
            "--data",
            str(folder / f"{name}.csv"),
            "--out",
            str(tmp_path / "a.csv"),
        )
        written = np.array([row[-table.shape[1] :] for row in rows(tmp_path / "a.csv")[1:]], float)
        np.testing.assert_array_equal(written, table)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("name", ["numbers", "words"])
def test_derivatives_stand_beside_the_outputs(folder: Path, tmp_path: Path, name: str, size: int) -> None:
    data = ["--model", str(folder / name), "--data", str(folder / f"{name}.csv")]
    for out, more in (("plain.csv", []), ("all.csv", ["--derivatives"]), ("all.npy", ["--derivatives"])):
        predicted(folder, *data, "--out", str(tmp_path / out), *more, size=size)
    model, (header, *table) = load_model(folder / name), rows(tmp_path / "all.csv")
    plain = rows(tmp_path / "plain.csv")
    outputs, inputs = plain[0][-model.network.d[-1] :], model.preparation.inputs
    assert header == [*plain[0], *(f"d {output} / d {by}" for output in outputs for by in inputs)]
    assert [row[: len(plain[0])] for row in table] == plain[1:]
    found = np.array([row[len(plain[0]) :] for row in table], float)
    X = np.loadtxt(folder / f"{name}.csv", delimiter=",", skiprows=1, usecols=range(len(inputs)))
    np.testing.assert_allclose(found, model.derivative(X).reshape(N, -1), rtol=1e-11, atol=1e-13)
    array = np.load(tmp_path / "all.npy")
    np.testing.assert_array_equal(array[:, len(outputs) :], found)
    np.testing.assert_array_equal(
        array[:, : len(outputs)], [[float(x) for x in row[-len(outputs) :]] for row in plain[1:]]
    )


@pytest.mark.job
def test_under_mpirun_on_stdout(folder: Path) -> None:
    arguments = ("--model", folder / "words", "--data", folder / "words.csv")
    one, three = python(*PREDICT, *arguments), mpirun(3, *PREDICT, *arguments)
    assert (one.returncode, three.returncode) == (0, 0), one.stderr + three.stderr
    assert one.stdout == three.stdout
    assert one.stdout.count("\n") == N + 1


def test_a_checkpoint_is_a_model_too(folder: Path, tmp_path: Path) -> None:
    checkpoint = max((folder / "numbers" / "checkpoints").iterdir())
    for number, model in enumerate((folder / "numbers", checkpoint)):
        predicted(
            folder,
            "--model",
            str(model),
            "--data",
            str(folder / "numbers.csv"),
            "--out",
            str(tmp_path / f"{number}.csv"),
        )
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "1.csv").read_bytes()


def test_the_built_in_data(tmp_path: Path) -> None:
    arguments = ["--examples", "100", "--max-iterations", "3", "--hidden", "3", "--quiet"]
    assert train_main(OneRank(), [*arguments, "--out", str(tmp_path / "a")]) == 0
    predicted(tmp_path, "--model", str(tmp_path / "a"), "--examples", "7", "--out", str(tmp_path / "out.csv"))
    header, *found = rows(tmp_path / "out.csv")
    assert header == ["y", "output"]
    assert {row[0] for row in found} <= {"-1", "1"}
    assert all((row[0] == "1") == (float(row[1]) > 0) for row in found)
    assert len(found) == 7


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"model": ""}, "--model is empty text: is a variable of the shell not set"),
    "missing model": ({"model": "nowhere"}, "nowhere cannot be read: No such file or directory"),
    "a folder of runs": ({"model": "."}, r"\. is a folder with \d+ models: give one, such as "),
    "no model in it": ({"model": "numbers.csv"}, "numbers.csv is damaged, or was not written by distnn"),
    "other columns": (
        {"data": "words.csv"},
        r"words.csv lacks the column a that the model was trained with \(and 2 more\)",
    ),
    "another number of columns": ({"data": "four.npy"}, "four.npy lacks the column"),
    "a bad row": ({"data": "bad.csv"}, r"bad.csv, line 3 \(row 1\), column b: 'nan' is not a finite number"),
    "another ending": ({"out": "a.txt"}, r"--out a\.txt: the name must end with .csv, .npy, .* or .h5\."),
    "no such column": ({"keep": "id"}, "numbers.csv has no column 'id'"),
    "no folder": ({"out": "bad.csv/a.csv"}, "bad.csv/a.csv cannot be written: Not a directory"),
    "threads": ({"threads": "0"}, "--threads 0: give a number of at least 1"),
    "watchdog": ({"watchdog": "-1"}, "--watchdog -1.0: give a number of at least 0"),
}


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, size: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    np.save("four.npy", np.ones((3, 4)))
    Path("bad.csv").write_text("a,b,c\n1,2,3\n1,nan,3\n")
    Path("old.csv").write_text("p,q\n0,0\n")
    changes, sentence = BAD[name]
    arguments = {"model": "numbers", "data": "numbers.csv", "out": "old.csv"} | changes
    flags = [part for key, value in arguments.items() for part in (f"--{key}", value)]
    with pytest.raises(UserError, match=sentence):
        on_ranks(size, lambda ranks: main(ranks, flags)) if size > 1 else main(OneRank(), flags)
    assert Path("old.csv").read_text() == "p,q\n0,0\n"


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("ending", [".csv", ".npy", ".parquet", ".h5"])
def test_predictions_of_before_are_replaced_and_nothing_else(
    ending: str, size: int, folder: Path, tmp_path: Path
) -> None:
    data = ["--model", str(folder / "numbers"), "--data", str(folder / "numbers.csv")]
    out = tmp_path / f"a{ending}"
    for _ in range(2):
        predicted(folder, *data, "--out", str(out), size=size)
    whole = out.read_bytes()
    for before in (b"p,q,r\n1,2,3\n", b"anything", (folder / "numbers.csv").read_bytes()):
        out.write_bytes(before)
        with pytest.raises(UserError, match=r"a\.\w+ is there already, and holds no such predictions: .* --overwrite"):
            predicted(folder, *data, "--out", str(out), size=size)
        assert out.read_bytes() == before
    predicted(folder, *data, "--out", str(out), "--overwrite", size=size)
    assert len(out.read_bytes()) == len(whole)


def test_columns_are_kept_beside(folder: Path, tmp_path: Path) -> None:
    data = ["--model", str(folder / "numbers"), "--data", str(folder / "numbers.csv")]
    predicted(folder, *data, "--out", str(tmp_path / "plain.csv"))
    predicted(folder, *data, "--out", str(tmp_path / "all.csv"), "--keep", "*", size=3)
    table, plain, found = (
        rows(path) for path in (folder / "numbers.csv", tmp_path / "plain.csv", tmp_path / "all.csv")
    )
    assert found[0] == ["a", "b", "c", "true p", "true q", "p", "q"]
    assert found[1:] == [[*row, *prediction] for row, prediction in zip(table[1:], plain[1:], strict=True)]


def test_without_a_table(folder: Path) -> None:
    for size in (1, 2):
        with pytest.raises(UserError, match=r"--data is missing: .* or - for rows on stdin"):
            on_ranks(size, lambda ranks: main(ranks, ["--model", str(folder / "numbers")]))


@pytest.mark.job
@pytest.mark.parametrize("P", [1, 3])
def test_in_a_pipe(P: int, folder: Path, tmp_path: Path) -> None:
    """cat table | predict > predictions; few rows, since MPICH's mpirun passes on no more than a pipe holds."""
    lines = (folder / "words.csv").read_text().splitlines(keepends=True)[:200]
    arguments = (*PREDICT, "--model", folder / "words", "--data")
    command = [sys.executable, *map(str, arguments), "-", "--out", "-"]
    command = command if P == 1 else [find_mpirun(), "-n", str(P), *command]
    done = subprocess.run(
        command, input="".join(lines), capture_output=True, text=True, timeout=PATIENCE, env=environment()
    )
    assert done.returncode == 0, done.stderr
    known = tmp_path / "known.csv"
    given = ["--model", folder / "words", "--data", folder / "words.csv", "--out", known]
    assert main(OneRank(), [*map(str, given)]) == 0
    assert done.stdout.splitlines() == known.read_text().splitlines()[:200]


@pytest.mark.job
def test_a_reader_that_leaves_early(folder: Path) -> None:
    """predict | head -1 ends without a traceback."""
    command = [sys.executable, *PREDICT, "--model", str(folder / "words"), "--data", str(folder / "words.csv")]
    pipe = ["bash", "-c", '"$@" | head -1', "bash", *command]
    done = subprocess.run(pipe, capture_output=True, text=True, timeout=PATIENCE, env=environment())
    assert done.stdout == "fruit,output apple,output pear,output plum\n"
    assert done.stderr == ""


def test_intervals_are_columns_for_each_target(tmp_path: Path, small_blocks: None) -> None:
    """Lower and upper bound of the function and of a new observation; the same bytes on any number of ranks."""
    X, Y = regression(60, d=2, m=2)
    table = write_csv(tmp_path / "t.csv", {"a": X[:, 0], "b": X[:, 1], "p": Y[:, 0], "q": Y[:, 1]})
    run = ["--targets", "p", "q", "--hidden", "3", "--quiet", "--out", str(tmp_path / "run"), "--intervals", "all"]
    assert train_main(OneRank(), ["--data", str(table), "--optimizer", "bayesian", *run]) == 0
    common = ("--model", str(tmp_path / "run"), "--data", str(table), "--intervals", "0.9")
    for size in (1, 3):
        predicted(tmp_path, *common, "--derivatives", "--out", str(tmp_path / f"{size}.csv"), size=size)
        predicted(tmp_path, *common, "--out", str(tmp_path / f"{size}.npy"), size=size)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "3.csv").read_bytes()
    assert (tmp_path / "1.npy").read_bytes() == (tmp_path / "3.npy").read_bytes()
    header, *lines = rows(tmp_path / "1.csv")
    names = [f"{target} {bound}" for target in "pq" for bound in ("lower", "upper", "new lower", "new upper")]
    assert header == ["p", "q", *names, "d p / d a", "d p / d b", "d q / d a", "d q / d b"]
    model = load_model(tmp_path / "run")
    found = np.array(lines, float)
    np.testing.assert_allclose(found[:, 2:10], model.bounds(X, 0.9).reshape(60, 8), rtol=1e-12)
    np.testing.assert_array_equal(np.load(tmp_path / "1.npy"), found[:, :10])


@pytest.mark.parametrize("theta", ["softmax", "logistic"])
def test_intervals_of_classes_are_columns_for_each_output(theta: str, tmp_path: Path, small_blocks: None) -> None:
    """Lower and upper bound and average; two classes have one output under logistic."""
    X, names = words(60, 2 if theta == "logistic" else 3)
    table = write_csv(tmp_path / "t.csv", {"a": X[:, 0], "b": X[:, 1], "fruit": names})
    run = ["--hidden", "3", "--quiet", "--out", str(tmp_path / "run"), "--intervals", "all", "--output-theta", theta]
    assert train_main(OneRank(), ["--data", str(table), "--max-iterations", "9", *run]) == 0
    common = ("--model", str(tmp_path / "run"), "--data", str(table), "--intervals", "0.9")
    for size in (1, 3):
        predicted(tmp_path, *common, "--out", str(tmp_path / f"{size}.csv"), size=size)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "3.csv").read_bytes()
    header, *lines = rows(tmp_path / "1.csv")
    outputs = ["output"] if theta == "logistic" else ["output apple", "output pear", "output plum"]
    assert header == ["fruit", *outputs, *(f"{name} {of}" for name in outputs for of in ("lower", "upper", "averaged"))]
    model, m = load_model(tmp_path / "run"), len(outputs)
    found = np.array([line[1:] for line in lines], float)
    expected = np.dstack([model.bounds(X, 0.9), model.probabilities(X)]).reshape(60, 3 * m)
    np.testing.assert_allclose(found[:, m:], expected, rtol=1e-12)
    np.testing.assert_array_less(found[:, m::3], found[:, :m])
    np.testing.assert_array_less(found[:, :m], found[:, m + 1 :: 3])


@pytest.mark.parametrize("size", [1, 3])
def test_intervals_that_cannot_be_had(folder: Path, size: int) -> None:
    common = ("--model", str(folder / "numbers"), "--data", str(folder / "numbers.csv"), "--intervals")
    with pytest.raises(UserError, match="train it with --intervals all"):
        predicted(folder, *common, "0.95", size=size)
    with pytest.raises(UserError, match="--intervals 95: give a probability between 0 and 1"):
        predicted(folder, *common, "95", size=size)
