"""Every command and every piece of Python that README.md and docs/ show is run, and its output compared.

What is run, in the order of the document and in one temporary folder for each, where launch/, docs/ and examples/ are:

* blocks marked ```console: each line '$ COMMAND' (a '\\' at its end, or a here-document, goes on in the next lines).
  The lines below it, if any, are its output; '...' in a line stands for anything, '...' alone for any lines. The
  working folder and exported variables last to the end of the document. A command should end with exit code 0; a
  line '# exits with 2' above it says otherwise;
* blocks marked ```python: each a program of its own.

Other blocks (```toml, ```text, ```{include}, ...) are not run; blocks marked bash, sh or nothing at all are an error,
since nobody would know whether they are run. NOT_RUN lists the commands that no test can run, each with the reason.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
import shutil
import sys
from pathlib import Path

import pytest
from checkout import CHECKOUT
from mpi_runner import JOB_VARIABLE, Job
from shown import matches

UNCLEAR = ("", "bash", "sh", "shell", "zsh", "shell-session")

# Commands that no test can run: pattern, reason. An entry that no document shows is an error.
NOT_RUN = {
    "sbatch launch/slurm.sbatch": "needs a cluster; test_slurm.py and test_slurm_signals.py submit that script to one",
    "qsub launch/pbs.sh": "needs a cluster; test_batch.py gives that script stand-ins of one",
    "bsub < launch/lsf.sh": "needs a cluster; test_batch.py gives that script stand-ins of one",
    "DISTNN_MPI=system launch/local.sh*": "builds mpi4py for an MPI of the machine; test_environment.py does",
    "mpirun -n 4 distnn train table.csv --device gpu": "needs GPUs; tests/device/run.sh is for who has one",
    "launch/test.sh*": "is what runs this test",
    "launch/mutate.sh*": "takes minutes, or hours",
    "python -m distnn.bench.scaling*": "needs SimGrid; bench/scaling/test_trial.py runs trials where it is",
    "launch/lint.sh": "is run with the tests, on the checkout itself",
    "pip install pre-commit*": "needs a git repository",
    "launch/package.sh*": "takes minutes; test_library.py installs distnn, and looks at the wheel's tag",
    "pipx run cibuildwheel*": "needs Docker",
}


@dataclasses.dataclass
class Step:
    """A command (its code run by bash) or a block of Python, with the output that the document shows below it."""

    language: str
    line: int
    code: str
    shown: list[str]
    exit_code: int = 0


def documents() -> list[Path]:
    return [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]


def steps(text: str) -> list[Step]:
    """All that a document asks to be run. Raises ValueError for a block whose mark leaves that open."""
    found: list[Step] = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        fence = re.match(r"( *)(`{3,}|~{3,})\s*([\w{}-]*)", lines[at])
        if fence is None:
            at += 1
            continue
        indent, mark, language = fence.groups()
        end = next((k for k in range(at + 1, len(lines)) if lines[k].strip() == mark), len(lines))
        body = [line.removeprefix(indent) for line in lines[at + 1 : end]]
        if language in UNCLEAR:
            raise ValueError(f"line {at + 1}: mark the block as console (it is run), python (run) or text (not run)")
        if language == "console":
            found += commands(body, at + 2)
        elif language == "python":
            found.append(Step("python", at + 2, "\n".join(body) + "\n", []))
        at = end + 1
    return found


def commands(body: list[str], line: int) -> list[Step]:
    """The commands of a console block whose first line is line `line` of the document."""
    found: list[Step] = []
    exit_code = 0
    rest = list(enumerate(body, line))
    while rest:
        number, text = rest.pop(0)
        if note := re.fullmatch(r"# exits with (\d+)", text):
            exit_code = int(note[1])
        elif text.startswith("$ "):
            code = text[2:]
            here = re.search(r"<<-?\s*['\"]?(\w+)", code)
            while rest and (code.endswith("\\") or (here and code.splitlines()[-1].strip() != here[1])):
                code += "\n" + rest.pop(0)[1].removeprefix("> ")
            found.append(Step("console", number, code, [], exit_code))
            exit_code = 0
        elif found:
            found[-1].shown.append(text)
        elif text.strip():
            raise ValueError(f"line {number}: a console block begins with a command, '$ ...'")
    for step in found:
        while step.shown and not step.shown[-1].strip():
            step.shown.pop()
    return found


def not_run(step: Step) -> str | None:
    """The entry of NOT_RUN that a step falls under, if one does."""
    return next((pattern for pattern in NOT_RUN if fnmatch.fnmatchcase(step.code, pattern)), None)


def run(step: Step, folder: Path) -> None:
    """Run one step in a document's folder, and compare."""
    if step.language == "python":
        block = folder.parent / "block.py"
        block.write_text(step.code)
        code = f'"{sys.executable}" "{block}"'
    else:
        code = step.code
    state = folder.parent / "state"  # working folder and variables, from one command to the next
    keep = f'trap \'{{ export -p | grep -v {JOB_VARIABLE}=; printf "cd %q\\n" "$PWD"; }} >"{state}"\' EXIT\n'
    before = f'source "{state}"\n' if state.exists() else ""
    plain = "unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE\n"  # as on a reader's machine: no warning of a slow kernel
    with Job(["bash", "-c", f"exec 2>&1\n{before}{plain}{keep}{code}\n"], cwd=folder) as job:
        done = job.finish()
    assert done.returncode == step.exit_code, f"exit code {done.returncode}, output:\n{done.stdout}"
    assert not step.shown or matches(step.shown, done.stdout), (
        "the document shows\n" + "\n".join(step.shown) + f"\nand the output is\n{done.stdout}"
    )


