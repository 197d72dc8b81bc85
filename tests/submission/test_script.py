"""Scripts for batch systems: those of launch/ with two lines filled in, or the same for an installed distnn."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from batch_systems import SYSTEMS as STAND_INS
from batch_systems import BatchSystem
from checkout import CHECKOUT, LAUNCH

from distnn.command_line.arguments import read, to_toml
from distnn.declared import declared
from distnn.runs.options import Options
from distnn.submission.script import in_checkout, script, to_flags
from distnn.submission.systems import SYSTEMS, Request

OPTIONS = ["--hidden", "30", "30", "--max-iterations", "100000"]
NODES = {"pbs": 4}  # that the script of launch/ asks for


@pytest.mark.parametrize("name", SYSTEMS)
def test_in_the_checkout_it_is_the_script_of_launch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the letter, where the same is asked for."""
    monkeypatch.chdir(CHECKOUT)
    text = script(SYSTEMS[name], Request(64, 4 * 3600, nodes=NODES.get(name)), "runs/first", OPTIONS, ())
    assert text == (LAUNCH / SYSTEMS[name].script).read_text()


@pytest.mark.parametrize("name", SYSTEMS)
def test_elsewhere_it_needs_no_checkout(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not in_checkout()
    text = script(SYSTEMS[name], Request(8, 60), "runs/a b", ["--data", "it's.csv"], ("gcc", "openmpi/5"))
    assert "checkout" not in text.partition("source")[0] and "source launch/" not in text
    assert "OUT='runs/a b' OPTIONS=(--data 'it'\"'\"'s.csv')\n" in text
    modules, environment, source = (
        text.index("module load gcc openmpi/5\n"),
        text.index("DISTNN_ENV"),
        text.index("source"),
    )
    assert modules < environment < source


@pytest.mark.job
@pytest.mark.parametrize("name", STAND_INS)
def test_it_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a stand-in of the system, without a checkout's launch/: trains in the environment that it was made in."""
    system = BatchSystem(name, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(system.folder / ".venv"))
    text = script(SYSTEMS[name], Request(4, 3600), "runs/first", ["--data", "a b.csv", "--hidden", "3"], ())
    shutil.rmtree(system.folder / "launch")
    (system.folder / "launch").mkdir()
    (system.folder / "launch" / system.system.script).write_text(text)
    for word in ("stop", "done"):
        with system.run(word) as job:
            done = job.finish()
        assert done.returncode == {"stop": 75, "done": 0}[word], done.stderr
    first, second = system.trainings()
    assert first == "--data a b.csv --hidden 3 --out runs/first"
    assert second == f"{first} --resume"


def test_options_as_flags() -> None:
    given = {"hidden": (3, 4), "standardise": False, "header": True, "eta": 0.5, "targets": ("y", "a b"), "seed": 3}
    flags = to_flags(declared(Options), given)
    assert " ".join(flags) == "--targets y a b --header --no-standardise --hidden 3 4 --seed 3 --eta 0.5"
    assert to_flags(declared(Options), {}) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["t.csv", "--missing=-x", "NA", "--weights=--w", "--targets", "-1"],
        ["--data=-t.csv", "--hidden", "--stop", "t >= 5 and E_in < 1"],
        ["--config", "all.toml", "--no-standardise"],
    ],
    ids=" ".join,
)
def test_flags_say_what_was_given(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also words that begin as options do, no layer at all, and a file that names no columns, as options.toml does."""
    monkeypatch.chdir(tmp_path)
    Path("all.toml").write_text(to_toml(Options(data="a b.csv", seed=4)))
    given = read(Options, "distnn train", "", arguments)
    assert given is not None
    again = read(Options, "distnn train", "", to_flags(declared(Options), given))
    assert again is not None and Options(**again) == Options(**given)
