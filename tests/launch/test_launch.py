"""The scripts and descriptions in launch/: their syntax, and what they say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from checkout import LAUNCH
from mpi_runner import Job
from patience import PATIENCE


def scripts() -> list[Path]:
    return sorted(path for path in LAUNCH.iterdir() if path.suffix in (".sh", ".sbatch"))


@pytest.mark.job
@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.name)
def test_syntax_of_shell_scripts(script: Path) -> None:
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and not done.stderr, done.stderr


@pytest.mark.job
@pytest.mark.parametrize("name", sorted(path.name for path in LAUNCH.iterdir() if path.is_file()))
def test_what_a_user_copies_says_what_it_needs_and_whether_it_is_tested(name: str) -> None:
    tools = (
        "docs.sh",
        "environment.sh",
        "batch.sh",
        "ended.sh",
        "local.sh",
        "test.sh",
        "lint.sh",
        "summary.py",
        "mutate.sh",
        "package.sh",
    )
    if name in tools:  # not for a cluster
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
    subprocess.run(["bash", "-n", "-c", container["args"][0]], check=True, timeout=PATIENCE)


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
        assert running.finish().returncode == code, running.stderr


@pytest.mark.job
@pytest.mark.parametrize("left", [None, "options.toml"])
def test_mpijob_goes_on_with_what_is_there(left: str | None, tmp_path: Path) -> None:
    """Also with a run that was ended before its first checkpoint: without --resume its directory would be refused."""
    (job,) = yaml.safe_load_all((LAUNCH / "mpijob.yaml").read_text())
    (container,) = job["spec"]["mpiReplicaSpecs"]["Launcher"]["template"]["spec"]["containers"]
    script = container["args"][0].replace("/work/runs", f"{tmp_path}/runs")
    (tmp_path / "mpirun").write_text('#!/usr/bin/env bash\necho "${@: -1}"\nexit 75\n')
    (tmp_path / "mpirun").chmod(0o755)
    if left:
        (tmp_path / "runs/first").mkdir(parents=True)
        (tmp_path / "runs/first" / left).touch()
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "RANKS": "4", "OPTIONS": "--hidden 3"}
    done = subprocess.run(
        [*container["command"], script], env=variables, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.stdout == ("--resume\n" if left else f"{tmp_path}/runs/first\n"), done.stderr


@pytest.mark.job
def test_syntax_of_dockerfile() -> None:
    text = "".join(line for line in (LAUNCH / "Dockerfile").open() if not line.startswith("#"))
    instructions = [line.split(maxsplit=1) for line in text.replace("\\\n", "").splitlines() if line]
    assert instructions[0][0] == "FROM"
    assert {name for name, _ in instructions} <= {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "CMD"}
    for name, rest in instructions:
        if name == "RUN":
            subprocess.run(["bash", "-n", "-c", rest], check=True, timeout=PATIENCE)
        if name == "COPY":
            assert all((LAUNCH.parent / source).exists() for source in rest.split()[:-1]), rest


@pytest.mark.job
def test_syntax_of_apptainer_definition() -> None:
    head, *sections = re.split(r"^%(\w+)$", (LAUNCH / "apptainer.def").read_text(), flags=re.MULTILINE)
    assert {"Bootstrap: docker", "From: python:3.12-slim"} <= set(head.splitlines())
    bodies = dict(zip(sections[::2], sections[1::2], strict=True))
    assert list(bodies) == ["files", "post", "environment", "runscript"]
    for name in ("post", "environment", "runscript"):
        subprocess.run(["bash", "-n", "-c", bodies[name]], check=True, timeout=PATIENCE)
    for line in bodies["files"].split("\n"):
        assert not line or (LAUNCH.parent / line.split()[0]).exists()