@pytest.mark.job
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_what_a_document_shows(document: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "launch").symlink_to(CHECKOUT / "launch")
    for name in ("docs", "examples"):
        if (CHECKOUT / name).exists():
            shutil.copytree(CHECKOUT / name, folder / name)
    for step in steps(document.read_text(encoding="utf-8")):
        if not_run(step) is None:
            try:
                run(step, folder)
            except (AssertionError, pytest.fail.Exception) as error:
                pytest.fail(f"{document.relative_to(CHECKOUT)}, line {step.line}: {step.code}\n{error}", pytrace=False)


def test_every_entry_of_not_run_is_shown_somewhere() -> None:
    used = {not_run(step) for document in documents() for step in steps(document.read_text(encoding="utf-8"))}
    assert set(NOT_RUN) <= used


# -- the reader itself

EXAMPLE = """\
Text.

```console
$ echo one; echo two
one
two
$ export NAME=world && mkdir -p sub && cd sub
# exits with 3
$ cat > file <<END
hello $NAME
END
$ cat file \\
    && pwd
...
hello ...ld
...
```

```python
print(1)
```
"""


def test_steps_of_a_document() -> None:
    found = steps(EXAMPLE)
    assert [step.line for step in found] == [4, 7, 9, 12, 20]
    assert [step.exit_code for step in found] == [0, 0, 3, 0, 0]
    assert found[0].shown == ["one", "two"]
    assert found[2].code == "cat > file <<END\nhello $NAME\nEND"
    assert found[3].code == "cat file \\\n    && pwd"
    assert found[4].code == "print(1)\n"


@pytest.mark.job
def test_running_steps(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for step in steps(EXAMPLE.replace("# exits with 3\n", "")):
        run(step, folder)
    assert (folder / "sub/file").read_text() == "hello world\n"
    run(Step("console", 1, "(exit 3)", [], 3), folder)
    with pytest.raises(AssertionError, match="exit code 3"):
        run(Step("console", 1, "(exit 3)", []), folder)
    with pytest.raises(AssertionError, match="the document shows"):
        run(Step("console", 1, "echo one", ["two"]), folder)


@pytest.mark.parametrize(
    ("shown", "output", "same"),
    [
        (["a", "b"], "a\nb\n", True),
        (["a", "b"], "a\nc\nb\n", False),
        (["a", "...", "b"], "a\nc\nd\nb\n", True),
        (["a", "...", "b"], "a\nb\n", True),
        (["t = ... s"], "t = 12.5 s  \n", True),
        (["t = ... s"], "t = 12.5 min\n", False),
        (["a.c"], "abc\n", False),
        (["a"], "a\nmore\n", False),
    ],
)
def test_comparison(shown: list[str], output: str, same: bool) -> None:
    assert matches(shown, output) is same


@pytest.mark.parametrize("text", ["```bash\n$ ls\n```\n", "```\nls\n```\n", "```console\nls\n```\n"])
def test_unclear_blocks_are_errors(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        steps(text)
