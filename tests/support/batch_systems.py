"""Stand-ins for PBS, LSF, Flux and Slurm: as strict as their documentation says, without any computing node.

A batch script is submitted in a tiny checkout: its directives are read as the real command reads them, and it is run
with the variables that the real system sets, and no other. The commands that it calls are scripts on PATH that refuse
what the real ones refuse. `python -m distnn.train` stands in, too: it does what the file `behaviour` says, a word for
each start (see TRAINER), and notes its arguments in `trainings`.
"""

from __future__ import annotations

import getopt
import os
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from checkout import LAUNCH
from mpi_runner import Job

TRAINER = """\
#!/usr/bin/env bash
# The interpreter of the environment. done: ends well; stop: a checkpoint and 75; wait: the same, once asked by USR1;
# empty: 75 without a checkpoint; killed: 137; bad: 2; vanish: 0, as of mpirun --with-ft ulfm when all were killed.
[[ $1 == -c ]] && exit 0
[[ $1 == -m && $2 == distnn.train ]] || exit 99
shift 2
out= go_on=
echo "$*" >>trainings
while (($#)); do
    case $1 in --out) out=$2; shift ;; --resume | --overwrite) go_on=$1 ;; esac
    shift
done
checkpoint() {
    mkdir -p "$out/checkpoints"
    touch "$out/checkpoints/checkpoint-$(printf %08d "$(wc -l <trainings)").safetensors"
}
word=$(head -n 1 behaviour) && sed -i 1d behaviour
trap 'checkpoint; echo "asked to stop"; exit 75' USR1
case $word in
done) echo 0 >"$DISTNN_EXIT_CODE_FILE" ;;
stop) checkpoint; exit 75 ;;
wait) touch waiting; for _ in {1..3000}; do sleep 0.1; done; exit 98 ;;
empty) mkdir -p "$out"; exit 75 ;;
killed) exit 137 ;;
bad) exit 2 ;;
vanish) ;;
*) exit 97 ;;
esac
"""

MPIRUN = """\
#!/usr/bin/env bash
# mpirun -n N COMMAND...: one rank stands for all
[[ $1 == -n && $2 =~ ^[1-9][0-9]*$ ]] || { echo "mpirun: not a number of ranks: $*" >&2; exit 96; }
echo "$2" >ranks
shift 2
exec "$@"
"""

QSTAT = """\
#!/usr/bin/env bash
# OpenPBS: qstat -f JOB
[[ $# == 2 && $1 == -f ]] || { echo "usage: qstat -f job_identifier" >&2; exit 2; }
[[ $2 == "$(cat "$SPOOL/number")" ]] || { echo "qstat: Unknown Job Id $2" >&2; exit 153; }
printf 'Job Id: %s\\n    Job_Name = distnn\\n' "$2"
[[ ! -s $SPOOL/limit ]] || printf '    Resource_List.walltime = %s\\n' "$(cat "$SPOOL/limit")"
printf '    Submit_arguments = launch/pbs.sh\\n\\n'
"""

SUBMIT = """\
#!/usr/bin/env bash
# qsub [options] SCRIPT, or flux batch [options] SCRIPT: only notes it; the test looks at it, and runs it
[[ -r ${!#} ]] || { echo "cannot read the script: $*" >&2; exit 1; }
printf '%s ' "$@" >>"$SPOOL/submitted"
echo >>"$SPOOL/submitted"
echo 2.server
"""

FLUX = """\
#!/usr/bin/env bash
case "$1 ${2:-}" in
"resource list") [[ $* == "resource list -no {ncores}" ]] && cat "$SPOOL/cores" ;;
"getattr parent-uri") echo local:///parent ;;
"proxy local:///parent") [[ $3 == flux ]] || exit 96; shift 3; FLUX_URI=local:///parent exec "$0" "$@" ;;
"batch "*)
    [[ $FLUX_URI == local:///parent ]] || { echo "would run inside the job" >&2; exit 96; }
    shift
    exec submit "$@" ;;
"run -n")
    [[ $3 =~ ^[1-9][0-9]*$ && "${*:4:6}" == "-c 1 -o cpu-affinity=per-task -o exit-timeout=30s" ]] ||
        { echo "flux-run: ERROR: $*" >&2; exit 96; }
    echo "$3" >ranks
    shift 9
    trap 'kill -USR1 $!' USR1 # flux run hands signals on
    "$@" & wait $! || code=$?
    if [[ ${code:-0} == 138 ]]; then wait $!; code=$?; fi
    exit "${code:-0}" ;;
*) echo "flux: '$1' is not a flux command" >&2; exit 1 ;;
esac
"""

SCONTROL = """\
#!/usr/bin/env bash
case "$1 ${2:-}" in
"show job") echo "JobId=$3 JobState=RUNNING" ;;
requeue*) echo "requeue $2" >>"$SPOOL/submitted"; exit 1 ;;
*) exit 1 ;;
esac
"""


