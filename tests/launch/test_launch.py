"""The scripts in launch/: setting up, training on this machine, and the proof that the parallel tests ran."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from availability import unavailable
from checkout import LAUNCH
from mpi_runner import Job, environment, find_mpirun

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "distnn"
version = "0"
dependencies = ["mpi4py"]
[project.optional-dependencies]
mpich = ["mpich"]
test = []
[tool.setuptools]
packages = ["distnn"]
"""

TRAINER = """\
import os, signal, sys, time
from pathlib import Path
from mpi4py import MPI

seen = []
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: seen.append(signal.Signals(number).name))
ranks = MPI.COMM_WORLD
if ranks.rank == 0:  # mpirun may mix the output of two
    print(f"{ranks.size} ranks", *sys.argv[1:], flush=True)
if "--wait" in sys.argv:
    ranks.barrier()
    deadline = time.monotonic() + 20
    while not seen and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    seen = ranks.gather(seen)
    if ranks.rank == 0:
        print("seen:", seen, flush=True)
    ranks.barrier()
    sys.exit(75)
if ranks.rank == 0 and "DISTNN_EXIT_CODE_FILE" in os.environ:
    Path(os.environ["DISTNN_EXIT_CODE_FILE"]).write_text("0\\n")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of a tiny distnn, in a folder with a space in its name."""
    folder = tmp_path / "a checkout"
    shutil.copytree(LAUNCH, folder / "launch")
    (folder / "distnn").mkdir()
    (folder / "distnn/__init__.py").touch()
    (folder / "distnn/train.py").write_text(TRAINER)
    (folder / "pyproject.toml").write_text(PROJECT)
    return folder


@pytest.fixture
def ready(checkout: Path) -> Path:
    """The tiny checkout with an environment, which is this one in disguise."""
    programs = checkout / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nPYTHONPATH="{checkout}" exec "{sys.executable}" "$@"\n')
    (programs / "python").chmod(0o755)
    (programs / "mpirun").write_text(f'#!/bin/sh\nexec "{find_mpirun()}" "$@"\n')
    (programs / "mpirun").chmod(0o755)
    (checkout / ".venv/distnn-environment").write_text(f"{checkout}\nMPI automatic\nextras \n{PROJECT}")
    return checkout


OWN = {"DISTNN_MPI": None, "DISTNN_VENV": None}  # changes to the environment, for a checkout other than this one


def local(checkout: Path, *options: str, **changes: str | None) -> Job:
    """Start the checkout's local.sh, from elsewhere."""
    return Job([str(checkout / "launch/local.sh"), *options], cwd="/", env=OWN | changes)


def scripts() -> list[Path]:
    return sorted(path for path in LAUNCH.iterdir() if path.suffix in (".sh", ".sbatch"))


@pytest.mark.job
@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.name)
def test_syntax_of_shell_scripts(script: Path) -> None:
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and not done.stderr, done.stderr


@pytest.mark.job
@pytest.mark.parametrize("name", sorted(path.name for path in LAUNCH.iterdir() if path.is_file()))
def test_what_a_user_copies_says_what_it_needs_and_whether_it_is_tested(name: str) -> None:
    if name in (
        "environment.sh",
        "batch.sh",
        "ended.sh",
        "local.sh",
        "test.sh",
        "lint.sh",
        "summary.py",
    ):  # what they run is tested by use
        return
    head = "".join((LAUNCH / name).read_text().splitlines(keepends=True)[:14])
    assert "# Needs: " in head
    assert "# Tested: " in head or "# Not tested here: only its syntax" in head


@pytest.mark.parametrize("name", ["slurm.sbatch", "pbs.sh", "lsf.sh", "flux.sh", "sge.sh"])
def test_two_lines_to_edit_and_no_directive_after_them(name: str) -> None:
    """Schedulers read directives up to the first command only, so nothing that they should read may follow it."""
    mark = {"slurm.sbatch": "#SBATCH", "pbs.sh": "#PBS", "lsf.sh": "#BSUB", "flux.sh": "#flux:", "sge.sh": "#$ "}[name]
    lines = (LAUNCH / name).read_text().splitlines()
    at = lines.index("# Edit these two lines.")
    assert lines[at + 1].startswith(mark) and lines[at + 2].startswith("OUT=")
    assert not any(line.startswith(mark) for line in lines[at + 2 :])
    assert all(not line or line.startswith("#") for line in lines[: at + 2])


