"""All bad input: one sentence on stderr from rank 0, exit code 2, no rank hangs, nothing that was written is lost."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mpi_runner import mpirun, python
from tables import regression, write_csv
from threaded_ranks import outcomes

from distnn import UserError
from distnn.parallel.ranks import OneRank
from distnn.train import main

TRAIN = ("-m", "distnn.train")
LINES = ["x,y", *(f"{i},{(i * 7) % 5}" for i in range(3000))]

UNMEASURED = {"COVERAGE_PROCESS_START": None}  # coverage has a file of its own to write


def two_inputs(folder: Path) -> list[str]:
    """A table with as many inputs and outputs as the built-in one."""
    rows = [f"{i % 7},{i % 5},{i % 3}" for i in range(60)]
    (folder / "two.csv").write_text("\n".join(["x1,x2,y", *rows]) + "\n")
    return ["--data", "two.csv"]


def csv(bad: str, row: int) -> Callable[[Path], list[str]]:
    """A table of 3,000 rows of which one is bad."""

    def make(folder: Path) -> list[str]:
        lines = LINES.copy()
        lines[row + 1] = bad
        (folder / "table.csv").write_text("\n".join(lines) + "\n")
        return ["--data", "table.csv"]

    return make


def array(name: str, **arrays: object) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        if name.endswith(".npy"):
            np.save(folder / name, arrays["table"], allow_pickle=True)
        else:
            np.savez(folder / name, **arrays)  # type: ignore[arg-type]
        return ["--data", name]

    return make


def text(name: str, content: str | bytes) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return ["--data", name]

    return make


def weighted(folder: Path) -> Path:
    x, w = np.arange(3000.0), np.ones(3000)
    w[LAST] = -2
    return write_csv(folder / "weighted.csv", {"x": x, "w": w, "y": x % 7})


def empty_folder(folder: Path) -> list[str]:
    (folder / "nothing").mkdir(exist_ok=True)
    return ["--data", "nothing"]


def flags(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda folder: list(arguments)


X, Y = regression(30)
LAST = 2999  # a row of the last rank's

BAD: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "missing file": (flags("--data", "none.csv"), "none.csv cannot be read: No such file or directory"),
    "a folder": (empty_folder, "nothing: there is no file in it"),
    "unknown format": (text("a.xlsx", "1"), "a.xlsx is a spreadsheet; save it as CSV"),
    "empty file": (text("a.csv", ""), "a.csv is empty"),
    "ragged row": (csv("1,2,3", LAST), r"table.csv, line 3001 \(row 2999\).*3 fields.*2"),
    "short row": (csv("1", LAST), r"table.csv, line 3001 \(row 2999\)"),
    "word for a number": (csv("one,2", LAST), r"line 3001 \(row 2999\), column x: 'one' .*number"),
    "word in the targets": (csv("1,two", LAST), r"line 3001 \(row 2999\), column y: 'two' .*number"),
    "NaN": (csv("nan,2", LAST), r"line 3001 \(row 2999\), column x: 'nan' is not a finite number"),
    "infinity": (csv("1,-inf", LAST), r"line 3001 \(row 2999\), column y: '-inf' is not a finite number"),
    "empty field": (csv("1,", LAST), r"line 3001 \(row 2999\), column y"),
    "bad first row": (csv("nan,2", 0), r"line 2 \(row 0\), column x: 'nan'"),
    "constant target": (
        lambda folder: ["--data", str(write_csv(folder / "a.csv", {"x": X[:, 0], "y": X[:, 0] * 0 + 5}))],
        "the target column y is constant: there is nothing to learn",
    ),
    "one class": (text("a.csv", "x,y\n1,red\n2,red\n"), "column y holds one class only, 'red'"),
    "NaN in .npy": (
        array("a.npy", table=np.where(np.arange(6000).reshape(3000, 2) == 5999, np.nan, 1.0)),
        "a.npy, row 2999, column 1: nan is not a finite number",
    ),
    "NaN in .npz": (array("a.npz", X=X, Y=Y * np.nan), "column y, the target, holds nothing but missing values"),
    "object array": (array("a.npy", table=np.array([[1, "a"], [2, None]], object)), "a.npy.*Python objects"),
    "object array in .npz": (array("a.npz", X=np.array([[None]]), Y=Y[:1]), "array X.*Python objects"),
    "three dimensions": (array("a.npy", table=np.ones((3, 2, 2))), "a.npy.* has 3 dimensions"),
    "unequal lengths": (array("a.npz", X=X, Y=Y[1:]), "must have the same number of rows, but X has 30, Y has 29"),
    "no Y": (array("a.npz", X=X), "nothing to learn without targets"),
    "not an array": (text("a.npy", b"PK\3\4 no"), "a.npy"),
    "cut short": (text("a.npz", b"PK\3\4" + bytes(50)), "a.npz is damaged or not a .npz file"),
    "unknown option": (flags("--hiden", "3"), "Unknown option: .*--hiden.* Did you mean .*--hidden"),
    "unknown column": (
        lambda folder: [*csv("1,2", 5)(folder), "--targets", "z"],
        "table.csv has no column 'z'; its columns are x, y",
    ),
    "no inputs left": (
        lambda folder: [*csv("1,2", 5)(folder), "--targets", "x", "y"],
        "no column is left for the inputs",
    ),
    "target as weight": (
        lambda folder: [*csv("1,2", 5)(folder), "--targets", "y", "--weights", "y"],
        "column y cannot be target and weight at once",
    ),
    "negative weight": (
        lambda folder: ["--data", str(weighted(folder)), "--weights", "w"],
        "row 2999, column w: the weight -2 is negative",
    ),
    "a layer of width 0": (flags("--hidden", "3", "0"), "--hidden 3 0: every layer needs a width of at least 1"),
    "sign": (flags("--theta", "sign"), "sign has no derivative to learn from"),
    "error and output": (flags("--error", "cross-entropy", "--output-theta", "tanh"), "does not go with the output"),
    "no probabilities": (
        lambda folder: [*csv("1,2", 5)(folder), "--error", "cross-entropy", "--no-classes"],
        "needs targets between 0 and 1, or one column of classes; found",
    ),
    "beyond float32": (csv("1e39,2", LAST), "beyond the range of float32"),
    "--out is a file": (
        lambda folder: ["--out", str(next(iter(sorted(folder.glob("**/options.toml")))))],
        "--out .*options.toml is a file: give the directory of a run",
    ),
    "--out below a file": (flags("--out", "run/options.toml/a"), "--out .* cannot be written: Not a directory"),
    "--out cannot be written": (flags("--out", "/proc/nowhere"), "--out /proc/nowhere cannot be written: No such"),
    "--out holds a run": (flags("--out", "run"), "--out run holds a run already: .*--resume, .*--overwrite"),
    "--resume with other data": (
        lambda folder: ["--resume", "--out", "run", "--quiet", *two_inputs(folder)],
        "The data is not what .* was trained on",
    ),
    "--resume with another network": (
        flags("--resume", "--out", "run", "--hidden", "9"),
        "--hidden 9 cannot be given at --resume: this run began with 3",
    ),
    "--resume of nothing": (flags("--resume", "--out", "nowhere"), "--out nowhere holds no run to resume"),
    "bad TOML": (
        lambda folder: ["--config", str(text("a.toml", "theta = ")(folder)[1])],
        "--config a.toml is not a TOML file: Invalid value",
    ),
}  # fmt: skip
EXTRA = {"beyond float32": ("--dtype", "float32")}


SMALL = ("--examples", "50", "--hidden", "3", "--optimizer", "gradient-descent", "--quiet")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in it, which nothing may touch."""
    folder = tmp_path_factory.mktemp("bad")
    out = ["--out", str(folder / "run")]
    assert main(OneRank(), [*SMALL, "--max-iterations", "3", *out]) == 0
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def arguments_of(name: str, folder: Path) -> list[str]:
    arguments = [*BAD[name][0](folder), *EXTRA.get(name, ())]
    return arguments if "--out" in arguments else [*arguments, "--out", "run", "--overwrite"]


