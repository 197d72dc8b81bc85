"""What becomes of the disk while a training writes to it: it fills up, is read-only, its folders are gone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from availability import unavailable
from mpi_runner import Job, start
from trainings import BASE, INJECT, model, newest, trained

pytestmark = [pytest.mark.job, pytest.mark.usefixtures("no_shared_memory_stays")]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB."""
    path = tmp_path / "disk"
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(path)], capture_output=True, text=True
    )
    if done.returncode:
        unavailable("a disk that is full", f"a tmpfs cannot be mounted: {done.stderr.strip()}")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


OFTEN = (*BASE, "--checkpoint-every", "5")
TO_THE_END = 9  # times that it is let go on


def held(out: Path, iterations: int) -> Job:
    """A training on two ranks that is held before the iterations 30, 60, … until it is let go on."""
    return start(2, INJECT, "held", "all", *OFTEN, "--max-iterations", str(iterations), "--out", out)


def delete(out: Path) -> None:
    """At once, whatever is being written there."""
    gone = out.rename(out.with_name("gone"))
    shutil.rmtree(gone, ignore_errors=True)


def test_a_disk_that_fills_up_and_is_cleared(disk: Path, tmp_path: Path) -> None:
    out = disk / "run"
    with held(out, 120) as job:
        job.wait_for("is held")
        (disk / "others").write_bytes(bytes(min(200_000, shutil.disk_usage(disk).free)))
        job.let_go_on(1)
        job.wait_for("cannot be written: No space left on device. Older checkpoints are untouched.")
        good = newest(out)
        assert good >= 0
        (disk / "others").unlink()
        job.let_go_on(TO_THE_END)
        done = job.finish()
    assert newest(out) > good
    assert done.returncode == 0, done.stderr
    trained(tmp_path / "one", *OFTEN, "--max-iterations", "120")
    assert model(out) == model(tmp_path / "one")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_disk_that_stays_full(disk: Path) -> None:
    out = disk / "run"
    with held(out, 60) as job:
        job.wait_for("is held")
        (disk / "others").write_bytes(bytes(min(200_000, shutil.disk_usage(disk).free)))
        job.let_go_on(TO_THE_END)
        done = job.finish()
    assert done.returncode == 1, done.stderr
    assert f"{out}/model.safetensors cannot be written: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert newest(out) >= 25
    (disk / "others").unlink()
    trained(out, "--resume", "--quiet")


def test_a_file_system_that_becomes_read_only(disk: Path) -> None:
    out = disk / "run"
    with held(out, 60) as job:
        job.wait_for("is held")
        # A mount with files that are open for writing cannot be made read-only; one laid over it can.
        subprocess.run(["mount", "--bind", str(out), str(out)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(out)], check=True)
        job.let_go_on(TO_THE_END)
        done = job.finish()
    assert done.returncode == 1, done.stderr
    assert "cannot be written: Read-only file system. Older checkpoints are untouched." in done.stderr
    assert f"{out}/model.safetensors cannot be written: Read-only file system." in done.stderr
    assert "Traceback" not in done.stderr
    assert newest(out) >= 25
    subprocess.run(["umount", "-l", str(out)], check=True)


def test_a_directory_that_is_deleted_is_made_anew(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with held(out, 120) as job:
        job.wait_for("is held")
        delete(out)
        job.let_go_on(TO_THE_END)
        job.wait_for("was deleted, and is made anew")
        done = job.finish()
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    trained(tmp_path / "one", *OFTEN, "--max-iterations", "120")
    assert model(out) == model(tmp_path / "one")
    trained(out, "--resume", "--max-iterations", "125")


def test_a_folder_without_permission(tmp_path: Path) -> None:
    """A file in place of the folder: also for root, who may write everywhere."""
    out = tmp_path / "run"
    with held(out, 60) as job:
        job.wait_for("is held")
        delete(out)
        out.write_text("in the way")
        job.let_go_on(TO_THE_END)
        done = job.finish()
    assert done.returncode == 1, done.stderr
    assert "model.safetensors cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
