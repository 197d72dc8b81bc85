"""The batch scripts against stand-ins of their systems: what they do with each end of a training, and where what they
rely on is empty, garbage or missing. The real Slurm and Grid Engine: test_slurm.py and test_grid_engine.py.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from batch_systems import SYSTEMS, BatchSystem
from patience import PATIENCE
from trainings import wait_until

pytestmark = pytest.mark.job

AGAIN = {  # by each system's own means, where the script's exit code does not do it
    "pbs": "-v DISTNN_TASK,DISTNN_TEST_JOB script",
    "flux": "script",
    "slurm": "requeue 1",
    "lsf": None,
}


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest, tmp_path: Path) -> BatchSystem:
    return BatchSystem(request.param, tmp_path)


@pytest.fixture
def pbs(tmp_path: Path) -> BatchSystem:
    """One of them, for what batch.sh does for all."""
    return BatchSystem("pbs", tmp_path)


def finish(system: BatchSystem, *behaviour: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    with system.run(*behaviour, **changes) as job:
        done = job.finish()
    assert "unbound variable" not in done.stderr and "syntax error" not in done.stderr
    return done


def assert_put_back(system: BatchSystem, times: int = 1) -> None:
    again = AGAIN[Path(system.system.script).stem]
    said = [line.strip().replace(f"{system.spool}/", "") for line in system.submitted()]
    assert said == ([again] * times if again else [])


def test_done(system: BatchSystem) -> None:
    done = finish(system, "done")
    assert done.returncode == 0, done.stderr
    assert system.trainings() == ["--hidden 30 30 --max-iterations 100000 --out runs/first"]
    assert (system.folder / "ranks").read_text() == "4\n"
    assert list((system.folder / "runs").iterdir()) == []
    assert system.submitted() == []


def test_goes_on_where_it_stopped(system: BatchSystem) -> None:
    for number, word in enumerate(("stop", "killed", "vanish"), 1):
        done = finish(system, word)
        assert done.returncode == 75, done.stderr
        assert_put_back(system, number)
    assert "rank 0 did not come to its end" in done.stderr
    assert finish(system, "done").returncode == 0
    assert [("--resume" in line) for line in system.trainings()] == [False, True, True, True]
    assert [path.name for path in (system.folder / "runs").iterdir()] == ["first"]


def test_warning_is_passed_on(system: BatchSystem) -> None:
    with system.run("wait") as job:
        _wait_for(system.folder / "waiting")
        job.send_signal(signal.SIGUSR1)
        done = job.finish()
    assert (done.returncode, "asked to stop" in done.stdout) == (75, True), done.stderr
    assert_put_back(system)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_cancelled_job_is_not_put_back(system: BatchSystem, number: signal.Signals) -> None:
    """qdel, bkill, scancel and flux cancel begin with one of these; the checkpoint is still written."""
    with system.run("wait") as job:
        _wait_for(system.folder / "waiting")
        job.send_signal(number)
        done = job.finish()
    assert (done.returncode, "newest checkpoint: iteration 1" in done.stdout) == (75, True), done.stderr
    if system.system.script in ("pbs.sh", "flux.sh"):  # the others' systems know it by themselves
        assert system.submitted() == []
        assert f"The job was cancelled ({number.name})" in done.stdout


def test_warning_before_the_training_starts(system: BatchSystem) -> None:
    """While the environment is looked at, which takes seconds on a slow file system."""
    wait = f"touch '{system.folder}/waiting'; until [[ -e '{system.folder}/go' ]]; do sleep 0.05; done\n"
    (system.folder / "launch/ended.sh").write_text(wait + (system.folder / "launch/ended.sh").read_text())
    with system.run("done") as job:
        _wait_for(system.folder / "waiting")
        job.send_signal(signal.SIGUSR1)
        (system.folder / "go").touch()
        done = job.finish()
    assert done.returncode == 75, done.stderr
    assert system.trainings() == []
    assert_put_back(system)


def test_bad_options_are_not_tried_again(system: BatchSystem) -> None:
    assert finish(system, "bad").returncode == 2
    assert system.submitted() == []


def test_gives_up_without_progress(pbs: BatchSystem) -> None:
    assert [finish(pbs, "empty").returncode for _ in range(3)] == [75] * 3
    done = finish(pbs, "done")
    assert done.returncode == 1 and "3 starts in a row wrote no newer checkpoint" in done.stderr
    assert [("--overwrite" in line) for line in pbs.trainings()] == [False, True, True]


@pytest.mark.parametrize(
    "content", ["", "\n", "7", "one two", "a[$(touch${IFS}hacked)] 1", "08 01", "99999999999999999999 1", "\0" * 5000]
)
def test_garbage_in_the_count_of_starts(pbs: BatchSystem, content: str) -> None:
    """A full disk leaves an empty file."""
    (pbs.folder / "runs").mkdir()
    (pbs.folder / "runs/first.starts").write_text(content)
    done = finish(pbs, "done")
    assert done.returncode == 0, done.stderr
    assert content == "08 01" or "first.starts, the number of starts" in done.stderr
    assert not (pbs.folder / "hacked").exists()


def test_full_disk(pbs: BatchSystem) -> None:
    """Nothing that the script itself writes is needed for training."""
    (pbs.folder / "runs").mkdir()
    for name in ("starts", "exit-code"):
        (pbs.folder / f"runs/first.{name}").symlink_to("/dev/full")
    done = finish(pbs, "stop")
    assert done.returncode == 75, done.stderr
    assert "first.starts cannot be written" in done.stderr and "first.exit-code cannot be written" in done.stderr
    assert len(pbs.trainings()) == 1


def test_folders_where_files_should_be(pbs: BatchSystem) -> None:
    for name in ("starts", "exit-code"):
        (pbs.folder / f"runs/first.{name}").mkdir(parents=True)
    done = finish(pbs, "stop")
    assert done.returncode == 75 and len(pbs.trainings()) == 1, done.stderr


@pytest.mark.parametrize("out", ["", "/"])
def test_no_directory(pbs: BatchSystem, out: str) -> None:
    edit(pbs, "OUT=runs/first", f"OUT={out}")
    done = finish(pbs, "done")
    assert (done.returncode, pbs.trainings()) == (2, [])
    assert "OUT is empty" in done.stderr


def test_no_options_and_a_slash(pbs: BatchSystem) -> None:
    edit(pbs, "OUT=runs/first OPTIONS=(--hidden 30 30 --max-iterations 100000)", "OUT=runs/first/ OPTIONS=()")
    assert finish(pbs, "done").returncode == 0
    assert pbs.trainings() == ["--out runs/first"]


def test_outside_the_checkout(system: BatchSystem, tmp_path: Path) -> None:
    (system.folder / "launch/batch.sh").unlink()
    done = finish(system, "done")
    assert done.returncode == 2 and "submit it in the checkout: " in done.stderr
    assert system.submitted() == []


def test_each_variable_that_is_not_set_or_empty(system: BatchSystem) -> None:
    """A sentence, and never exit code 0 without a training."""
    for name in (*system.system.variables, "PBS_NODEFILE"):
        for value in (None, ""):
            before = len(system.trainings())
            done = finish(system, "done", **{name: value})
            trained = len(system.trainings()) > before
            assert trained or done.stderr, name
            assert (done.returncode == 0) == trained, (name, done.stderr)
            assert system.submitted() == []


@pytest.mark.parametrize("value", ["", "0", "many"])
def test_senseless_number_of_ranks(system: BatchSystem, value: str) -> None:
    changes: dict[str, str | None] = {system.system.ranks: value}
    if system.system.ranks == "PBS_NODEFILE":
        changes = {"PBS_NODEFILE": str(system.spool / value / "none")}
    (system.spool / "cores").write_text(value)
    done = finish(system, "done", **changes)
    assert (done.returncode, system.trainings()) == (2, [])
    assert "the number of ranks should be in" in done.stderr


def test_arrays(system: BatchSystem) -> None:
    variables: dict[str, dict[str, str | None]] = {
        "pbs": {"PBS_JOBID": "1[3].server", "PBS_ARRAY_INDEX": "3"},
        "lsf": {"LSB_JOBINDEX": "3"},
        "slurm": {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3", "SLURM_JOB_ID": "7"},
    }
    name = Path(system.system.script).stem
    if name not in variables:
        return  # Flux has none: its bulksubmit submits jobs of their own
    (system.spool / "number").write_text("1[3].server\n")
    assert finish(system, "stop", **variables[name]).returncode == 75
    assert system.trainings() == ["--hidden 30 30 --max-iterations 100000 --seed 3 --out runs/first-seed-3"]
    again = {"pbs": [f"-v DISTNN_TASK,DISTNN_TEST_JOB {system.spool}/script"], "lsf": [], "slurm": ["requeue 7_3"]}[
        name
    ]
    assert [line.strip() for line in system.submitted()] == again


# -- the clock of pbs.sh


def test_pbs_without_a_time_limit(pbs: BatchSystem) -> None:
    (pbs.spool / "limit").write_text("")
    done = finish(pbs, "done")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("limit", "seconds"), [("04:00:00", 4 * 3600 - 180), ("00:05:00", 150)])
def test_pbs_stops_before_its_time_limit(pbs: BatchSystem, limit: str, seconds: int) -> None:
    """The clock's sleep is noted, and over as soon as the training has begun."""
    clock, slept = pbs.folder / ".venv/bin/sleep", pbs.spool / "slept"
    wait = f'echo "$1" >"{slept}"; until [[ -e "{pbs.folder}/waiting" ]]; do /bin/sleep 0.05; done'
    clock.write_text(f'#!/usr/bin/env bash\n[[ $1 != 0.* ]] || exec /bin/sleep "$1"\n{wait}\n')
    clock.chmod(0o755)
    (pbs.spool / "limit").write_text(f"{limit}\n")
    done = finish(pbs, "wait")
    assert (done.returncode, "asked to stop" in done.stdout) == (75, True), done.stderr
    assert 0 <= seconds - int(slept.read_text()) < 100  # less what the script took until then
    assert_put_back(pbs)