@pytest.mark.parametrize("name", BAD)
def test_on_one_process(name: str, before: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(before)
    arguments, untouched = arguments_of(name, before), contents(before)
    with pytest.raises(UserError, match=BAD[name][1]) as raised:
        main(OneRank(), arguments)
    sentence = str(raised.value)
    assert sentence.isprintable()
    assert len(sentence) < 400
    assert contents(before) == untouched


# Of those that are found on rank 0, or on all ranks alike, one of a kind; of those on the last rank, all.
ON_THREE = [
    *("missing file", "ragged row", "word for a number", "NaN", "infinity", "constant target", "NaN in .npy"),
    *("object array", "unknown option", "a layer of width 0", "beyond float32", "negative weight", "one class"),
    "--out is a file",
]


@pytest.mark.parametrize("name", ON_THREE)
def test_on_one_of_three_ranks(name: str, before: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(before)
    arguments, untouched = arguments_of(name, before), contents(before)
    raised = outcomes(3, lambda ranks: main(ranks, arguments))
    for error in raised:
        with pytest.raises(UserError, match=BAD[name][1]):
            raise error
    assert len({str(error) for error in raised}) == 1
    assert contents(before) == untouched


@pytest.mark.job
@pytest.mark.parametrize("name", ["unknown option", "ragged row", "--resume with other data"])
def test_three_ranks_say_it_once(name: str, before: Path) -> None:
    """Found by rank 0, by the last one, and by all after the table was read."""
    arguments, untouched = arguments_of(name, before), contents(before)
    done = mpirun(3, *TRAIN, *arguments, cwd=before)
    assert done.returncode == 2, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("distnn:")]
    assert len(said) == 1, done.stderr
    with pytest.raises(UserError, match=BAD[name][1]):
        raise UserError(said[0])
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert contents(before) == untouched


def test_what_never_began_leaves_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = csv("5,word", 2900)(tmp_path)
    (tmp_path / "mine").mkdir()
    for table in (["--data", "none.csv"], data):
        for out in ("new", "mine"):
            with pytest.raises(UserError):
                main(OneRank(), [*table, "--out", out, "--no-classes"])
    assert sorted(os.listdir()) == ["mine", "table.csv"]


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: str, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    # Root may read what has no permission.
    monkeypatch.setattr("distnn.data.tables.files.open", forbidden, raising=False)
    with pytest.raises(UserError, match=r"a\.csv cannot be read: Permission denied"):
        main(OneRank(), ["--data", str(tmp_path / "a.csv"), "--out", str(tmp_path / "run")])


@pytest.mark.parametrize("name", ["environment.json", "options.toml", "metrics.jsonl"])
def test_a_run_that_cannot_be_written_to_any_more(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At --resume, simulated, since root may write where others may not."""
    out = ["--out", str(tmp_path / "run"), "--quiet"]
    main(OneRank(), [*SMALL[:-1], "--max-iterations", "3", *out])
    replace = os.replace

    def read_only(source: str, target: Path) -> None:
        if Path(target).name == name:
            raise OSError(30, "Read-only file system", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", read_only)
    untouched = contents(tmp_path / "run" / "checkpoints")
    with pytest.raises(UserError, match=f"--out .*run cannot be written .*{name}.: Read-only file system"):
        main(OneRank(), ["--resume", "--max-iterations", "5", *out])
    assert contents(tmp_path / "run" / "checkpoints") == untouched


@pytest.mark.job
def test_a_full_disk(before: Path, tmp_path: Path) -> None:
    """No file may grow beyond 2 kB: the run says so and leaves with 1; what was written before stays."""
    untouched = contents(before)
    limit = "import resource, signal; from mpi4py import MPI; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    limit += f"; resource.setrlimit(resource.RLIMIT_FSIZE, (2048, {resource.RLIM_INFINITY}))"
    begin = f"{limit}; import runpy, sys; sys.argv = ['train', '--resume', '--out', 'run', '--max-iterations', '400']"
    done = python("-c", f"{begin}; runpy.run_module('distnn.train', run_name='__main__')", cwd=before, env=UNMEASURED)
    assert done.returncode == 1, done.stderr
    assert "cannot be written" in done.stderr
    assert "Older checkpoints are untouched" in " ".join(done.stderr.split())
    assert done.stderr.count("training goes on") == 1, "a warning in every iteration"
    assert "Traceback" not in done.stderr
    now = contents(before)
    for name, content in untouched.items():
        if "checkpoint-" in name:
            assert now[name] == content, name