@dataclass(frozen=True)
class System:
    """What is documented of one batch system: how its directives begin and are written, and its job's variables."""

    script: str
    mark: str
    short: str  # options of one letter, as getopt(3) writes them; all with one dash
    long: tuple[str, ...] = ()
    commands: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    ranks: str = ""  # the variable with the number of ranks
    one_dash: tuple[str, ...] = ()  # LSF: options of several letters with one dash

    def directives(self, text: str) -> dict[str, str]:
        """The options in a script, which a real command reads until the first line that is not a comment."""
        words: list[str] = []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                break
            if line.startswith(self.mark):
                words += shlex.split(line.removeprefix(self.mark))
        words = [f"-{word}" if word.lstrip("-") in self.one_dash and word[:2] != "--" else word for word in words]
        options, rest = getopt.getopt(words, self.short, list(self.long))
        assert not rest, f"{self.script}: the options end before {rest}"
        return {name.lstrip("-"): value for name, value in options}


SYSTEMS = {
    "pbs": System(
        "pbs.sh",
        "#PBS",
        "a:A:c:C:e:hI:j:J:k:l:m:M:N:o:p:P:q:r:S:u:v:VW:Xz",
        commands={"qstat": QSTAT, "qsub": SUBMIT},
        variables={"PBS_ENVIRONMENT": "PBS_BATCH", "PBS_JOBID": "1.server", "PBS_O_WORKDIR": "{folder}"},
        ranks="PBS_NODEFILE",
    ),
    "lsf": System(
        "lsf.sh",
        "#BSUB",
        "J:o:e:n:W:R:P:q:Q:r",
        long=("wa=", "wt="),
        one_dash=("wa", "wt"),
        variables={"LSB_JOBID": "1", "LSB_JOBINDEX": "0", "LS_SUBCWD": "{folder}", "LSB_DJOB_NUMPROC": "{ranks}"},
        ranks="LSB_DJOB_NUMPROC",
    ),
    "flux": System(
        "flux.sh",
        "#flux:",
        "n:t:N:c:o:",
        long=("job-name=", "output=", "cores-per-slot=", "signal=", "bank=", "queue="),
        commands={"flux": FLUX, "submit": SUBMIT},
        variables={"FLUX_URI": "local:///job"},
        ranks="cores",
    ),
    "slurm": System(
        "slurm.sbatch",
        "#SBATCH",
        "n:t:N:c:",
        long=(
            *("job-name=", "output=", "open-mode=", "cpus-per-task=", "threads-per-core=", "signal="),
            *("requeue", "ntasks=", "time=", "nodes=", "ntasks-per-node=", "account=", "partition=", "array="),
        ),
        commands={"scontrol": SCONTROL},
        variables={
            "SLURM_JOB_ID": "1",
            "SLURM_SUBMIT_DIR": "{folder}",
            "SLURM_NTASKS": "{ranks}",
            "SLURM_JOB_NUM_NODES": "1",
            "DISTNN_LAUNCHER": "mpirun",
        },
        ranks="SLURM_NTASKS",
    ),
}


class BatchSystem:
    """One of them, with a tiny checkout in a folder with a space in its name."""

    def __init__(self, name: str, folder: Path):
        self.system, self.folder = SYSTEMS[name], folder / "a checkout"
        self.spool = folder / "spool"
        self.spool.mkdir()
        shutil.copytree(LAUNCH, self.folder / "launch")
        (self.folder / "pyproject.toml").write_text("# nothing\n")
        programs = self.folder / ".venv/bin"
        programs.mkdir(parents=True)
        for program, text in {"python": TRAINER, "mpirun": MPIRUN, **self.system.commands}.items():
            (programs / program).write_text(text)
            (programs / program).chmod(0o755)
        (self.folder / ".venv/distnn-environment").write_text(f"{self.folder}\nMPI automatic\nextras \n# nothing\n")
        (self.spool / "number").write_text("1.server\n")
        (self.spool / "limit").write_text("04:00:00\n")
        (self.spool / "cores").write_text("4\n")
        (self.spool / "nodes").write_text("node1\n" * 4)

    def run(self, *behaviour: str, **changes: str | None) -> Job:
        """Start the script as a job that trains as told; `changes` to the variables of the job (None: not set)."""
        (self.folder / "behaviour").write_text("\n".join(behaviour) + "\n")
        script = self.folder / "launch" / self.system.script
        self.system.directives(script.read_text())
        shutil.copy(script, self.spool / "script")  # the real ones run a copy, too
        places = {"folder": str(self.folder), "ranks": "4"}
        variables: dict[str, str | None] = {n: v.format(**places) for n, v in self.system.variables.items()}
        variables |= {"PBS_NODEFILE": str(self.spool / "nodes")} if self.system.ranks == "PBS_NODEFILE" else {}
        variables |= {"SPOOL": str(self.spool), "DISTNN_VENV": None, "DISTNN_MPI": None}
        variables |= {"PATH": f"{self.folder}/.venv/bin{os.pathsep}/usr/bin{os.pathsep}/bin"}
        return Job(["bash", str(self.spool / "script")], cwd=self.folder, env=variables | changes)

    def trainings(self) -> list[str]:
        """The arguments of each training that was started."""
        path = self.folder / "trainings"
        return path.read_text().splitlines() if path.exists() else []

    def submitted(self) -> list[str]:
        """What the jobs submitted in turn."""
        path = self.spool / "submitted"
        return path.read_text().splitlines() if path.exists() else []
