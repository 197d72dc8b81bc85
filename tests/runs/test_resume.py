"""Which options may be given to a run that goes on."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pytest

from distnn import UserError
from distnn.command_line.arguments import parse, read
from distnn.runs.options import NOT_STORED, Options, flag, group, stored
from distnn.runs.resume import FIXED, FREE, compare, merge
from distnn.storage.checkpoint import Found

READ = partial(parse, Options, "train", "")
STORED = Options(hidden=(3,), eta=0.5, max_iterations=20, data="old.csv")


def merged(folder: Path, *arguments: str) -> Options:
    (folder / "options.toml").write_text(stored(STORED))
    given = read(Options, "train", "", ["--resume", "--out", str(folder), *arguments])
    assert given is not None
    return merge(given, READ)


def test_those_of_the_run_and_those_given_now(tmp_path: Path) -> None:
    expected = replace(STORED, resume=True, out=str(tmp_path))
    assert merged(tmp_path) == expected
    assert merged(tmp_path, "--max-iterations", "30") == replace(expected, max_iterations=30)
    assert merged(tmp_path, "--hidden", "3") == expected  # the same once more is no change
    moved = merged(tmp_path, "--data", "new.csv", "--threads", "2", "--evaluate-every", "7")
    assert moved == replace(expected, data="new.csv", threads=2, evaluate_every=7)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--hidden", "4", "5"], "--hidden 4 5 cannot be given at --resume: this run began with 3"),
        (["--seed", "1"], "--seed 1 cannot be given at --resume: this run began with 0"),
        (["--optimizer", "adam"], "--optimizer adam cannot be given at --resume: this run began with its default"),
        (["--validation", "0.5"], "--validation 0.5 cannot be given"),
        (["--test", "0.5"], "--test 0.5 cannot be given"),
        (["--ignore", "a"], "--ignore a cannot be given at --resume: this run began with none"),
    ],
)
def test_what_a_run_began_with_stays(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{sentence}"):
        merged(tmp_path, *arguments)


def test_there_has_to_be_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--resume needs --out, the directory of the run to go on with\.$"):
        merge({"resume": True}, READ)
    with pytest.raises(UserError, match=r"holds no run to resume: .*options\.toml is missing"):
        merge({"resume": True, "out": str(tmp_path)}, READ)
    begun = merge({"resume": True, "out": str(tmp_path), "data": "a.csv", "seed": 3}, READ)
    assert begun == Options(resume=True, out=str(tmp_path), data="a.csv", seed=3)
    (tmp_path / "options.toml").write_text("\n")
    with pytest.raises(UserError, match=r"options\.toml is empty, as a crash .*: put back the options of this run"):
        merge({"resume": True, "out": str(tmp_path)}, READ)


def compared(was: Options, **changed: object) -> dict[str, str]:
    found = Found(Path("checkpoint"), {}, {}, {"options": stored(was)}, [])
    return compare(found, replace(was, **changed), Path("options.toml"))  # type: ignore[arg-type]


def shown(value: object) -> str:
    """An option's value, as a user would write it."""
    if value is None:
        return "its default"
    return " ".join(str(part) for part in value) or "none" if isinstance(value, tuple) else f"{value}"


def test_what_must_not_change_is_compared_with_the_checkpoint() -> None:
    """With an option of any kind that is not what it was; of each that may change, a sentence."""
    assert compared(STORED, out="there", resume=True, quiet=True, data="moved.csv") == {}
    for field in fields(Options):
        if field.name in NOT_STORED or field.name == "data":
            continue
        value = getattr(STORED, field.name)
        other = (not value) if isinstance(value, bool) else (7, 8) if isinstance(value, tuple) else "other"
        option, was, now = flag(field.name), shown(value), shown(other)
        if group(field.name) in FIXED and field.name not in FREE:
            with pytest.raises(UserError) as raised:
                compared(STORED, **{field.name: other})
            assert str(raised.value) == (
                f"options.toml says {option} {now}, but checkpoint was trained with {was}: "
                "set it back in that file, or begin a new run with another --out."
            )
        else:
            before = "not given" if value is None else was
            changed = {field.name: f"{option} is {now} from now on; it was {before}."}
            assert compared(STORED, **{field.name: other}) == changed


@pytest.mark.parametrize("metadata", [{}, {"options": 7}, {"options": "["}, {"options": None}])
def test_a_checkpoint_without_options(metadata: dict[str, object]) -> None:
    with pytest.raises(UserError, match="does not hold the state of a training"):
        compare(Found(Path("checkpoint"), {}, {}, metadata, []), STORED, Path("options.toml"))


def test_options_that_older_versions_did_not_know_had_their_defaults() -> None:
    found = Found(Path("checkpoint"), {}, {}, {"options": "seed = 3\nforgotten = 7\n"}, [])
    assert compare(found, Options(seed=3), Path("options.toml")) == {}