@pytest.mark.job
def test_syntax_of_mpijob() -> None:
    (job,) = yaml.safe_load_all((LAUNCH / "mpijob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v2beta1", "MPIJob")
    launcher, worker = (job["spec"]["mpiReplicaSpecs"][name] for name in ("Launcher", "Worker"))
    (container,) = launcher["template"]["spec"]["containers"]
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    assert int(variables["RANKS"]) == worker["replicas"] * job["spec"]["slotsPerWorker"]
    subprocess.run(["bash", "-n", "-c", container["args"][0]], check=True, timeout=20)


@pytest.mark.job
@pytest.mark.parametrize(
    ("mpirun", "code"),
    [
        ('echo 0 >"$word"', 0),
        ("true", 1),  # as mpirun --with-ft ulfm where all ranks were killed
        ("exit 75", 75),
        ("kill -9 $$", 137),
        ("trap 'exit 75' USR1; kill -TERM $PPID; for _ in {1..100}; do sleep 0.1; done", 75),
    ],
)
def test_mpijob_takes_only_rank_0s_word_for_success(mpirun: str, code: int, tmp_path: Path) -> None:
    (job,) = yaml.safe_load_all((LAUNCH / "mpijob.yaml").read_text())
    (container,) = job["spec"]["mpiReplicaSpecs"]["Launcher"]["template"]["spec"]["containers"]
    script = container["args"][0].replace("/work/runs", f"{tmp_path}/runs")
    given = "for word; do [[ $word == DISTNN_EXIT_CODE_FILE=* ]] && break; done; word=${word#*=}"
    (tmp_path / "mpirun").write_text(f"#!/usr/bin/env bash\n{given}\n{mpirun}\n")
    (tmp_path / "mpirun").chmod(0o755)
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "RANKS": "4", "OPTIONS": "--hidden 3"}
    with Job([*container["command"], script], cwd=tmp_path, env=variables) as running:
        assert running.finish(30).returncode == code, running.stderr


@pytest.mark.job
def test_syntax_of_dockerfile() -> None:
    text = "".join(line for line in (LAUNCH / "Dockerfile").open() if not line.startswith("#"))
    instructions = [line.split(maxsplit=1) for line in text.replace("\\\n", "").splitlines() if line]
    assert instructions[0][0] == "FROM"
    assert {name for name, _ in instructions} <= {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "CMD"}
    for name, rest in instructions:
        if name == "RUN":
            subprocess.run(["bash", "-n", "-c", rest], check=True, timeout=20)
        if name == "COPY":
            assert all((LAUNCH.parent / source).exists() for source in rest.split()[:-1]), rest


@pytest.mark.job
def test_syntax_of_apptainer_definition() -> None:
    head, *sections = re.split(r"^%(\w+)$", (LAUNCH / "apptainer.def").read_text(), flags=re.MULTILINE)
    assert {"Bootstrap: docker", "From: python:3.12-slim"} <= set(head.splitlines())
    bodies = dict(zip(sections[::2], sections[1::2], strict=True))
    assert list(bodies) == ["files", "post", "environment", "runscript"]
    for name in ("post", "environment", "runscript"):
        subprocess.run(["bash", "-n", "-c", bodies[name]], check=True, timeout=20)
    for line in bodies["files"].split("\n"):
        assert not line or (LAUNCH.parent / line.split()[0]).exists()


# -- local.sh


@pytest.mark.job
def test_local_passes_options_on(ready: Path) -> None:
    with local(ready, "--hidden", "16", "-n", "3", "--out", "a folder") as job:
        done = job.finish(30)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 ranks --hidden 16 --out a folder\n"
    assert done.stderr == ""  # silent when the environment is there


@pytest.mark.job
def test_local_does_not_take_the_launchers_exit_code_for_success(ready: Path) -> None:
    """Open MPI's mpirun --with-ft ulfm ends with 0 where all ranks were killed."""
    mpirun = ready / ".venv/bin/mpirun"
    mpirun.write_text("#!/bin/sh\nexit 0\n")
    with local(ready, "-n", "2") as job:
        done = job.finish(30)
    assert done.returncode == 1
    assert "rank 0 did not come to its end" in done.stderr


