"""Values that make no sense, for every option of the commands beside train and search: a sentence, or what is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import write_csv
from trainings import trained

from distnn import evaluate, export, init, predict, submit, verify, watch
from distnn.declared import Declared, declared
from distnn.errors import DONE, FAILED, UserError
from distnn.parallel.ranks import OneRank
from distnn.runs.options import Options

ABSURD = (
    "nan",
    "inf",
    "-1",
    "0",
    str(2**62),
    str(2**63),
    "1e308",
    "-1e308",
    "",
    " ",
    "0.5",
    f"1{5000 * '0'}",
    "a\0b",
    "é/x",
)
# By command: what it is started with, and its options.
COMMANDS: dict[str, tuple[Any, tuple[str, ...], type]] = {
    "predict": (predict, ("--model=run", "--data=table.csv"), predict.PredictOptions),
    "evaluate": (evaluate, ("--model=run", "--data=table.csv"), evaluate.EvaluateOptions),
    "verify": (verify, ("--data=table.csv", "--hidden=2", "--steps=1", "--simulate=2"), verify.VerifyOptions),
    "export": (export, ("--model=run", "--to=c", "--out=here"), export.ExportOptions),
    "watch": (watch, ("run", "--once"), watch.WatchOptions),
    "submit": (submit, ("--system=slurm", "--data=table.csv", "--out=job", "--dry-run"), submit.SubmitOptions),
    "init": (init, ("--data=table.csv", "--yes"), init.InitOptions),
}
OF_TRAINING = {option.name for option in declared(Options)}  # which test_absurd_numbers.py tries
CASES = [
    (command, option)
    for command, (_, _, kind) in COMMANDS.items()
    for option in declared(kind)
    if not option.is_switch and (command not in ("verify", "submit") or option.name not in OF_TRAINING)
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table and a run."""
    monkeypatch.chdir(tmp_path)
    x = np.arange(30.0)
    write_csv(tmp_path / "table.csv", {"a": x % 7, "b": x % 5, "y": x * x % 11})
    trained(tmp_path / "run", "--data", "table.csv", "--hidden", "2", "--max-iterations", "3", "--quiet")
    return tmp_path


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("command", "option"), CASES, ids=[f"{command}-{option.name}" for command, option in CASES])
def test_no_value_gives_a_traceback(command: str, option: Declared, run: Path, capsys: pytest.CaptureFixture) -> None:
    program, usual, _ = COMMANDS[command]
    arguments = [argument for argument in usual if not argument.startswith(f"{option.flag}=")]
    if option.name in ("runs",):
        arguments.remove("run")
    for value in ABSURD:
        try:
            code = program.main(OneRank(), [*arguments, f"{option.flag}={value}"])
        except UserError as error:
            assert len(str(error)) < 600 + len(value) and "\n" not in str(error), value[:20]
        else:
            assert code in (DONE, FAILED), value[:20]
        capsys.readouterr()
