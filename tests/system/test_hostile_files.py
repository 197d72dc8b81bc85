"""Files made to harm: they cost one sentence, never memory, a traceback, a wait, or something executed."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mpi_runner import environment, python
from patience import PATIENCE
from safetensors.numpy import save
from trainings import trained

import distnn
from distnn import UserError
from distnn.command_line.arguments import parse
from distnn.inference.stored import load_model
from distnn.runs.checkpointing import restore
from distnn.runs.directory import RunDirectory
from distnn.runs.options import Options, check
from distnn.storage import checkpoint, files
from distnn.storage.checkpoint import Checkpoints
from distnn.train import ABOUT, PROGRAM

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
GB = 1 << 30


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run."""
    out = tmp_path_factory.mktemp("hostile") / "run"
    options = ("--examples", "50", "--hidden", "2", "--optimizer", "lbfgs", "--max-iterations", "4")
    trained(out, *options, "--quiet")
    return out


def header(text: bytes, length: int | None = None, data: bytes = b"") -> bytes:
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def tensor(shape: list[Any], end: int, begin: int = 0, dtype: str = "F64", **others: Any) -> bytes:
    """A header with what distnn writes about a file, a tensor w and others."""
    about = {"distnn": "1", "sha256": "", "metadata": "{}"}
    w = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    return json.dumps({"__metadata__": about, "w": w, **others}).encode()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a header as long as memory": lambda: header(b"{}", 2**62),
    "a header longer than the file": lambda: header(b"{}", 1 << 20),
    "no header": lambda: header(b"", 0),
    "lists in lists": lambda: header(b"[" * 10_000_000),
    "many empty lists": lambda: header(b"[" + b"[]," * 10_000_000 + b"[]]"),
    "many dictionaries": lambda: header(b'{"a":{}' + b',"b":{}' * 4_000_000 + b"}"),
    "a header of 100 MB": lambda: header(b'{"__metadata__":{"a":"' + b"b" * 100_000_000 + b'"}}'),
    "a tensor of 8 TB": lambda: header(tensor([1 << 40], 1 << 43)),
    "a tensor whose size overflows": lambda: header(tensor([1 << 62, 8], 0)),
    "a tensor of negative size": lambda: header(tensor([-1], 8), data=bytes(8)),
    "tensors that overlap": lambda: header(
        tensor([1], 8, v={"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}), data=bytes(8)
    ),
    "a tensor that begins before the file": lambda: header(tensor([1], 0, -8), data=bytes(8)),
    "a tensor that begins late": lambda: header(tensor([1], 16, 8), data=bytes(16)),
    "numbers behind the last tensor": lambda: header(tensor([1], 8), data=bytes(16)),
    "a tensor of half a row": lambda: header(tensor([0.5], 4), data=bytes(4)),
    "a tensor of two negative sizes": lambda: header(tensor([-1, -1], 8), data=bytes(8)),
    "a tensor of endless empty rows": lambda: header(tensor([1 << 70, 0], 0)),
    "a tensor of objects": lambda: header(tensor([1], 8, dtype="O"), data=bytes(8)),
    "a tensor that is a number": lambda: header(tensor([1], 8, v=1), data=bytes(8)),
    "a number with a million digits": lambda: header(b'{"__metadata__":{"distnn":' + b"1" * 1_000_000 + b"}}"),
    "a version with a million digits": lambda: save({"w": np.zeros(1)}, {"distnn": "9" * 1_000_000}),
    "metadata of nested lists": lambda: save(
        {"w": np.zeros(1)}, {"distnn": "1", "sha256": "", "metadata": "[" * 1_000_000}
    ),
}

READ = """
import resource, sys
from pathlib import Path
import distnn
from distnn import UserError
from distnn.storage import files
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    files.read(Path(sys.argv[1]))
except UserError as error:
    print(error, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, sep="\\n")
"""


@pytest.mark.job
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_costs_an_error_not_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    content = HOSTILE[name]()
    path.write_bytes(content)
    done = python("-c", READ, path, str(3 * GB))
    assert done.returncode == 0, done.stderr
    said, grown = done.stdout.splitlines()
    assert said == f"{path} is damaged, or was not written by distnn."
    assert int(grown) * 1024 < len(content) + (100 << 20)


@pytest.mark.job
def test_the_largest_acceptable_header_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(header(b'{"a":[' + b"1e9," * (files.HEADER_BYTES // 4 - 10) + b"0]}"))
    done = python("-c", READ, path, str(3 * GB))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[1]) * 1024 < GB


def test_pipes_devices_and_folders(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(UserError, match="is damaged, or was not written by distnn"):
            files.read(path)
    with pytest.raises(UserError, match="Is a directory"):
        files.read(tmp_path)


def test_names_of_checkpoints(tmp_path: Path) -> None:
    for name in ("²", "٣", "-5", "1e3", "0x10", "", "9" * 100):
        (tmp_path / f"checkpoint-{name}.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="No checkpoint in"):
        Checkpoints(tmp_path, 3).newest()


def test_what_cannot_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="names of columns"):
        files.write(tmp_path / "a", {"w": np.zeros(1)}, {"columns": ["x" * 100] * 400_000})
    assert not list(tmp_path.iterdir())


EXECUTES = ("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml")


def test_nothing_in_the_package_executes_what_it_reads() -> None:
    """No module that unpickles, no eval or exec; allow_pickle is False wherever NumPy reads a file."""
    import ast

    package = Path(distnn.__file__).parent
    messages = package / "bench/scaling/ranks.py"  # between simulated ranks, which are pickled as mpi4py does it
    for path in {*package.rglob("*.py")} - {messages}:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names + module} & set(EXECUTES), path
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "compile", "__import__"), f"{path}:{node.lineno}"
                if called in ("np.load", "numpy.load"):
                    assert any(
                        word.arg == "allow_pickle" and ast.unparse(word.value) == "False" for word in node.keywords
                    )
                for word in node.keywords:
                    assert word.arg != "shell", f"{path}:{node.lineno}"


@fuzz
@given(content=st.binary(max_size=300))
def test_any_bytes(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError):
        files.read(path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@fuzz
@given(metadata=st.dictionaries(st.sampled_from(["distnn", "sha256", "metadata", "other"]), st.text(max_size=20)))
@example(metadata={"distnn": "١", "sha256": "", "metadata": "{}"})
def test_any_header(metadata: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(save({"w": np.zeros(2)}, metadata))
    with pytest.raises(UserError):
        files.read(path)


def replaced(found: Any, place: int, value: Any) -> Any:
    """The same JSON value with its part number `place` (modulo the number of its parts) replaced."""
    parts: list[tuple[Any, Any]] = []

    def walk(part: Any) -> None:
        for key, inner in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
            parts.append((part, key))
            walk(inner)

    copy = json.loads(json.dumps(found))
    walk(copy)
    inside, key = parts[place % len(parts)]
    inside[key] = value
    return copy


@pytest.mark.job
@fuzz
@given(place=st.integers(0, 10_000), value=values)
def test_metadata_of_any_kind_with_a_right_checksum(place: int, value: Any, run: Path) -> None:
    """What another program might have written on purpose: a model, and a checkpoint, with one value replaced."""
    for path, use in ((max(run.glob("checkpoints/*")), go_on), (run / "model.safetensors", predict)):
        tensors, metadata = files.read(path)
        changed = run.parent / "changed.safetensors"
        files.write(changed, tensors, replaced(metadata, place, value))
        try:
            use(changed)
        except UserError as error:
            assert str(changed) in str(error) or "The inputs have shape" in str(error)


def predict(path: Path) -> None:
    load_model(path)(np.zeros((3, 2)))


def go_on(path: Path) -> None:
    found = checkpoint.read(path)
    fingerprint = files.read(max((path.parent / "run").glob("checkpoints/*")))[1]["fingerprint"]
    restore(found, fingerprint, 9, 100, 1)


arrays = st.one_of(
    st.sampled_from([np.zeros(0), np.zeros(9, np.int8), np.zeros((9, 1)), np.zeros(()), np.zeros((2, 9)), np.ones(10)]),
    st.lists(st.floats(), max_size=12).map(np.array),
)


@pytest.mark.job
@fuzz
@given(place=st.integers(0, 100), value=arrays)
def test_tensors_of_any_shape_with_a_right_checksum(place: int, value: np.ndarray, run: Path) -> None:
    for path, use in ((max(run.glob("checkpoints/*")), go_on), (run / "model.safetensors", predict)):
        tensors, metadata = files.read(path)
        tensors[sorted(tensors)[place % len(tensors)]] = value
        changed = run.parent / "changed.safetensors"
        files.write(changed, tensors, metadata)
        try:
            use(changed)
        except UserError as error:
            assert str(changed) in str(error) or "The inputs have shape" in str(error)


def options_from(path: Path) -> None:
    check(parse(Options, PROGRAM, ABOUT, ["--config", str(path)]))


TOML = {
    "nested": b"a = " + b"[" * 100_000,
    "tables": b"[" + b"a." * 5_000 + b"a]",
    "a table in place of a value": b"[hidden]\na = 1\n",
    "a list in place of a value": b"seed = [1, 2]\n",
    "a date": b"seed = 2026-01-01\n",
    "a huge number": b"seed = " + b"9" * 10_000 + b"\n",
    "an infinite number": b"max-iterations = inf\n",
    "bytes": b"\xff\xfe\x00",
    "an unknown option": b"__class__ = 1\n",
    "python": b"stop = \"__import__('os').system('touch HARM')\"\n",
    "long": b"# " + b"x" * (20 << 20),
}


@pytest.mark.parametrize("name", TOML)
def test_hostile_options(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "options.toml"
    path.write_bytes(TOML[name])
    with pytest.raises(UserError) as caught:
        options_from(path)
    assert len(str(caught.value)) < 2000
    assert not (tmp_path / "HARM").exists()


def test_options_from_a_device() -> None:
    with pytest.raises(UserError, match="/dev/zero"):
        options_from(Path("/dev/zero"))


@settings(fuzz, max_examples=60)
@given(
    text=st.text(st.characters(codec="utf-8"), max_size=60) | st.text("abhidensr=[]{}\"'.\n 0123456789", max_size=60)
)
def test_any_options(text: str, tmp_path: Path) -> None:
    path = tmp_path / "options.toml"
    path.write_text(text)
    with contextlib.suppress(UserError):
        options_from(path)


@settings(fuzz, max_examples=30)
@given(name=st.sampled_from([field.replace("_", "-") for field in vars(Options())]), value=values)
def test_options_with_any_value(name: str, value: Any, tmp_path: Path) -> None:
    import tomli_w

    path = tmp_path / "options.toml"
    try:
        path.write_text(tomli_w.dumps({name: value}))
    except (TypeError, UnicodeEncodeError):
        return
    with contextlib.suppress(UserError):
        options_from(path)


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b'{"t": 1e999}', b'{"t": "x"}', b'{"t": null}', b"\xff\xfe", b"7", b'{"t": []}']
)
def test_metrics_that_are_none(line: bytes, tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.metrics.path.write_bytes(b'{"t": 0}\n' + line + b'\n{"t": 1}\n{"t": 2}\n{"t": 3')
    directory.cut_metrics(1)
    assert directory.metrics.last == 1
    assert directory.metrics.path.read_text() == '{"t": 0}\n{"t": 1}\n'


@pytest.mark.job
@pytest.mark.parametrize("name", ["nested", "python", "bytes"])
def test_a_run_whose_options_were_changed(name: str, run: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(run, tmp_path / "run"))
    (out / "options.toml").write_bytes(TOML[name])
    command = [sys.executable, "-m", "distnn.train", "--resume", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment(), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "HARM").exists()
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < 2 * GB