def cores() -> int:
    """The cores that local.sh should find: affinity, and the share given to a container."""
    count = len(os.sched_getaffinity(0))
    limit = Path("/sys/fs/cgroup/cpu.max")
    quota, period = limit.read_text().split() if limit.exists() else ("max", "1")
    return count if quota == "max" else min(count, -(-int(quota) // int(period)))


@pytest.mark.job
def test_local_takes_all_cores(ready: Path) -> None:
    with local(ready, OMP_NUM_THREADS="1") as job:  # which would make nproc say 1
        done = job.finish(30)
    assert done.stdout == f"{cores()} ranks\n", done.stderr


@pytest.mark.job
@pytest.mark.parametrize("number", ["0", "-1", "eight", ""])
def test_local_refuses_a_senseless_number_of_processes(ready: Path, number: str) -> None:
    with local(ready, "-n", number) as job:
        done = job.finish(30)
    assert done.returncode == 2
    assert "-n needs a number of processes" in done.stderr


@pytest.mark.job
def test_local_help(ready: Path) -> None:
    with local(ready, "--help") as job:
        done = job.finish(30)
    assert done.returncode == 0 and "the number of processes" in done.stdout
    assert "1 ranks --help" in done.stdout  # the trainer's own


@pytest.mark.job
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
def test_local_asks_each_rank_once_to_stop_and_waits(ready: Path, number: signal.Signals) -> None:
    with local(ready, "-n", "2", "--wait") as job:
        job.wait_for("2 ranks")
        time.sleep(0.3)
        job.send_signal(number)
        done = job.finish(30)
    assert done.returncode == 75, done.stderr
    assert "seen: [['SIGUSR1'], ['SIGUSR1']]" in done.stdout


@pytest.mark.job
def test_local_interrupted_by_ctrl_c_on_a_terminal(ready: Path) -> None:
    """The terminal sends SIGINT to the whole foreground process group, not only to the script."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir("/")
        os.execve(ready / "launch/local.sh", ["local.sh", "-n", "2", "--wait"], environment(OWN))
    output, interrupted, deadline = "", False, time.monotonic() + 40
    while time.monotonic() < deadline and select.select([terminal], [], [], 40)[0]:
        try:
            output += os.read(terminal, 4096).decode()
        except OSError:  # the other end is closed
            break
        if "2 ranks" in output and not interrupted:
            time.sleep(0.3)
            os.write(terminal, b"\x03")
            interrupted = True
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 75, output
    assert "seen: [['SIGUSR1'], ['SIGUSR1']]" in output


# -- environment.sh


@pytest.mark.job
def test_python_too_old(checkout: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ["python3", *(f"python3.{minor}" for minor in range(11, 15))]:
        (old / name).write_text("#!/bin/sh\ncase $1 in --version) echo Python 3.9.1;; *) exit 1;; esac\n")
        (old / name).chmod(0o755)
    with local(checkout, PATH=f"{old}:/usr/bin:/bin") as job:
        done = job.finish(30)
    assert done.returncode == 1
    assert "distnn needs Python 3.11 or newer" in done.stderr and "python3 is Python 3.9.1" in done.stderr


@pytest.mark.job
def test_unknown_mpi(checkout: Path) -> None:
    with local(checkout, DISTNN_MPI="mpi") as job:
        done = job.finish(30)
    assert done.returncode == 1 and "DISTNN_MPI is 'mpi'" in done.stderr


@pytest.mark.job
def test_a_folder_with_other_things_in_it_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    precious = tmp_path / "home" / "precious"
    precious.parent.mkdir()
    precious.write_text("do not delete")
    with local(checkout, DISTNN_VENV=str(precious.parent)) as job:
        done = job.finish(60)
    assert done.returncode == 1 and "is not a Python environment and holds other things" in done.stderr
    assert precious.read_text() == "do not delete"


@pytest.mark.job
def test_the_environment_of_another_checkout_is_left_alone(checkout: Path, ready: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ready, other)
    (other / "pyproject.toml").write_text(PROJECT + "# changed\n")
    with local(other, DISTNN_VENV=str(ready / ".venv")) as job:
        done = job.finish(60)
    assert done.returncode == 1 and f"is the environment of {ready}" in done.stderr
    with local(ready, "-n", "1") as job:
        assert job.finish(60).stdout == "1 ranks\n"


@pytest.fixture
def outside_path() -> Iterator[str]:
    """PATH without this environment, as a newcomer has it."""
    here = Path(sys.executable).parent
    yield os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != here)


@pytest.mark.job
@pytest.mark.timeout(400)
def test_set_up_twice_at_once_and_repair(checkout: Path, outside_path: str) -> None:
    """For real, from the package index: needs a network, and says so where there is none."""
    fresh = {"PATH": outside_path, "VIRTUAL_ENV": None, "DISTNN_MPI": "mpich"}
    stamp = checkout / ".venv/distnn-environment"

    with local(checkout, "-n", "2", **fresh) as one, local(checkout, "-n", "2", **fresh) as two:
        both = [one.finish(180), two.finish(180)]
    if any("No matching distribution" in done.stderr or "ConnectionError" in done.stderr for done in both):
        unavailable("setting up an environment needs the package index", both[0].stderr)
    assert [done.returncode for done in both] == [0, 0], both[0].stderr + both[1].stderr
    assert [done.stdout for done in both] == ["2 ranks\n"] * 2
    assert sum("Setting up" in done.stderr for done in both) == 1
    finished = stamp.read_text()

    stamp.write_text("unfinished\n")  # what a set-up leaves that was interrupted
    shutil.rmtree(next((checkout / ".venv/lib").glob("python*/site-packages/pip")))
    with local(checkout, "-n", "2", **fresh) as job:
        done = job.finish(180)
    assert done.returncode == 0, done.stderr
    assert stamp.read_text() == finished


# -- test.sh