@pytest.mark.parametrize("end", ["done", "bad"])
def test_pbs_ends_its_clock_and_nothing_else(pbs: BatchSystem, end: str) -> None:
    """`kill ""` kills nothing, `kill 0` everything in the process group, as was done without a clock."""
    (pbs.spool / "limit").write_text("" if end == "bad" else "04:00:00")
    with pbs.run(end) as job:
        done = job.finish()
        wait_until(lambda: not job._processes(), "the clock ends")
    assert done.returncode == {"done": 0, "bad": 2}[end]


def test_pbs_without_qstat(pbs: BatchSystem) -> None:
    (pbs.folder / ".venv/bin/qstat").unlink()
    done = finish(pbs, "done")
    assert done.returncode == 0 and "qstat does not tell the time limit" in done.stderr


LIMITS = [("04:00:00", 14400), ("1:30", 90), ("90", 90), ("1-00:00:00", 86400), ("08:09:08", 29348)]


@pytest.mark.parametrize(
    ("text", "seconds"), [*LIMITS, ("INFINITY", ""), ("", ""), ("1:2:3:4", ""), ("a[$(id)]", ""), ("-5", "")]
)
def test_time_limits_as_they_are_written(pbs: BatchSystem, text: str, seconds: int | str) -> None:
    command = 'OUT=x; source launch/batch.sh; seconds_in "$1"'
    path = f"{pbs.folder}/.venv/bin:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-c", command, "-", text],
        cwd=pbs.folder,
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout.strip() == str(seconds), done.stderr


# -- LSF


def test_lsf_asks_for_a_warning_and_for_the_exit_code(tmp_path: Path) -> None:
    system = BatchSystem("lsf", tmp_path)
    options = system.system.directives((system.folder / "launch/lsf.sh").read_text())
    assert (options["Q"], options["wa"]) == ("75", "USR1")
    assert int(options["wt"]) >= 2  # minutes
    assert "r" in options


def edit(system: BatchSystem, old: str, new: str) -> None:
    path = system.folder / "launch" / system.system.script
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def _wait_for(path: Path) -> None:
    wait_until(path.exists, f"{path} is there")
